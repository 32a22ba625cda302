/** The tools of a subagent: a part of the session's, in the same order. */
import type { Toolset } from "../tools/toolset.js";

/** What only the session's own agent may use: nobody answers a subagent, and it starts no agents or tasks of its own. */
const NEVER: ReadonlySet<string> = new Set([
  ...["Agent", "AskUserQuestion", "TaskList", "TaskOutput", "TaskStop"],
  ...["EnterPlanMode", "ExitPlanMode", "SendDMail"],
]);

/** `tools` names what is left; null leaves all that a subagent may have. Other tools count as unknown. */
export function agentToolset(base: Toolset, tools: readonly string[] | null): Toolset {
  const allowed = (name: string): boolean => !NEVER.has(name) && (tools === null || tools.includes(name));
  return {
    definitions: async () => (await base.definitions()).filter(({ name }) => allowed(name)),
    find: async (name) => (allowed(name) ? base.find(name) : null),
  };
}
