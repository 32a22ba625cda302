/** Which agent a command line asks for. Loaded only when it asks for one. */
import type { KernelConfig } from "../config/config.js";
import { KernelError } from "../errors.js";
import { OKABE } from "./built-in-agents.js";
import { loadAgentFile } from "./load-agent.js";
import type { LoadedAgent } from "./loaded-agent.js";

/** null for the default agent. Throws KernelError `usage`, also for a model that the configuration does not have. */
export async function selectAgent(
  flags: { agent: "default" | "okabe" | null; agentFile: string | null },
  config: KernelConfig,
): Promise<LoadedAgent | null> {
  if (flags.agentFile === null) return flags.agent === "okabe" ? OKABE : null;
  const agent = await loadAgentFile(flags.agentFile);
  if (agent.model !== null && !Object.hasOwn(config.models, agent.model)) {
    throw new KernelError("usage", `Invalid agent file ${flags.agentFile}: model ${agent.model} is not configured.`);
  }
  return agent;
}
