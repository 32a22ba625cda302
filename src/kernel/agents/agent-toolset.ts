/** The tools of a subagent: a part of the session's, in the same order. */
import type { Toolset } from "../tools/toolset.js";
import type { AgentType } from "./agent-type.js";

/** What only the session's own agent may use: nobody answers a subagent, and it starts no agents or tasks of its own. */
const NEVER: ReadonlySet<string> = new Set([
  ...["Agent", "AskUserQuestion", "TaskList", "TaskOutput", "TaskStop"],
  ...["EnterPlanMode", "ExitPlanMode", "SendDMail"],
]);

/** What the type names and does not exclude; with no names all that a subagent may have. Other tools count as unknown. */
export function agentToolset(base: Toolset, { tools, excluded }: Pick<AgentType, "tools" | "excluded">): Toolset {
  const allowed = (name: string): boolean =>
    !NEVER.has(name) && !excluded.has(name) && (tools === null || tools.includes(name));
  return {
    definitions: async () => (await base.definitions()).filter(({ name }) => allowed(name)),
    find: async (name) => (allowed(name) ? base.find(name) : null),
  };
}
