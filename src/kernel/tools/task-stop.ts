import * as z from "zod/mini";
import { isActive, taskDisplay, taskLines } from "./support/task-text.js";
import { defineTool, toolError, toolOk } from "./tool.js";

const parameters = z.object({
  task_id: z.string(),
  reason: z._default(z.string(), "Stopped by TaskStop"),
});

/** Ends a task, after asking. */
export const taskStop = defineTool({
  name: "TaskStop",
  description: "Stop a background task.",
  parameters,
  listed: ["task_id"],
  async prepare({ task_id, reason }, { services }) {
    const { tasks } = services;
    if (tasks === null) return toolError("There are no background tasks here.", "Not supported");
    const task = tasks.view(task_id);
    if (task === null) return toolError(`Task not found: ${task_id}`, "Task not found");
    if (!isActive(task)) return toolError(`Task ${task_id} has ended already: ${task.status}.`, "Task has ended");
    return {
      ask: {
        action: "stop background task",
        description: `Stop background task \`${task_id}\``,
        display: [taskDisplay(task)],
        subject: { kind: "task", taskId: task_id },
      },
      effect: "none",
      async execute() {
        const stopped = (await tasks.stop(task_id, reason.trim() || "Stopped by TaskStop")) ?? task;
        return toolOk(taskLines(stopped).join("\n"), "Task stop requested.", [taskDisplay(stopped)]);
      },
    };
  },
});
