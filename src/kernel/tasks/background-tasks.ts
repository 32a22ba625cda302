/** Starts work in the background and tells the tools about it. */
import type { AgentRunner } from "../agents/agent-runner.js";
import type { BackgroundConfig } from "../config/config.js";
import { errorMessage } from "../errors.js";
import type { ProcessExit, ProcessGroups } from "../processes/process-groups.js";
import type { AgentRun } from "../tools/services/agents.js";
import type { Tasks, TaskView } from "../tools/services/tasks.js";
import { startCommand } from "./command-task.js";
import { OutputLog } from "./output-log.js";
import type { TaskEnd, TaskEntry } from "./task-entry.js";
import { newTaskRecord, type TaskRecord, taskView } from "./task-record.js";
import type { TaskRegistry } from "./task-registry.js";
import type { TaskStore } from "./task-store.js";

export interface BackgroundTasksDeps {
  registry: TaskRegistry;
  store: TaskStore;
  config: BackgroundConfig;
  agents: AgentRunner;
  processes: ProcessGroups;
  workDir: string;
  /** For commands. */
  env: Readonly<Record<string, string>>;
}

type CommandRequest = Parameters<Tasks["startCommand"]>[0];

export class BackgroundTasks implements Tasks {
  readonly #deps: BackgroundTasksDeps;

  constructor(deps: BackgroundTasksDeps) {
    this.#deps = deps;
  }

  async startCommand(request: CommandRequest): Promise<TaskView> {
    const { registry, config } = this.#deps;
    const { command, description, timeoutS } = request;
    const keep_alive = config.keep_alive_on_exit;
    const record = newTaskRecord({
      kind: "bash",
      description,
      command,
      agent_id: null,
      timeout_s: timeoutS,
      keep_alive,
    });
    const view = taskView(record);
    return await this.#started(record, request.effectId, async (entry) => {
      const running = await this.#spawn(record, request);
      entry.kill = (graceMs) => running.kill(graceMs);
      registry.running(entry, timeoutS);
      void running.exited.then((exit) => registry.end(entry, endOf(exit)));
      return view;
    });
  }

  async startAgent(request: AgentRun): Promise<TaskView & { agentId: string; actualType: string }> {
    const { registry, agents, config, store } = this.#deps;
    const timeout_s = request.timeoutS ?? config.agent_task_timeout_s;
    const record = newTaskRecord({
      kind: "agent",
      description: request.description,
      command: null,
      agent_id: null,
      timeout_s,
      keep_alive: false,
    });
    const view = taskView(record);
    return await this.#started(record, "", async (entry) => {
      const ending = new AbortController();
      entry.kill = async () => ending.abort(new Error("The background task was ended."));
      const log = new OutputLog(store.outputFile(record.task_id));
      const task = { taskId: record.task_id, signal: ending.signal, onOutput: (text: string) => log.append(text) };
      const started = await agents.start({ ...request, timeoutS: null }, task).catch((error: unknown) => {
        log.close();
        throw error;
      });
      record.agent_id = started.agentId;
      record.status = "running";
      registry.running(entry, timeout_s);
      void started.done
        .then(
          () => registry.end(entry, { status: "completed", exitCode: null, reason: null }),
          (error: unknown) => registry.end(entry, failure(error)),
        )
        .finally(() => log.close());
      return { ...view, agentId: started.agentId, actualType: started.actualType };
    });
  }

  list(options: { activeOnly: boolean; limit: number }): TaskView[] {
    return this.#deps.registry.list(options);
  }

  view(taskId: string): TaskView | null {
    return this.#deps.registry.view(taskId);
  }

  output(taskId: string, waitMs: number, signal: AbortSignal) {
    return this.#deps.registry.output(taskId, waitMs, signal);
  }

  stop(taskId: string, reason: string): Promise<TaskView | null> {
    return this.#deps.registry.stop(taskId, reason);
  }

  /** A task that cannot be started has failed, and the caller says so. */
  async #started<T>(record: TaskRecord, effectId: string, start: (entry: TaskEntry) => Promise<T>): Promise<T> {
    const { registry } = this.#deps;
    const entry = registry.add(record, effectId);
    try {
      return await start(entry);
    } catch (error) {
      registry.end(entry, failure(error), false);
      throw error;
    }
  }

  #spawn(record: TaskRecord, { command, onProcess }: CommandRequest) {
    const { store, processes, workDir, env } = this.#deps;
    const onStarted = (process: { pgid: number; startTime: string }) => {
      record.process = { pgid: process.pgid, start_time: process.startTime };
      record.status = "running";
      store.write(record);
      onProcess?.(process);
    };
    return startCommand({ record: { ...record, command }, store, processes, cwd: workDir, env, onStarted });
  }
}

function failure(error: unknown): TaskEnd {
  return { status: "failed", exitCode: null, reason: errorMessage(error) };
}

function endOf({ code, signal }: ProcessExit): TaskEnd {
  if (code === 0) return { status: "completed", exitCode: 0, reason: null };
  return { status: "failed", exitCode: code, reason: code === null ? `It was killed by ${signal}.` : null };
}
