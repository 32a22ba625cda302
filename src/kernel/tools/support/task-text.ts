/** How a background task is described to the model, line by line as the published tools do. */
import type { TaskView } from "../services/tasks.js";
import type { DisplayBlock } from "../tool.js";

/** The facts of a task, one a line. */
export function taskLines(task: TaskView): string[] {
  return [
    `task_id: ${task.taskId}`,
    `kind: ${task.kind}`,
    `status: ${task.status}`,
    `description: ${task.description}`,
    ...(task.command === null ? [] : [`command: ${task.command}`]),
    ...(task.exitCode === null ? [] : [`exit_code: ${task.exitCode}`]),
  ];
}

/** What a call that started a task gives back. `more` are further facts. */
export function startedTaskText(task: TaskView, more: readonly string[] = []): string {
  return [
    ...taskLines(task),
    ...more,
    "automatic_notification: true",
    "next_step: You will be automatically notified when it completes.",
    "next_step: Go on with other work. TaskOutput shows its status and output, TaskStop ends it.",
  ].join("\n");
}

export function taskDisplay(task: TaskView): DisplayBlock {
  const { taskId: task_id, kind, status, description } = task;
  return { type: "background_task", task_id, kind, status, description };
}

/** True while the task may still do something. */
export function isActive(task: Pick<TaskView, "status">): boolean {
  return task.status === "starting" || task.status === "running";
}
