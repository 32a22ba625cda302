/** A background task as it is kept on disk, in `tasks/<id>/task.json`. Times are seconds since the epoch. */
import { randomBytes } from "node:crypto";
import type { TaskStatus, TaskView } from "../tools/services/tasks.js";

export interface TaskRecord {
  version: 1;
  task_id: string;
  kind: TaskView["kind"];
  description: string;
  /** null for an agent. */
  command: string | null;
  /** null for a command. */
  agent_id: string | null;
  status: TaskStatus;
  /** Seconds it may take; null without a limit. */
  timeout_s: number | null;
  /** Told to go on after the kernel. */
  keep_alive: boolean;
  /** Group and start time of a command, which together name one process for ever; null before it runs. */
  process: { pgid: number; start_time: string } | null;
  created_at: number;
  ended_at: number | null;
  exit_code: number | null;
  /** Why it ended, when someone ended it or it failed; null otherwise. */
  reason: string | null;
  notification_id: string;
  /** The client has seen the notification, the model has. */
  shown: boolean;
  told: boolean;
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
const TASK_ID = /^(?:bash|agent)-[a-z0-9]{8}$/;

/** A task that is about to start. */
export function newTaskRecord(
  fields: Pick<TaskRecord, "kind" | "description" | "command" | "agent_id" | "timeout_s" | "keep_alive">,
): TaskRecord {
  return {
    version: 1,
    task_id: `${fields.kind}-${Array.from(randomBytes(8), (byte) => ALPHABET[byte % ALPHABET.length]).join("")}`,
    ...fields,
    status: "starting",
    process: null,
    created_at: Date.now() / 1000,
    ended_at: null,
    exit_code: null,
    reason: null,
    notification_id: `n${randomBytes(4).toString("hex")}`,
    shown: false,
    told: false,
  };
}

/** True for a text that names a task and therefore may be a folder's name. */
export function isTaskId(text: string): boolean {
  return TASK_ID.test(text);
}

/** What the tools see of it. */
export function taskView(record: TaskRecord): TaskView {
  return {
    taskId: record.task_id,
    kind: record.kind,
    status: record.status,
    description: record.description,
    command: record.command,
    exitCode: record.exit_code,
  };
}
