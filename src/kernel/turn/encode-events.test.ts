import { describe, expect, test } from "vitest";
import type { StreamPart } from "../providers/provider.js";
import { toolMessage } from "../storage/tool-message.js";
import { type DisplayBlock, type ToolReturn, toolError, toolOk } from "../tools/tool.js";
import {
  decodeDisplay,
  encodeDisplay,
  encodeToolReturn,
  eventRecord,
  partRecord,
  toolMessageContent,
} from "./encode-events.js";

const media = (url: string) => ({ url, id: null });

describe("streamed parts", () => {
  test.each<[string, StreamPart, string, unknown]>([
    ["text", { kind: "content", part: { type: "text", text: 'a"\u2028\n' } }, "ContentPart", null],
    ["empty text", { kind: "content", part: { type: "text", text: "" } }, "ContentPart", null],
    ["thinking", { kind: "content", part: { type: "think", think: "t", encrypted: null } }, "ContentPart", null],
    ["image", { kind: "content", part: { type: "image_url", image_url: media("i") } }, "ContentPart", null],
    ["audio", { kind: "content", part: { type: "audio_url", audio_url: media("a") } }, "ContentPart", null],
    ["video", { kind: "content", part: { type: "video_url", video_url: media("v") } }, "ContentPart", null],
    [
      "a call",
      {
        kind: "tool_call",
        call: { type: "function", id: "t", function: { name: "N", arguments: null }, extras: null },
      },
      "ToolCall",
      { type: "function", id: "t", function: { name: "N", arguments: null }, extras: null },
    ],
    ["arguments", { kind: "tool_call_part", argumentsPart: '{"' }, "ToolCallPart", { arguments_part: '{"' }],
    ["no arguments", { kind: "tool_call_part", argumentsPart: null }, "ToolCallPart", { arguments_part: null }],
  ])("%s", (_name, part, type, payload) => {
    const record = partRecord(part);
    expect(record.type).toBe(type);
    expect(record.kind).toBe("event");
    expect(record.payload).toEqual(payload ?? (part as { part: unknown }).part);
    expect(JSON.parse(record.json)).toEqual(record.payload);
    expect(record.json).not.toMatch(/[\n\u2028\u2029\u0085]/);
  });
});

test("an event is serialised for one line", () => {
  expect(eventRecord("X", { a: "\u2028", b: null })).toEqual({
    kind: "event",
    type: "X",
    payload: { a: "\u2028", b: null },
    json: '{"a":"\\u2028","b":null}',
  });
});

describe("display blocks", () => {
  const diff = { type: "diff", path: "p", old_text: "a", new_text: "b" } as const;
  const known: DisplayBlock[] = [
    { type: "brief", text: "b" },
    { ...diff, old_start: 3, new_start: 4, is_summary: true },
    { type: "todo", items: [{ title: "t", status: "done" }] },
    { type: "shell", language: "bash", command: "ls" },
    { type: "background_task", task_id: "t", kind: "bash", status: "running", description: "d" },
  ];

  test.each(known)("$type goes out and comes in as it is", (block) => {
    expect(encodeDisplay(block)).toEqual(block);
    expect(decodeDisplay(encodeDisplay(block))).toEqual(block);
  });

  test("a client's diff may leave its defaults out", () => {
    expect(decodeDisplay(diff)).toEqual({ ...diff, old_start: 1, new_start: 1, is_summary: false });
  });

  test.each([
    [
      { type: "chart", data: { x: 1 } },
      { type: "chart", data: { x: 1 } },
    ],
    [
      { type: "chart", x: 1, y: [2] },
      { type: "chart", data: { x: 1, y: [2] } },
    ],
    [{ type: "chart" }, { type: "chart", data: {} }],
    [
      { type: "chart", data: [1] },
      { type: "chart", data: { data: [1] } },
    ],
    [
      { type: "chart", data: { x: 1 }, y: 2 },
      { type: "chart", data: { data: { x: 1 }, y: 2 } },
    ],
  ])("a block of unknown type: %j", (sent, kept) => {
    expect(encodeDisplay(decodeDisplay(sent))).toEqual(kept);
  });
});

test("the return value has every key", () => {
  expect(encodeToolReturn(toolOk("out", "done"))).toEqual({
    is_error: false,
    output: "out",
    message: "done",
    display: [],
    extras: null,
  });
  expect(encodeToolReturn({ ...toolError("m", "b"), extras: { a: 1 } })).toEqual({
    is_error: true,
    output: "",
    message: "m",
    display: [{ type: "brief", text: "b" }],
    extras: { a: 1 },
  });
});

describe("the tool message", () => {
  const text = (value: string) => ({ type: "text" as const, text: value });
  const image = { type: "image_url" as const, image_url: media("i") };
  const cases: [string, ToolReturn, unknown[]][] = [
    ["message and output", toolOk("out", "Done."), [text("<system>Done.</system>"), text("out")]],
    ["output only", toolOk("out"), [text("out")]],
    ["message only", toolOk("", "Done."), [text("<system>Done.</system>")]],
    ["nothing", toolOk(""), [text("<system>Tool output is empty.</system>")]],
    ["an error", toolError("Bad.", "b", "log"), [text("<system>ERROR: Bad.</system>"), text("log")]],
    ["an error without words", toolError("", "b"), [text("<system>ERROR: </system>")]],
    ["parts", toolOk([text("a"), image], "Done."), [text("<system>Done.</system>"), text("a"), image]],
    ["no parts", toolOk([]), [text("<system>Tool output is empty.</system>")]],
    ["empty parts", toolOk([text("")]), [text("<system>Tool output is empty.</system>")]],
  ];

  test.each(cases)("%s", (_name, value, content) => {
    expect(toolMessageContent(value)).toEqual(content);
  });

  test.each(cases)("%s: the same words after a crash", (_name, value) => {
    expect(toolMessage("t", encodeToolReturn(value)).content).toEqual(toolMessageContent(value));
  });
});
