/** The subagents of an agent file as types that the session can run. */
import type { AgentType } from "../agents/agent-type.js";
import { subagentPrompt } from "../prompt/system-prompt.js";
import type { LoadedAgent } from "./loaded-agent.js";
import { fillTemplate, type PromptFacts, ROLE_ARGUMENT } from "./prompt-template.js";

const NO_ROLE = "Do the task.";

/** In file order; none for an agent without any. Each has the tools of its own file, whatever the session's agent has. */
export function subagentTypes(agent: LoadedAgent | null, facts: PromptFacts): AgentType[] {
  return (agent?.subagents ?? []).map(({ name, description, agent: own }) => {
    const { systemPrompt, systemPromptArgs, toolNames, excluded, model } = own;
    const text =
      systemPrompt === null
        ? subagentPrompt(facts, systemPromptArgs[ROLE_ARGUMENT] ?? NO_ROLE)
        : fillTemplate(systemPrompt, systemPromptArgs, facts);
    return { name, description, systemPrompt: text, tools: null, loadout: { toolNames, excluded }, model };
  });
}
