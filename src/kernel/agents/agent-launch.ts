/** Everything about a run that is decided before it begins: which agent, of which type, on which model. */
import { join } from "node:path";
import type { ToolCall } from "../messages.js";
import type { ChatProvider } from "../providers/provider.js";
import { toContextMessage } from "../storage/context-format.js";
import type { FileOperations } from "../storage/file-operations.js";
import { AgentFailure, type AgentRun } from "../tools/services/agents.js";
import { History, type HistorySeed } from "../turn/history.js";
import { AgentFolder, readAgentHistory } from "./agent-folder.js";
import { type AgentMeta, isAgentId, newAgentId, readAgentMeta } from "./agent-meta.js";
import type { AgentType } from "./agent-type.js";

export interface AgentLaunch {
  agentId: string;
  resumed: boolean;
  type: AgentType;
  provider: ChatProvider;
  folder: AgentFolder;
  history: History;
}

export interface AgentPlaces {
  ops: FileOperations;
  /** The folder of all agents of the session. */
  root: string;
  types: readonly AgentType[];
  /** Ids of agents that run; the launched one joins them. */
  running: Set<string>;
  /** The session's driver, or that of another model. Throws AgentFailure for an alias that cannot be used. */
  provider(alias: string | null): Promise<ChatProvider>;
}

/**
 * Finds or creates the agent. Throws AgentFailure with the reason for the model, and KernelError when its files cannot
 * be written. The caller closes the folder and takes the agent out of the running ones.
 */
export async function launchAgent(request: AgentRun, places: AgentPlaces): Promise<AgentLaunch> {
  const known = request.resume === null ? null : findAgent(request.resume, places);
  const type = findType(known?.subagent_type ?? request.subagentType, places.types);
  const model = request.model ?? known?.launch_spec.model_override ?? type.model;
  const provider = await places.provider(model);
  // Asked again: another call of the same step may have resumed it meanwhile.
  if (known !== null) findAgent(known.agent_id, places);
  const meta = known ?? newMeta(request, type, model === null ? null : provider.modelName);
  places.running.add(meta.agent_id);
  let folder: AgentFolder | null = null;
  try {
    folder = new AgentFolder(places.ops, join(places.root, meta.agent_id), meta);
    const calls = request.earlier?.turn.step?.calls;
    const resultOf = ({ id }: ToolCall) => calls?.get(id)?.result?.returnValue ?? null;
    const seed = known === null ? null : readAgentHistory(folder.dir, resultOf);
    if (seed !== null && seed.missing.length > 0) folder.append(seed.missing.map(toContextMessage));
    const history = new History(seed ?? begun(folder, type.systemPrompt()), folder);
    folder.writePrompt(request.prompt);
    return { agentId: meta.agent_id, resumed: known !== null, type, provider, folder, history };
  } catch (error) {
    places.running.delete(meta.agent_id);
    folder?.close();
    throw error;
  }
}

function findAgent(id: string, { root, running }: AgentPlaces): AgentMeta {
  const meta = isAgentId(id) ? readAgentMeta(join(root, id)) : null;
  if (meta === null) throw new AgentFailure(`There is no agent \`${id}\` in this session.`, "Agent not found");
  if (running.has(id)) throw new AgentFailure(`Agent \`${id}\` is still running.`, "Agent is running");
  return meta;
}

function findType(name: string, types: readonly AgentType[]): AgentType {
  const type = types.find((each) => each.name === name);
  if (type !== undefined) return type;
  const names = types.map((each) => each.name).join(", ");
  throw new AgentFailure(`There is no subagent type \`${name}\`; there are ${names}.`, "Unknown subagent type");
}

function begun(folder: AgentFolder, systemPrompt: string): HistorySeed {
  folder.append([{ role: "_system_prompt", content: systemPrompt }]);
  return { systemPrompt, messages: [], nextCheckpoint: 0, tokenCount: null };
}

function newMeta(request: AgentRun, type: AgentType, effectiveModel: string | null): AgentMeta {
  const agent_id = newAgentId();
  const created_at = Date.now() / 1000;
  return {
    agent_id,
    subagent_type: type.name,
    status: "idle",
    description: request.description,
    created_at,
    updated_at: created_at,
    last_task_id: null,
    launch_spec: {
      agent_id,
      subagent_type: type.name,
      model_override: request.model,
      effective_model: effectiveModel,
      created_at,
    },
  };
}
