/** Kinds of subagents: what each is told and which tools it may use. Agent files add their own. */
import { type SystemFacts, subagentPrompt } from "../prompt/system-prompt.js";

export interface AgentType {
  name: string;
  /** One line for the model that chooses. */
  description: string;
  /** Whole system text. */
  systemPrompt: string;
  /** Names of its tools; null for all that a subagent may have. */
  tools: readonly string[] | null;
}

const READING = ["ReadFile", "ReadMediaFile", "Glob", "Grep", "SearchWeb", "FetchURL", "Think"];

/** The types that are always there, the default one first. */
export function builtinAgentTypes(facts: SystemFacts): AgentType[] {
  return [
    {
      name: "coder",
      description: "changes and runs code",
      systemPrompt: subagentPrompt(facts, "Do the task. Change files and run commands as it needs."),
      tools: null,
    },
    {
      name: "explore",
      description: "finds things out",
      systemPrompt: subagentPrompt(
        facts,
        "Find out what the task asks. Change nothing: commands only look. Name files with line numbers.",
      ),
      tools: [...READING, "Shell"],
    },
    {
      name: "plan",
      description: "plans a change",
      systemPrompt: subagentPrompt(
        facts,
        "Plan how to do the task. Change nothing. Give ordered steps, the files they touch, the risks and the checks.",
      ),
      tools: READING,
    },
  ];
}
