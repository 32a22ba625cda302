/** Kinds of subagents: what each is told and which tools it may use. */
import type { LoadedAgent } from "../agent-spec/loaded-agent.js";
import { ROLE_ARGUMENT } from "../agent-spec/prompt-template.js";

export interface AgentType {
  name: string;
  /** One line for the model that chooses. */
  description: string;
  /** Whole system text of a new agent. */
  systemPrompt: () => string;
  /** Names of its tools; null for all that a subagent may have. */
  tools: readonly string[] | null;
  /** Tools that do not exist for it. */
  excluded: ReadonlySet<string>;
  /** Alias of its model; null for the session's. */
  model: string | null;
}

export interface AgentPrompts {
  /** The kernel's own text for a subagent with this role. */
  own(role: string): string;
  /** The text of an agent file that has one. */
  file(agent: LoadedAgent): string;
}

const READING = ["ReadFile", "ReadMediaFile", "Glob", "Grep", "SearchWeb", "FetchURL"];
const NONE: ReadonlySet<string> = new Set();

/**
 * The types of a session: the kernel's own three, the default one first, then those that its agent file names, which
 * may take the place of one of the three. The three have no tool that the session's own agent has not.
 */
export function agentTypes(agent: LoadedAgent | null, prompts: AgentPrompts): AgentType[] {
  const types = new Map(ownTypes(agent, prompts).map((type) => [type.name, type]));
  for (const { name, description, agent: own } of agent?.subagents ?? []) {
    types.set(name, fromFile(name, description, own, prompts));
  }
  return [...types.values()];
}

function ownTypes(agent: LoadedAgent | null, prompts: AgentPrompts): AgentType[] {
  const excluded = agent?.excluded ?? NONE;
  const mayHave = agent?.toolNames ?? null;
  const ownType = (name: string, description: string, tools: readonly string[] | null, role: string): AgentType => {
    const own =
      mayHave === null || tools === null ? (tools ?? mayHave) : tools.filter((tool) => mayHave.includes(tool));
    return { name, description, tools: own, systemPrompt: () => prompts.own(role), excluded, model: null };
  };
  return [
    ownType("coder", "changes and runs code", null, "Do the task. Change files and run commands as it needs."),
    ownType(
      "explore",
      "finds things out",
      [...READING, "Shell"],
      "Find out what the task asks. Change nothing: commands only look. Name files with line numbers.",
    ),
    ownType(
      "plan",
      "plans a change",
      READING,
      "Plan how to do the task. Change nothing. Give ordered steps, the files they touch, the risks and the checks.",
    ),
  ];
}

function fromFile(name: string, description: string, agent: LoadedAgent, prompts: AgentPrompts): AgentType {
  return {
    name,
    description,
    systemPrompt: () =>
      agent.systemPrompt === null ? prompts.own(agent.systemPromptArgs[ROLE_ARGUMENT] ?? "") : prompts.file(agent),
    tools: agent.toolNames,
    excluded: agent.excluded,
    model: agent.model,
  };
}
