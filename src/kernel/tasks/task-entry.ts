/** One task of the registry: its record, the way to end it, and its end, which comes once. */
import type { TaskStatus } from "../tools/services/tasks.js";
import { isActive } from "../tools/support/task-text.js";
import type { TaskRecord } from "./task-record.js";

export interface TaskEnd {
  status: Exclude<TaskStatus, "starting" | "running">;
  exitCode: number | null;
  reason: string | null;
}

export class TaskEntry {
  readonly record: TaskRecord;
  /** Settles at the end of the task. Never rejects. */
  readonly ended: Promise<void>;
  /** Ends what runs; the end itself is told by whoever watches it. */
  kill: (graceMs: number) => Promise<void> = async () => {};
  /** Why it is being ended, so that its exit is not taken for its own. */
  wanted: { status: "killed" | "timed_out"; reason: string } | null = null;
  /** Started by an earlier kernel: nothing tells us of its end. */
  adopted = false;
  timer: NodeJS.Timeout | undefined;
  #settle: () => void = () => {};

  constructor(record: TaskRecord) {
    this.record = record;
    this.ended = isActive(record)
      ? new Promise((resolve) => {
          this.#settle = resolve;
        })
      : Promise.resolve();
  }

  get active(): boolean {
    return isActive(this.record);
  }

  /** Takes the end into the record; false when it had ended before. */
  end({ status, exitCode, reason }: TaskEnd): boolean {
    if (!this.active) return false;
    clearTimeout(this.timer);
    this.record.status = this.wanted?.status ?? status;
    this.record.exit_code = exitCode;
    this.record.reason = this.wanted?.reason ?? reason;
    this.record.ended_at = Date.now() / 1000;
    this.#settle();
    return true;
  }
}
