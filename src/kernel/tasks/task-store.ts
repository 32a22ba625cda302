/** The folders of a session's tasks: one record each, and what the task wrote. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../storage/checked-write.js";
import { type FileOperations, nodeFileOperations } from "../storage/file-operations.js";
import { asObject, parseObject } from "../storage/line-json.js";
import { isTaskId, type TaskRecord } from "./task-record.js";

export class TaskStore {
  readonly #root: string;
  readonly #ops: FileOperations;

  /** `root` is created with the first task. */
  constructor(root: string, ops: FileOperations = nodeFileOperations) {
    this.#root = root;
    this.#ops = ops;
  }

  /** Replaces a record whole and puts it on the disk. Throws KernelError. */
  write(record: TaskRecord): void {
    const folder = join(this.#root, record.task_id);
    this.#ops.mkdir(folder);
    const path = join(folder, "task.json");
    const bytes = Buffer.from(`${JSON.stringify(record, null, 2)}\n`);
    replaceFile(this.#ops, { path, temporary: `${path}.new`, folder }, bytes, "a background task");
  }

  /** All records, oldest first; what cannot be read is left out. */
  list(): TaskRecord[] {
    return this.#names()
      .flatMap((name) => this.#read(name) ?? [])
      .sort((a, b) => a.created_at - b.created_at);
  }

  /** Where a task's output goes. */
  outputFile(taskId: string): string {
    return join(this.#root, taskId, "output.log");
  }

  /** Where a command that outlives the kernel leaves its exit code. */
  exitFile(taskId: string): string {
    return join(this.#root, taskId, "exit_code");
  }

  /** The exit code that was left there; null when there is none. */
  exitCode(taskId: string): number | null {
    try {
      const code = Number.parseInt(readFileSync(this.exitFile(taskId), "utf8"), 10);
      return Number.isNaN(code) ? null : code;
    } catch {
      return null;
    }
  }

  #names(): string[] {
    try {
      return readdirSync(this.#root).filter((name) => isTaskId(name));
    } catch {
      return [];
    }
  }

  #read(name: string): TaskRecord | null {
    try {
      const value = parseObject(readFileSync(join(this.#root, name, "task.json"), "utf8"));
      return value !== null && isRecord(value, name) ? value : null;
    } catch {
      return null;
    }
  }
}

function isRecord(value: Record<string, unknown>, name: string): value is Record<string, unknown> & TaskRecord {
  const texts = [value.kind, value.description, value.status, value.notification_id];
  const process = asObject(value.process);
  const processFits =
    process === null || (Number.isSafeInteger(process.pgid) && typeof process.start_time === "string");
  return (
    value.version === 1 &&
    value.task_id === name &&
    texts.every((text) => typeof text === "string") &&
    typeof value.created_at === "number" &&
    processFits
  );
}
