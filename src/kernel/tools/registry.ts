/** Every tool of the kernel, one lazy line each: a tool's module loads when it is first needed. */
import type { Tool } from "./tool.js";

/** In the order in which they are listed to the model. */
const DEFAULT_TOOLS = {
  Agent: () => import("./agent.js").then((m) => m.agent),
  AskUserQuestion: () => import("./ask-user-question.js").then((m) => m.askUserQuestion),
  SetTodoList: () => import("./set-todo-list.js").then((m) => m.setTodoList),
  Shell: () => import("./shell.js").then((m) => m.shell),
  TaskList: () => import("./task-list.js").then((m) => m.taskList),
  TaskOutput: () => import("./task-output.js").then((m) => m.taskOutput),
  TaskStop: () => import("./task-stop.js").then((m) => m.taskStop),
  ReadFile: () => import("./read-file.js").then((m) => m.readFile),
  ReadMediaFile: () => import("./read-media-file.js").then((m) => m.readMediaFile),
  Glob: () => import("./glob.js").then((m) => m.glob),
  Grep: () => import("./grep.js").then((m) => m.grep),
  WriteFile: () => import("./write-file.js").then((m) => m.writeFile),
  StrReplaceFile: () => import("./str-replace-file.js").then((m) => m.strReplaceFile),
  FetchURL: () => import("./fetch-url.js").then((m) => m.fetchUrl),
  ExitPlanMode: () => import("./exit-plan-mode.js").then((m) => m.exitPlanMode),
  EnterPlanMode: () => import("./enter-plan-mode.js").then((m) => m.enterPlanMode),
} satisfies Record<string, () => Promise<Tool>>;

/** Callable, but not listed unless an agent file names them. */
const OTHER_TOOLS = {
  Think: () => import("./think.js").then((m) => m.think),
  SendDMail: () => import("./send-dmail.js").then((m) => m.sendDMail),
} satisfies Record<string, () => Promise<Tool>>;

const TOOLS: ReadonlyMap<string, () => Promise<Tool>> = new Map(
  Object.entries<() => Promise<Tool>>({ ...DEFAULT_TOOLS, ...OTHER_TOOLS }),
);

/** Names of tools that the published tool set has and this kernel has not yet. */
const RESERVED_NAMES = ["SearchWeb"] as const;

/** Names of the default loadout, in its order. */
export const DEFAULT_TOOL_NAMES: readonly string[] = Object.keys(DEFAULT_TOOLS);

/** Names that external tools may not take. */
export const BUILTIN_TOOL_NAMES: ReadonlySet<string> = new Set([...TOOLS.keys(), ...RESERVED_NAMES]);

/** Gives a tool by its exact name, listed or not; null when there is none. */
export async function loadTool(name: string): Promise<Tool | null> {
  return (await TOOLS.get(name)?.()) ?? null;
}

/** Gives the default loadout in its order; the caller leaves out what is not visible to the model. */
export function loadDefaultTools(): Promise<Tool[]> {
  return Promise.all(Object.values<() => Promise<Tool>>(DEFAULT_TOOLS).map((load) => load()));
}
