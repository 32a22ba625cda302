/** Work that goes on while the turn does other things, or after it. */
import type { AgentRun } from "./agents.js";

/** A task that cannot be started. The texts are for the model. */
export class TaskRefused extends Error {
  readonly brief: string;

  constructor(message: string, brief: string) {
    super(message);
    this.name = "TaskRefused";
    this.brief = brief;
  }
}

export type TaskStatus = "starting" | "running" | "completed" | "failed" | "timed_out" | "killed" | "lost";

export interface TaskView {
  taskId: string;
  kind: "bash" | "agent";
  status: TaskStatus;
  description: string;
  /** The command of a bash task; null for an agent. */
  command: string | null;
  exitCode: number | null;
}

export interface Tasks {
  /** Starts a command. Throws TaskRefused when too many tasks run, and what starting a process throws. */
  startCommand(request: {
    command: string;
    description: string;
    timeoutS: number;
    effectId: string;
    /** Told the process before the command can act. */
    onProcess?: (process: { pgid: number; startTime: string }) => void;
  }): Promise<TaskView>;
  /** Starts an agent. Throws TaskRefused, AgentFailure or ProviderError. */
  startAgent(request: AgentRun): Promise<TaskView & { agentId: string; actualType: string }>;
  list(options: { activeOnly: boolean; limit: number }): TaskView[];
  /** null for an unknown id. `waitMs` > 0 waits for the end at most that long. */
  output(
    taskId: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ task: TaskView; text: string; truncated: boolean; file: string } | null>;
  /** null for an unknown id. */
  view(taskId: string): TaskView | null;
  /** Ends a task and resolves when it has ended. null for an unknown id. */
  stop(taskId: string, reason: string): Promise<TaskView | null>;
}
