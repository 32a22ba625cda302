import * as z from "zod/mini";
import { defineTool, type TodoItem, toolOk } from "./tool.js";

const todo = z.object({
  title: z.string().check(z.refine((title) => title !== "", "must not be empty")),
  status: z.enum(["pending", "in_progress", "done"]),
});

/** Replaces the session's todo list; without `todos` gives the list as it is. */
export const setTodoList = defineTool({
  name: "SetTodoList",
  description: "Replace the todo list of a longer task; without todos, read it.",
  parameters: z.object({ todos: z.optional(z.nullable(z.array(todo))) }),
  listed: ["todos"],
  async prepare({ todos }, context) {
    return {
      ask: null,
      effect: "none",
      async execute() {
        if (todos === undefined || todos === null) return current(context.todos.get());
        context.todos.set(todos);
        return toolOk("Todo list updated", "Todo list updated", [{ type: "todo", items: todos }]);
      },
    };
  },
});

function current(items: readonly TodoItem[]) {
  const lines = items.map((item) => `- [${item.status}] ${item.title}`);
  const display = items.length === 0 ? [] : [{ type: "todo" as const, items: [...items] }];
  return toolOk(lines.join("\n"), items.length === 0 ? "Todo list is empty" : "Todo list read", display);
}
