/** The agents that `--agent` names. */
import { DEFAULT_TOOL_NAMES } from "../tools/registry.js";
import type { LoadedAgent } from "./loaded-agent.js";

/** The default loadout, and SendDMail: an agent that can take back detours of its conversation. */
export const OKABE: LoadedAgent = {
  name: "okabe",
  description: "",
  systemPrompt: null,
  systemPromptArgs: {},
  model: null,
  toolNames: [...DEFAULT_TOOL_NAMES, "SendDMail"],
  excluded: new Set(),
  subagents: [],
};
