/** The background tasks of a session, those of earlier kernels included: their records, their ends, who knows of them. */

import { delay, orAbort, settledWithin } from "../abort.js";
import type { BackgroundConfig } from "../config/config.js";
import { errorMessage } from "../errors.js";
import type { Logger } from "../logger.js";
import type { NoteRecord } from "../storage/session-log.js";
import { TaskRefused, type TaskView } from "../tools/services/tasks.js";
import { foundEnd, killAdopted } from "./adopted-command.js";
import { readTail } from "./output-log.js";
import { type TaskEnd, TaskEntry } from "./task-entry.js";
import { type TaskRecord, taskView } from "./task-record.js";
import type { TaskStore } from "./task-store.js";

/** Clients kill a kernel that takes longer than 2 s to end, so stubborn tasks get less than their usual grace. */
const LONGEST_EXIT_GRACE_MS = 1_000;

export interface TaskRegistryDeps {
  store: TaskStore;
  config: BackgroundConfig;
  /** Puts a record into the session's journal; may throw. */
  note: (record: NoteRecord, sync: boolean) => void;
  logger: Logger;
}

export class TaskRegistry {
  readonly #deps: TaskRegistryDeps;
  readonly #entries = new Map<string, TaskEntry>();
  #closed = false;

  constructor(deps: TaskRegistryDeps) {
    this.#deps = deps;
  }

  /** Reads the tasks of earlier kernels, once the session is held: those that died with theirs are lost. Throws KernelError. */
  open(): void {
    const { store } = this.#deps;
    for (const record of store.list()) {
      if (this.#entries.has(record.task_id)) continue;
      const entry = new TaskEntry(record);
      this.#entries.set(record.task_id, entry);
      if (!entry.active) continue;
      entry.adopted = true;
      entry.kill = (graceMs) => killAdopted(record, graceMs);
      this.#look(entry);
    }
  }

  list({ activeOnly, limit }: { activeOnly: boolean; limit: number }): TaskView[] {
    const entries = this.#all().filter((entry) => !activeOnly || entry.active);
    return entries
      .slice(-limit)
      .reverse()
      .map((entry) => taskView(entry.record));
  }

  view(taskId: string): TaskView | null {
    const entry = this.#entries.get(taskId);
    if (entry === undefined) return null;
    this.#look(entry);
    return taskView(entry.record);
  }

  async output(taskId: string, waitMs: number, signal: AbortSignal) {
    const entry = this.#entries.get(taskId);
    if (entry === undefined) return null;
    await this.#wait(entry, waitMs, signal);
    const { store, config } = this.#deps;
    const file = store.outputFile(taskId);
    return { task: taskView(entry.record), ...readTail(file, config.read_max_bytes), file };
  }

  async stop(taskId: string, reason: string): Promise<TaskView | null> {
    const entry = this.#entries.get(taskId);
    if (entry === undefined) return null;
    await this.#kill(entry, { status: "killed", reason }, this.#deps.config.kill_grace_period_ms);
    return taskView(entry.record);
  }

  /** Tasks that have ended and of which one side does not know yet, oldest first. */
  unannounced(to: "shown" | "told"): TaskRecord[] {
    return this.#all().flatMap(({ active, record }) => (active || record[to] ? [] : [record]));
  }

  /** From now on that side knows. */
  announced(record: TaskRecord, to: "shown" | "told"): void {
    record[to] = true;
    this.#write(record);
  }

  /** The end of what a task wrote, for the model. */
  tail(record: TaskRecord, maxBytes: number): string {
    return readTail(this.#deps.store.outputFile(record.task_id), maxBytes).text;
  }

  /** Ends every task that may not outlive the kernel and takes no more. Never throws. */
  async close(): Promise<void> {
    this.#closed = true;
    const grace = Math.min(this.#deps.config.kill_grace_period_ms, LONGEST_EXIT_GRACE_MS);
    const ours = [...this.#entries.values()].filter(({ active, record }) => active && !record.keep_alive);
    const wanted = { status: "killed", reason: "The kernel ended." } as const;
    await settledWithin(Promise.all(ours.map((entry) => this.#kill(entry, wanted, grace))), grace + 200);
    for (const entry of ours) this.end(entry, { status: "killed", exitCode: null, reason: wanted.reason });
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
  }

  /** Takes a new task and puts it on record. Throws TaskRefused when there is no room, and KernelError. */
  add(record: TaskRecord, effectId: string): TaskEntry {
    if (this.#closed) throw new TaskRefused("The kernel is ending.", "Not started");
    const most = this.#deps.config.max_running_tasks;
    if (this.#all().filter(({ active }) => active).length >= most) {
      throw new TaskRefused(
        `${most} background tasks run already. Wait for one to end or stop one.`,
        "Too many background tasks",
      );
    }
    const entry = new TaskEntry(record);
    const { task_id, kind, description } = record;
    this.#deps.store.write(record);
    this.#deps.note({ kind: "task_begin", task_id, task_kind: kind, effect_id: effectId, description }, true);
    this.#entries.set(task_id, entry);
    return entry;
  }

  /** The task runs: it is given this many seconds, and none at all when the kernel is ending. */
  running(entry: TaskEntry, seconds: number): void {
    if (this.#closed) void entry.kill(0);
    const wanted = { status: "timed_out", reason: `It took longer than ${seconds} s.` } as const;
    const late = () => void this.#kill(entry, wanted, this.#deps.config.kill_grace_period_ms);
    entry.timer = setTimeout(late, seconds * 1000);
    entry.timer.unref();
    this.#write(entry.record);
  }

  async #kill(entry: TaskEntry, wanted: NonNullable<TaskEntry["wanted"]>, graceMs: number): Promise<void> {
    if (!entry.active) return;
    entry.wanted ??= wanted;
    try {
      await entry.kill(graceMs);
      if (entry.adopted) this.end(entry, { status: "killed", exitCode: null, reason: wanted.reason });
      await entry.ended;
    } catch (error) {
      this.#warn(entry.record, error, "a background task could not be ended");
    }
  }

  /** Ends a task once; later ends are ignored. `announce` is false when the model knows of it as a failed call. */
  end(entry: TaskEntry, end: TaskEnd, announce = true): void {
    if (!entry.end(end)) return;
    const { record } = entry;
    if (!announce) Object.assign(record, { shown: true, told: true });
    this.#write(record);
    try {
      const { task_id, status, exit_code } = record;
      this.#deps.note({ kind: "task_end", task_id, status, exit_code }, true);
    } catch (error) {
      this.#warn(record, error, "the end of a background task was not recorded");
    }
  }

  /** Sees the end of a task that nobody told us of. */
  #look(entry: TaskEntry): void {
    if (!entry.adopted || !entry.active) return;
    const end = foundEnd(entry.record, this.#deps.store.exitCode(entry.record.task_id));
    if (end !== null) this.end(entry, end);
  }

  async #wait(entry: TaskEntry, waitMs: number, signal: AbortSignal): Promise<void> {
    const until = performance.now() + waitMs;
    for (;;) {
      this.#look(entry);
      const left = until - performance.now();
      if (!entry.active || left <= 0) return;
      const pause = entry.adopted ? Math.min(left, this.#deps.config.wait_poll_interval_ms) : left;
      const late = new AbortController();
      const waiting = delay(pause, AbortSignal.any([signal, late.signal]));
      await orAbort(Promise.race([entry.ended, waiting]), signal).finally(() => late.abort());
    }
  }

  #all(): TaskEntry[] {
    const entries = [...this.#entries.values()];
    for (const entry of entries) this.#look(entry);
    return entries;
  }

  #write(record: TaskRecord): void {
    try {
      this.#deps.store.write(record);
    } catch (error) {
      this.#warn(record, error, "a background task could not be written");
    }
  }

  #warn({ task_id }: TaskRecord, error: unknown, message: string): void {
    this.#deps.logger.warn({ task: task_id, error: errorMessage(error) }, message);
  }
}
