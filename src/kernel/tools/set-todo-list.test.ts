import { describe, expect, it } from "vitest";
import { setTodoList } from "./set-todo-list.js";
import { call, contextOf, prepared } from "./testing/call-tool.js";
import { think } from "./think.js";

describe("SetTodoList", () => {
  const todos = [
    { title: "one", status: "done" },
    { title: "two", status: "in_progress" },
  ];

  it("replaces the list and shows it, without a question", async () => {
    const context = contextOf("/");
    expect((await prepared(setTodoList, { todos }, context)).ask).toBeNull();
    expect(context.todos.get()).toEqual([]);
    expect(await call(setTodoList, { todos }, context)).toEqual({
      isError: false,
      output: "Todo list updated",
      message: "Todo list updated",
      display: [{ type: "todo", items: todos }],
    });
    expect(context.todos.get()).toEqual(todos);
  });

  it("reads the list when there are no todos, and empties it with an empty list", async () => {
    const context = contextOf("/");
    expect(await call(setTodoList, {}, context)).toMatchObject({
      output: "",
      message: "Todo list is empty",
      display: [],
    });
    await call(setTodoList, { todos }, context);
    expect(await call(setTodoList, { todos: null }, context)).toMatchObject({
      output: "- [done] one\n- [in_progress] two",
      display: [{ type: "todo", items: todos }],
    });
    await call(setTodoList, { todos: [] }, context);
    expect(context.todos.get()).toEqual([]);
  });

  it.each([[[{ title: "", status: "done" }]], [[{ title: "x", status: "zz" }]], ["x"], [[{ title: "x" }]]])(
    "refuses %j",
    (bad) => {
      expect(setTodoList.parameters.safeParse({ todos: bad }).success).toBe(false);
    },
  );
});

describe("Think", () => {
  it("does nothing", async () => {
    expect(await call(think, { thought: "hm" }, contextOf("/"))).toEqual({
      isError: false,
      output: "",
      message: "Thought logged",
      display: [],
    });
  });
});
