import { describe, expect, it } from "vitest";
import { parseEchoScript } from "./echo-dsl.js";
import type { StreamPart } from "./provider.js";

const parts = (script: string): StreamPart[] => parseEchoScript(script).parts;
const text = (value: string): StreamPart => ({ kind: "content", part: { type: "text", text: value } });
const piece = (argumentsPart: string | null): StreamPart => ({ kind: "tool_call_part", argumentsPart });

describe("echo DSL lines", () => {
  it("are trimmed, split at the first colon and stripped of one leading blank", () => {
    expect(parts("  text: a: b  \nTEXT :  c\n text:d")).toEqual([text("a: b"), text(" c"), text("d")]);
  });

  it("are ignored when blank, comments, fences or the word echo", () => {
    expect(parts("\n# x: y\n```text\nEcho\n  \ntext: a\n```")).toEqual([text("a")]);
  });

  it("lose one pair of matching quotes and know no escapes", () => {
    expect(parts(`text: "  a  "\ntext: '"b"'\ntext: "c'\ntext: "d\\n"\ntext: "`)).toEqual(
      ["  a  ", '"b"', "\"c'", "d\\n", '"'].map(text),
    );
  });

  it("may be empty", () => {
    expect(parts("text:\nthink: ")).toEqual([
      text(""),
      { kind: "content", part: { type: "think", think: "", encrypted: null } },
    ]);
  });

  it("end where Python ends lines", () => {
    expect(parts("text: a\u2028text: b\r\ntext: c\ftext: d")).toEqual(["a", "b", "c", "d"].map(text));
  });

  it("set id and usage, the last one wins", () => {
    const script = parseEchoScript(
      'id: a\nid: "b"\nusage: {"output": 1}\nusage: input_other=10, output=5 input_cache_read="3"',
    );
    expect(script).toEqual({
      parts: [],
      messageId: "b",
      usage: { input_other: 10, output: 5, input_cache_read: 3, input_cache_creation: 0 },
    });
    expect(parseEchoScript("")).toEqual({ parts: [], messageId: null, usage: null });
  });

  it.each(["image_url", "audio_url", "video_url"] as const)("%s takes an address in three forms", (type) => {
    const part = (url: string, id: string | null): unknown => ({
      kind: "content",
      part: { type, [type]: { url, id } },
    });
    expect(parts(`${type}: http://x\n${type}: "http://y"\n${type}: {"url":"http://z","id":"i"}`)).toEqual([
      part("http://x", null),
      part("http://y", null),
      part("http://z", "i"),
    ]);
  });

  it.each([
    ['{"id":"t","name":"Shell","arguments":"{}"}', "{}", null],
    ['{"id":"t","function":{"name":"Shell","arguments":"{"}}', "{", null],
    ['{"id":"t","name":"Shell"}', null, null],
    ['{"id":"t","name":"Shell","arguments":null,"extras":{"a":1}}', null, { a: 1 }],
    ["id=t name=Shell", null, null],
    ["id=t, name='Shell'", null, null],
  ])("tool_call: %s", (payload, args, extras) => {
    expect(parts(`tool_call: ${payload}`)).toEqual([
      { kind: "tool_call", call: { type: "function", id: "t", function: { name: "Shell", arguments: args }, extras } },
    ]);
  });

  it.each([
    ['{"a', '{"a'],
    ['"{\\"a\\""', '{"a"'],
    ['{"arguments_part": "{"}', "{"],
    ['{"arguments_part": null}', null],
    ['{"arguments_part": {"a": [1, "ü"]}}', '{"a":[1,"\\u00fc"]}'],
    ["[1, 2]", "[1,2]"],
    ['{"a": 1}', null],
    ["", null],
    ["null", null],
    ["None", null],
    ['{"arguments_part": ""}', null],
    ["5", "5"],
  ])("tool_call_part: %s", (payload, expected) => {
    expect(parts(`tool_call_part: ${payload}`)).toEqual([piece(expected)]);
  });
});

describe("echo DSL errors", () => {
  it.each([
    ["text: a\nnonsense", "Invalid echo DSL at line 2: 'nonsense'"],
    [" it's", 'Invalid echo DSL at line 1: " it\'s"'],
    ["wat: x", "Unknown echo DSL kind 'wat' at line 1: 'wat: x'"],
    ["error:", "Empty error payload at line 1: 'error:'"],
    ["error: soon", "Invalid error spec at line 1: expected status code or 'connection'/'timeout', got 'soon'"],
    ['tool_call: {"id":"t"}', 'tool_call requires string id and name at line 1: \'tool_call: {"id":"t"}\''],
    ["tool_call: id=1 name=x", "tool_call requires string id and name at line 1: 'tool_call: id=1 name=x'"],
    ['tool_call: {"id":"t","name":"n","arguments":{}}', "tool_call.arguments must be a string at line 1, got dict"],
    ['tool_call: {"id":"t","name":"n","arguments":5}', "tool_call.arguments must be a string at line 1, got int"],
    ["usage: output=x", "Usage field 'output' must be an integer, got 'x'"],
    ['usage: {"output":null}', "Usage field 'output' must be an integer, got None"],
    ["usage: [1, true]", "usage payload must be an object, got [1, True]"],
    ["usage: 5", "usage payload must be an object, got 5"],
    ["usage: output", "Invalid token 'output' in usage payload."],
    ["tool_call:", "tool_call payload cannot be empty."],
    ['image_url: {"id":"x"}', "image_url requires a url field, got {'id': 'x'}"],
    ['audio_url: {"url":"x","id":5}', "audio_url id must be a string when provided."],
    ["video_url: [1]", "video_url must be a URL or an object that holds one, got [1]"],
  ])("%j", (script, message) => {
    expect(() => parseEchoScript(script)).toThrow(
      expect.objectContaining({ message, errorType: "ChatProviderError", retryable: false }),
    );
  });

  it.each([
    ["500", "APIStatusError", 500, true, "Simulated 500 error"],
    ["429 slow down ", "APIStatusError", 429, true, "slow down"],
    ["401 Token expired", "APIStatusError", 401, false, "Token expired"],
    ["connection", "APIConnectionError", null, true, "Simulated connection error"],
    ["Connection gone away", "APIConnectionError", null, true, "gone away"],
    ["timeout", "APITimeoutError", null, true, "Simulated timeout error"],
  ])("error: %s", (payload, errorType, statusCode, retryable, message) => {
    expect(() => parseEchoScript(`text: a\nerror: ${payload}`)).toThrow(
      expect.objectContaining({ errorType, statusCode, retryable, message }),
    );
  });
});
