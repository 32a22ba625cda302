/** Work that goes on while the turn does other things, or after it. */
import type { AgentRun } from "./agents.js";

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
  /** Starts a command. Throws KernelError `usage` when too many tasks run. */
  startCommand(request: {
    command: string;
    description: string;
    timeoutS: number;
    effectId: string;
  }): Promise<TaskView>;
  /** Starts an agent. Throws as startCommand. */
  startAgent(request: AgentRun): Promise<TaskView & { agentId: string }>;
  list(options: { activeOnly: boolean; limit: number }): TaskView[];
  /** null for an unknown id. `waitMs` > 0 waits for the end at most that long. */
  output(
    taskId: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ task: TaskView; text: string; truncated: boolean; file: string } | null>;
  /** null for an unknown id. */
  stop(taskId: string, reason: string): Promise<TaskView | null>;
}
