/** The names by which agent files call tools: Python paths of the published tool set, or the plain name. */

const PREFIX = "kimi_cli.tools.";

const MODULES: Readonly<Record<string, readonly string[]>> = {
  agent: ["Agent"],
  ask_user: ["AskUserQuestion"],
  todo: ["SetTodoList"],
  shell: ["Shell"],
  background: ["TaskList", "TaskOutput", "TaskStop"],
  file: ["ReadFile", "ReadMediaFile", "Glob", "Grep", "WriteFile", "StrReplaceFile"],
  web: ["SearchWeb", "FetchURL"],
  plan: ["ExitPlanMode"],
  "plan.enter": ["EnterPlanMode"],
  dmail: ["SendDMail"],
  think: ["Think"],
};

const NAMES: ReadonlySet<string> = new Set(Object.values(MODULES).flat());

/** Gives the name of the tool; null when there is none. */
export function toolNameOf(given: string): string | null {
  if (NAMES.has(given)) return given;
  const [path = "", name = "", ...more] = given.split(":");
  if (more.length > 0 || !path.startsWith(PREFIX)) return null;
  const module = path.slice(PREFIX.length);
  return Object.hasOwn(MODULES, module) && MODULES[module]?.includes(name) === true ? name : null;
}
