import * as z from "zod/mini";
import { taskDisplay, taskLines } from "./support/task-text.js";
import { defineTool, toolError, toolOk } from "./tool.js";

const MAX_LIMIT = 100;

const parameters = z.object({
  active_only: z._default(z.boolean(), true),
  limit: z._default(z.int().check(z.gte(1), z.lte(MAX_LIMIT)), 20),
});

/** The tasks of the session, the newest first. */
export const taskList = defineTool({
  name: "TaskList",
  description: "List background tasks.",
  parameters,
  listed: ["active_only"],
  async prepare({ active_only, limit }, { services }) {
    const { tasks } = services;
    if (tasks === null) return toolError("There are no background tasks here.", "Not supported");
    return {
      ask: null,
      effect: "none",
      async execute() {
        const found = tasks.list({ activeOnly: active_only, limit });
        const blocks = found.map((task, index) => [`[${index + 1}]`, ...taskLines(task)].join("\n"));
        const text = [`background_tasks: ${found.length}`, ...blocks].join("\n\n");
        return toolOk(text, "Task list retrieved.", found.map(taskDisplay));
      },
    };
  },
});
