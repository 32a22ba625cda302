import * as z from "zod/mini";
import { isActive, taskDisplay, taskLines } from "./support/task-text.js";
import { defineTool, toolError, toolOk } from "./tool.js";

const MAX_WAIT_S = 3_600;

const parameters = z.object({
  task_id: z.string(),
  block: z.optional(z.boolean().check(z.describe("wait for its end"))),
  timeout: z._default(z.int().check(z.gte(0), z.lte(MAX_WAIT_S)), 30),
});

/** How a task stands and the end of what it wrote; waits for it when asked to. */
export const taskOutput = defineTool({
  name: "TaskOutput",
  description: "Status and output of a background task.",
  parameters,
  listed: ["task_id", "block", "timeout"],
  async prepare({ task_id, block, timeout }, { services }) {
    const { tasks } = services;
    if (tasks === null) return toolError("There are no background tasks here.", "Not supported");
    if (tasks.view(task_id) === null) return toolError(`Task not found: ${task_id}`, "Task not found");
    return {
      ask: null,
      effect: "none",
      async execute({ signal }) {
        const found = await tasks.output(task_id, block === true ? timeout * 1000 : 0, signal);
        if (found === null) return toolError(`Task not found: ${task_id}`, "Task not found");
        const { task, text, truncated, file } = found;
        const state = !isActive(task) ? "success" : block === true ? "timeout" : "not_ready";
        const facts = [
          `retrieval_status: ${state}`,
          ...taskLines(task),
          `output_path: ${file}`,
          `output_truncated: ${truncated}`,
          "",
          "[output]",
          text === "" ? "(no output yet)" : text,
        ];
        return toolOk(facts.join("\n"), "Task output retrieved.", [taskDisplay(task)]);
      },
    };
  },
});
