import { describe, expect, test } from "vitest";
import type { ContentPart } from "../messages.js";
import type { StreamPart } from "../providers/provider.js";
import { lineJson } from "./line-json.js";
import { assembleMessage } from "./message-assembler.js";
import { PartMerger } from "./part-merge.js";

type Pushed = [type: string, payload: unknown];

function merge(pushed: readonly Pushed[]): Pushed[] {
  const merger = new PartMerger();
  const out = pushed.flatMap(([type, payload], index) => merger.push(type, payload, lineJson(payload), index));
  return [...out, ...merger.flush()].map((record) => [record.type, JSON.parse(record.json)]);
}

const text = (value: string): Pushed => ["ContentPart", { type: "text", text: value }];
const think = (value: string, encrypted: string | null = null): Pushed => [
  "ContentPart",
  { type: "think", think: value, encrypted },
];
const call = (args: string | null): Pushed => [
  "ToolCall",
  { type: "function", id: "t", function: { name: "X", arguments: args }, extras: null },
];
const part = (value: string | null): Pushed => ["ToolCallPart", { arguments_part: value }];

describe("merging", () => {
  const cases: [string, Pushed[], Pushed[]][] = [
    ["text and text", [text("a"), text("b")], [text("ab")]],
    ["text and think", [text("a"), think("b"), text("c")], [text("a"), think("b"), text("c")]],
    ["think and think", [think("a"), think("b")], [think("ab")]],
    ["the right one's encrypted is taken over", [think("a"), think("b", "E")], [think("ab", "E")]],
    ["a left one with encrypted stays alone", [think("a", "E"), think("b")], [think("a", "E"), think("b")]],
    ["arguments go to their call", [call('{"a'), part('":1'), part("}")], [call('{"a":1}')]],
    ["null arguments count as empty", [call(null), part("{}")], [call("{}")]],
    ["a null part changes nothing", [call(null), part(null)], [call(null)]],
    ["orphan parts are joined", [part("a"), part("b")], [part("ab")]],
    ["a text ends the arguments", [call("{"), text("x"), part("}")], [call("{"), text("x"), part("}")]],
    ["another call ends a call", [call("1"), call("2")], [call("1"), call("2")]],
    [
      "other messages end a run",
      [text("a"), ["StepBegin", { n: 1 }], text("b")],
      [text("a"), ["StepBegin", { n: 1 }], text("b")],
    ],
    ["empty parts vanish and break nothing", [text("a"), think(""), text(""), text("b")], [text("ab")]],
    ["an empty thought with a signature stays", [think("", "E")], [think("", "E")]],
    [
      "media parts are never joined",
      [["ContentPart", { type: "image_url", image_url: { url: "u", id: null } }], text("b")],
      [["ContentPart", { type: "image_url", image_url: { url: "u", id: null } }], text("b")],
    ],
  ];
  test.each(cases)("%s", (_name, pushed, merged) => {
    expect(merge(pushed)).toEqual(merged);
  });

  test("a single part keeps its own text, its time is that of the first", () => {
    const merger = new PartMerger();
    const odd = '{ "type":"text",  "text":"a" }';
    expect(merger.push("ContentPart", JSON.parse(odd), odd, 5)).toEqual([]);
    expect(merger.flush()).toEqual([{ type: "ContentPart", json: odd, at: 5 }]);
    merger.push("ContentPart", { type: "text", text: "\u2028" }, '{"type":"text","text":"\\u2028"}', 1);
    merger.push("ContentPart", { type: "text", text: "\u2029" }, '{"type":"text","text":"\\u2029"}', 2);
    expect(merger.flush()).toEqual([{ type: "ContentPart", json: '{"type":"text","text":"\\u2028\\u2029"}', at: 1 }]);
  });
});

describe("assembling a message", () => {
  const content = (value: ContentPart): StreamPart => ({ kind: "content", part: value });
  const say = (value: string) => content({ type: "text", text: value });
  const muse = (value: string, encrypted: string | null = null) => content({ type: "think", think: value, encrypted });
  const open = (id: string, args: string | null): StreamPart => ({
    kind: "tool_call",
    call: { type: "function", id, function: { name: "X", arguments: args }, extras: null },
  });
  const more = (argumentsPart: string | null): StreamPart => ({ kind: "tool_call_part", argumentsPart });

  test("a call between texts leaves two parts", () => {
    const { content: parts, toolCalls } = assembleMessage([say("a"), say("b"), open("1", "{"), more("}"), say("tail")]);
    expect(parts).toEqual([
      { type: "text", text: "ab" },
      { type: "text", text: "tail" },
    ]);
    expect(toolCalls.map((item) => item.function.arguments)).toEqual(["{}"]);
  });

  test("empty parts and orphans are dropped", () => {
    expect(assembleMessage([more("x"), say(""), muse(""), say("a"), muse(""), say("b")])).toEqual({
      content: [{ type: "text", text: "ab" }],
      toolCalls: [],
    });
  });

  test("thoughts are joined up to a signature", () => {
    expect(assembleMessage([muse("a"), muse("b", "E"), muse("c"), say("d")]).content).toEqual([
      { type: "think", think: "ab", encrypted: "E" },
      { type: "think", think: "c", encrypted: null },
      { type: "text", text: "d" },
    ]);
  });

  test("the parts that were given are not changed", () => {
    const given = open("1", null);
    const { toolCalls } = assembleMessage([given, more(null), more("{"), more("}")]);
    expect(toolCalls[0]?.function.arguments).toBe("{}");
    expect(given).toEqual(open("1", null));
  });
});
