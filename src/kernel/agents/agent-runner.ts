/** Runs subagents: each with a conversation, files and tools of its own, on the session's journal and approval gate. */
import { join } from "node:path";
import type { ApprovalGate } from "../approval/approval-gate.js";
import type { ApprovalOrigin } from "../approval/pending-approval.js";
import type { LoopControl } from "../config/config.js";
import { errorMessage } from "../errors.js";
import type { Hooks } from "../hooks/hooks.js";
import type { Logger } from "../logger.js";
import type { ChatProvider } from "../providers/provider.js";
import { type FileOperations, nodeFileOperations } from "../storage/file-operations.js";
import { AgentFailure, type AgentResult, type AgentRun, type Agents } from "../tools/services/agents.js";
import type { Toolset } from "../tools/toolset.js";
import type { TurnRecorder } from "../turn/turn-recorder.js";
import { type AgentLaunch, launchAgent } from "./agent-launch.js";
import type { AgentStatus } from "./agent-meta.js";
import { AgentRecorder } from "./agent-recorder.js";
import { agentToolset } from "./agent-toolset.js";
import type { AgentType } from "./agent-type.js";
import { runAgent } from "./run-agent.js";

export interface AgentRunnerDeps {
  recorder: TurnRecorder;
  gate: ApprovalGate;
  hooks: Hooks;
  types: readonly AgentType[];
  /** A fresh toolset for one agent of this type on this model. */
  toolset(type: AgentType, provider: ChatProvider): Toolset;
  /** The session's driver, or that of another model. Throws AgentFailure for an alias that cannot be used. */
  provider(alias: string | null): Promise<ChatProvider>;
  loop: LoopControl;
  workDir: string;
  /** The id that all approvals of the running turn share. */
  turnSourceId: () => string;
  planMode: () => boolean;
  random: () => number;
  freshCallId: () => string;
  logger: Logger;
  ops?: FileOperations;
}

/** A background task that an agent runs for. */
export interface AgentTask {
  taskId: string;
  /** Ends the agent. */
  signal: AbortSignal;
  onOutput: (text: string) => void;
}

export interface StartedAgent {
  agentId: string;
  actualType: string;
  /** Rejects as `run` does. */
  done: Promise<AgentResult>;
}

export class AgentRunner implements Agents {
  readonly types: readonly AgentType[];
  readonly #deps: AgentRunnerDeps;
  readonly #running = new Set<string>();

  constructor(deps: AgentRunnerDeps) {
    this.#deps = deps;
    this.types = deps.types;
  }

  async run(request: AgentRun, signal: AbortSignal): Promise<AgentResult> {
    const { done } = await this.#begin(request, null, signal);
    return await done;
  }

  /** Resolves when the agent has begun. Throws as `run` does, before anything began. */
  start(request: AgentRun, task: AgentTask): Promise<StartedAgent> {
    return this.#begin(request, task, task.signal);
  }

  async #begin(request: AgentRun, task: AgentTask | null, signal: AbortSignal): Promise<StartedAgent> {
    const { recorder, provider, ops = nodeFileOperations } = this.#deps;
    const root = join(recorder.log.dir, "subagents");
    const launch = await launchAgent(request, { ops, root, types: this.types, running: this.#running, provider });
    const { agentId, folder, type, resumed } = launch;
    try {
      if (request.earlier === undefined) await this.#deps.hooks.subagentStarting(type.name, request.prompt, signal);
      signal.throwIfAborted();
      folder.update(
        task === null ? { status: "running_foreground" } : { status: "running_background", last_task_id: task.taskId },
      );
      const task_id = task?.taskId ?? null;
      const begin = { agent_id: agentId, tool_call_id: request.toolCallId, task_id, subagent_type: type.name, resumed };
      recorder.note({ kind: "agent_begin", ...begin }, true);
    } catch (error) {
      this.#release(launch, "failed");
      throw error;
    }
    return { agentId, actualType: type.name, done: this.#finish(request, launch, task, signal) };
  }

  async #finish(
    request: AgentRun,
    launch: AgentLaunch,
    task: AgentTask | null,
    signal: AbortSignal,
  ): Promise<AgentResult> {
    const limit = timeLimit(signal, request.timeoutS);
    let status: AgentStatus = "failed";
    try {
      const deps = this.#turnDeps(request, launch, task, signal);
      const text = await runAgent(request.prompt, deps, limit.signal, request.earlier?.turn ?? null);
      launch.folder.output(`\n[summary]\n${text}\n`);
      task?.onOutput(`\n[summary]\n${text}\n`);
      status = "idle";
      this.#deps.hooks.subagentStopped(launch.type.name, text);
      return { agentId: launch.agentId, resumed: launch.resumed, actualType: launch.type.name, text };
    } catch (error) {
      if (signal.aborted) status = "killed";
      throw error;
    } finally {
      limit.clear();
      this.#end(launch, status);
    }
  }

  #turnDeps(request: AgentRun, launch: AgentLaunch, task: AgentTask | null, signal: AbortSignal) {
    const { recorder: session, gate, hooks, loop, workDir, random, freshCallId, planMode, toolset } = this.#deps;
    const { agentId, folder, history, provider, type } = launch;
    const who = { agentId, subagentType: type.name };
    const origin: ApprovalOrigin =
      task === null
        ? { sourceKind: "foreground_turn", sourceId: this.#deps.turnSourceId(), ...who }
        : { sourceKind: "background_agent", sourceId: task.taskId, ...who };
    const recorder = new AgentRecorder({
      session,
      folder,
      ...who,
      shownTo: task === null ? request.toolCallId : null,
      silenced: () => signal.aborted,
      onOutput: task?.onOutput ?? (() => {}),
    });
    return {
      recorder,
      gate,
      hooks,
      loop,
      workDir,
      random,
      planMode,
      provider,
      history,
      origin,
      toolset: agentToolset(toolset(type, provider), type),
      maxAttempts: loop.max_retries_per_step,
      freshId: freshCallId,
    };
  }

  /** The run is over, whatever can still be written about it. */
  #end(launch: AgentLaunch, status: AgentStatus): void {
    try {
      this.#deps.recorder.note({ kind: "agent_end", agent_id: launch.agentId, outcome: status }, false);
    } catch (error) {
      this.#deps.logger.warn({ agent: launch.agentId, error: errorMessage(error) }, "an agent's end was not recorded");
    }
    this.#release(launch, status);
  }

  #release({ agentId, folder }: AgentLaunch, status: AgentStatus): void {
    try {
      folder.update({ status });
    } catch (error) {
      this.#deps.logger.warn({ agent: agentId, error: errorMessage(error) }, "an agent's state was not written");
    }
    folder.close();
    this.#running.delete(agentId);
  }
}

/** Aborts with the signal, or with an AgentFailure after `seconds`. The caller clears it. */
function timeLimit(signal: AbortSignal, seconds: number | null): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  const late = () => controller.abort(new AgentFailure(`The agent timed out after ${seconds} s.`, "Agent timed out"));
  const timer = seconds === null ? undefined : setTimeout(late, seconds * 1000);
  const clear = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  };
  return { signal: controller.signal, clear };
}
