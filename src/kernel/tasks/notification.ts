/** What is said about a task that has ended: an event for the client, a message for the model. */
import type { TaskStatus } from "../tools/services/tasks.js";
import type { TaskRecord } from "./task-record.js";

type Severity = "info" | "success" | "warning" | "error";

const SEVERITIES: Partial<Record<TaskStatus, Severity>> = {
  completed: "success",
  failed: "error",
  timed_out: "error",
  killed: "warning",
  lost: "warning",
};

export interface Notification {
  id: string;
  category: "task";
  type: string;
  source_kind: "background_task";
  source_id: string;
  title: string;
  body: string;
  severity: Severity;
  created_at: number;
  payload: Record<string, unknown>;
}

/** The payload of the Notification event (wire.md 3.6). */
export function taskNotification(record: TaskRecord): Notification {
  const { task_id, status } = record;
  return {
    id: record.notification_id,
    category: "task",
    type: `task.${status}`,
    source_kind: "background_task",
    source_id: task_id,
    title: `Background task ${status.replace("_", " ")}: ${record.description}`,
    body: body(record).join("\n"),
    severity: SEVERITIES[status] ?? "info",
    created_at: record.ended_at ?? record.created_at,
    payload: {
      task_id,
      task_kind: record.kind,
      status,
      description: record.description,
      exit_code: record.exit_code,
      reason: record.reason,
      agent_id: record.agent_id,
    },
  };
}

/** The same for the model, with the end of what the task wrote. */
export function notificationText(record: TaskRecord, tail: string): string {
  const { id, category, type, source_kind, source_id, title, severity } = taskNotification(record);
  const head = { id, category, type, source_kind, source_id };
  const attributes = Object.entries(head).map(([name, value]) => `${name}="${value}"`);
  return [
    `<notification ${attributes.join(" ")}>`,
    `Title: ${title}`,
    `Severity: ${severity}`,
    ...body(record),
    ...(tail === "" ? [] : ["Output tail:", tail]),
    "</notification>",
  ].join("\n");
}

/** The last `lines` lines of a text, at most `chars` characters of them. */
export function tailOf(text: string, lines: number, chars: number): string {
  const last = lines === 0 ? "" : text.trimEnd().split("\n").slice(-lines).join("\n");
  return last.length <= chars ? last : last.slice(last.length - chars);
}

function body(record: TaskRecord): string[] {
  const { ended_at, created_at, exit_code, reason } = record;
  const when =
    ended_at === null ? "" : ` (${clock(ended_at)}, after ${Math.max(0, Math.round(ended_at - created_at))}s)`;
  return [
    `Task ID: ${record.task_id}`,
    `Status: ${record.status}${when}`,
    `Description: ${record.description}`,
    ...(exit_code === null ? [] : [`Exit code: ${exit_code}`]),
    ...(reason === null ? [] : [`Reason: ${reason}`]),
  ];
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 19);
}
