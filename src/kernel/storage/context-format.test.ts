import { describe, expect, test } from "vitest";
import type { Message } from "../messages.js";
import { contextLine, fromContextLine, toContextMessage } from "./context-format.js";
import { repairHistory } from "./history-repair.js";
import { toolMessage } from "./tool-message.js";

const say = (text: string) => ({ type: "text", text }) as const;
const call = (id: string) =>
  ({ type: "function", id, function: { name: "Shell", arguments: "{}" }, extras: null }) as const;
const user = (text: string): Message => ({ role: "user", content: [say(text)] });
const assistant = (text: string, ...ids: string[]): Message => ({
  role: "assistant",
  content: text === "" ? [] : [say(text)],
  tool_calls: ids.map((id) => call(id)),
});
const tool = (id: string, text = "ok"): Message => ({ role: "tool", tool_call_id: id, content: [say(text)] });

describe("a message and its line", () => {
  const cases: [string, Message, string][] = [
    ["one text part", user("go"), '{"role":"user","content":"go"}'],
    [
      "two text parts and calls",
      { role: "assistant", content: [say("a"), say("tail")], tool_calls: [call("t1")] },
      '{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"tail"}],"tool_calls":[{"type":"function","id":"t1","function":{"name":"Shell","arguments":"{}"}}]}',
    ],
    ["a tool result", tool("t1", "o"), '{"role":"tool","content":"o","tool_call_id":"t1"}'],
    [
      "null fields are left out",
      {
        role: "user",
        content: [
          { type: "think", think: "t", encrypted: null },
          { type: "image_url", image_url: { url: "u", id: null } },
        ],
      },
      '{"role":"user","content":[{"type":"think","think":"t"},{"type":"image_url","image_url":{"url":"u"}}]}',
    ],
  ];
  test.each(cases)("%s", (_name, message, line) => {
    expect(contextLine(toContextMessage(message))).toBe(`${line}\n`);
    expect(fromContextLine(line)).toEqual({ kind: "message", message });
  });

  test("a call without arguments", () => {
    const bare: Message = {
      role: "assistant",
      content: [],
      tool_calls: [{ type: "function", id: "t", function: { name: "X", arguments: null }, extras: { k: 1 } }],
    };
    expect(fromContextLine(contextLine(toContextMessage(bare)))).toEqual({ kind: "message", message: bare });
  });
});

describe("foreign lines", () => {
  test.each([
    ['{"role": "_system_prompt", "content": "s"}', { kind: "system", content: "s" }],
    ['{"role": "_checkpoint", "id": 3}', { kind: "checkpoint", id: 3 }],
    ['{"role": "_usage", "token_count": 9}', { kind: "usage", tokens: 9 }],
    ['{"role":"user","content":null}', { kind: "message", message: { role: "user", content: [] } }],
    ['{"role":"user","content":{"type":"text","text":"x"}}', { kind: "message", message: user("x") }],
    ['{"role":"assistant","content":"a","tool_calls":null}', { kind: "message", message: assistant("a") }],
    [
      '{"role":"user","content":[{"type":"image_url","image_url":"u"},{"type":"new","x":1},"plain"]}',
      {
        kind: "message",
        message: { role: "user", content: [{ type: "image_url", image_url: { url: "u", id: null } }, say("plain")] },
      },
    ],
    [
      '{"role":"assistant","content":"a","reasoning_content":"r"}',
      {
        kind: "message",
        message: {
          role: "assistant",
          content: [{ type: "think", think: "r", encrypted: null }, say("a")],
          tool_calls: [],
        },
      },
    ],
    ['{"role":"system","content":"x"}', null],
    ['{"role":"tool","content":"x"}', null],
    ['{"role":7}', null],
    ["[]", null],
    ["{torn", null],
    ["", null],
  ])("%s", (line, entry) => {
    expect(fromContextLine(line)).toEqual(entry);
  });
});

describe("a tool message", () => {
  const value = { is_error: false, output: "", message: "", display: [], extras: null };
  test.each([
    [{ ...value, output: "o" }, ["o"]],
    [{ ...value, message: "Done." }, ["<system>Done.</system>"]],
    [{ ...value, message: "Done.", output: "o" }, ["<system>Done.</system>", "o"]],
    [value, ["<system>Tool output is empty.</system>"]],
    [{ ...value, is_error: true, message: "Bad." }, ["<system>ERROR: Bad.</system>"]],
    [{ ...value, message: "M", output: [say("p1"), say("p2")] }, ["<system>M</system>", "p1", "p2"]],
    [null, ["<system>Tool output is empty.</system>"]],
  ])("%j", (returnValue, texts) => {
    expect(toolMessage("t", returnValue)).toEqual({
      role: "tool",
      tool_call_id: "t",
      content: texts.map((text) => say(text)),
    });
  });
});

describe("history repair", () => {
  const roles = (messages: readonly Message[]) =>
    messages.map((message) => (message.role === "tool" ? message.tool_call_id : message.role));

  test("a sound history is unchanged", () => {
    const history = [user("a"), assistant("", "1", "2"), tool("2"), tool("1"), assistant("b")];
    expect(roles(repairHistory(history).messages)).toEqual(["user", "assistant", "1", "2", "assistant"]);
    expect(repairHistory(history).repairs).toEqual([]);
  });

  test("missing results at the end can be appended to the file", () => {
    const { messages, trailing, repairs } = repairHistory([user("a"), assistant("", "1", "2"), tool("1")]);
    expect(roles(messages)).toEqual(["user", "assistant", "1", "2"]);
    expect(trailing).toEqual([messages.at(-1)]);
    expect(JSON.stringify(trailing)).toContain("outcome of this call is unknown");
    expect(repairs).toHaveLength(1);
  });

  test("missing results further up are put where they belong", () => {
    const { messages, trailing } = repairHistory([assistant("", "1"), user("b"), assistant("c")]);
    expect(roles(messages)).toEqual(["assistant", "1", "user", "assistant"]);
    expect(trailing).toEqual([]);
    expect(repairHistory([assistant("", "1"), user("b")]).trailing).toEqual([]);
  });

  test("a result behind a user message is moved up, orphans and doubles go", () => {
    const history = [tool("0"), assistant("", "1"), user("note"), tool("1"), tool("1"), tool("9"), assistant("x")];
    const { messages, repairs } = repairHistory(history);
    expect(roles(messages)).toEqual(["assistant", "1", "user", "assistant"]);
    expect(repairs).toEqual(["3 tool result(s) in the history belong to no call and were left out."]);
  });

  test("repairing twice changes nothing more", () => {
    const once = repairHistory([tool("0"), assistant("", "1"), user("b"), assistant("", "1")]);
    expect(repairHistory(once.messages)).toEqual({ messages: once.messages, trailing: [], repairs: [] });
  });
});
