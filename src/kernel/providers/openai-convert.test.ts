import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ContentPart, Message, ToolCall } from "../messages.js";
import { type ConvertOptions, toChatMessages, toChatTools } from "./openai-convert.js";
import { SHELL, user } from "./testing/stream-results.js";

const options: ConvertOptions = {
  reasoningKey: "reasoning_content",
  emptyContent: "",
  toolMedia: "user",
  audio: "input_audio",
};

const text = (value: string): ContentPart => ({ type: "text", text: value });
const think = (value: string): ContentPart => ({ type: "think", think: value, encrypted: null });
const image: ContentPart = { type: "image_url", image_url: { url: "data:image/png;base64,AA", id: "i" } };
const call = (args: string | null, extras: ToolCall["extras"] = null): ToolCall => ({
  type: "function",
  id: "c1",
  function: { name: "Shell", arguments: args },
  extras,
});
const assistant = (content: ContentPart[], ...tool_calls: ToolCall[]): Message => ({
  role: "assistant",
  content,
  tool_calls,
});
const result = (...content: ContentPart[]): Message => ({ role: "tool", tool_call_id: "c1", content });

function convert(history: Message[], changes: Partial<ConvertOptions> = {}) {
  return toChatMessages("", history, { ...options, ...changes });
}

describe("toChatMessages", () => {
  it("puts the system text first, and leaves out an empty one", () => {
    expect(toChatMessages("sys", [user("hi")], options)).toEqual([
      { role: "system", content: "sys" },
      { role: "user", content: "hi" },
    ]);
    expect(convert([user("hi")])).toHaveLength(1);
  });

  it("joins texts of users and tools by lines, those of the assistant without", () => {
    const parts = [text("a"), text("b")];
    expect(convert([{ role: "user", content: parts }, assistant(parts), result(...parts)])).toMatchObject([
      { content: "a\nb" },
      { content: "ab" },
      { role: "tool", tool_call_id: "c1", content: "a\nb" },
    ]);
  });

  it.each([null, ""] as const)("says %j beside calls without text", (emptyContent) => {
    expect(convert([assistant([], call("{}"))], { emptyContent })).toEqual([
      {
        role: "assistant",
        content: emptyContent,
        tool_calls: [{ id: "c1", type: "function", function: { name: "Shell", arguments: "{}" } }],
      },
    ]);
  });

  it.each([
    ['{"a":1}', '{"a":1}'],
    ['{ "a" : 1 }', '{ "a" : 1 }'],
    ['{"a":', "{}"],
    ["", "{}"],
    [null, "{}"],
    ["[1]", "{}"],
    ["7", "{}"],
  ])("sends arguments %j as %j", (args, expected) => {
    const [message] = convert([assistant([], call(args))], { checkedArguments: new WeakMap() });
    expect(message).toMatchObject({ tool_calls: [{ function: { arguments: expected } }] });
  });

  it("sends back what a provider wants to see again", () => {
    const echo = { google: { thought_signature: "s" } };
    const [message] = convert([assistant([], call("{}", { extra_content: echo, recovered: true }))]);
    expect(message).toMatchObject({ tool_calls: [{ extra_content: echo }] });
    expect(JSON.stringify(message)).not.toContain("recovered");
  });

  it("sends reasoning back inside the running tool loop only", () => {
    const step = assistant([think("a"), think("b"), text("c")], call("{}"));
    expect(convert([user("x"), step, result(text("r"))])[1]).toEqual({
      role: "assistant",
      content: "c",
      reasoning_content: "ab",
      tool_calls: [expect.anything()],
    });
    expect(convert([user("x"), step, result(text("r")), user("y")])[1]).not.toHaveProperty("reasoning_content");
    expect(convert([user("x"), step], { reasoningKey: "reasoning" })[1]).toHaveProperty("reasoning", "ab");
    expect(convert([user("x"), step], { reasoningKey: null })[1]).not.toHaveProperty("reasoning_content");
  });

  it("leaves out a message that is thinking alone", () => {
    expect(convert([user("x"), assistant([think("a")])])).toHaveLength(1);
  });

  it("sends media as parts", () => {
    const audio: ContentPart = { type: "audio_url", audio_url: { url: "data:audio/mpeg;base64,QQ", id: null } };
    const video: ContentPart = { type: "video_url", video_url: { url: "http://v", id: null } };
    const message: Message = { role: "user", content: [text("see"), image, audio, video] };
    const shared = [
      { type: "text", text: "see" },
      { type: "image_url", image_url: { url: "data:image/png;base64,AA" } },
    ];
    const last = { type: "video_url", video_url: { url: "http://v" } };
    expect(convert([message])[0]?.content).toEqual([
      ...shared,
      { type: "input_audio", input_audio: { data: "QQ", format: "mp3" } },
      last,
    ]);
    expect(convert([message], { audio: "audio_url" })[0]?.content).toEqual([
      ...shared,
      { type: "audio_url", audio_url: { url: "data:audio/mpeg;base64,QQ" } },
      last,
    ]);
  });

  it("puts media of tool results behind the results, or inside them", () => {
    const history = [user("x"), assistant([], call("{}")), result(text("r"), image), result(text("s"))];
    expect(convert(history).slice(2)).toMatchObject([
      { role: "tool", content: "r" },
      { role: "tool", content: "s" },
      { role: "user", content: [{ type: "text" }, { type: "image_url" }] },
    ]);
    expect(convert(history, { toolMedia: "inline" }).slice(2)).toMatchObject([
      { role: "tool", content: [{ type: "text", text: "r" }, { type: "image_url" }] },
      { role: "tool", content: "s" },
    ]);
  });

  it("gives the same bytes for the same history, and those of a longer one begin with them", () => {
    const part = fc.oneof(fc.string().map(text), fc.string().map(think), fc.constant(image));
    const parts = fc.array(part, { maxLength: 3 });
    const step = fc
      .tuple(parts, fc.option(fc.json()), parts)
      .map(([said, args, answer]) => [assistant(said, call(args)), result(...answer)]);
    const turn = fc.tuple(parts, fc.array(step, { maxLength: 3 })).map(([asked, steps]) => ({
      user: { role: "user" as const, content: asked },
      steps,
    }));
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 3 }), fc.boolean(), (turns, withReasoning) => {
        const reasoningKey = withReasoning ? "reasoning_content" : null;
        const history: Message[] = [];
        let before = "[";
        for (const { user: asked, steps } of turns) {
          // A new user message ends the tool loop: reasoning goes, and only without it the prefix must hold.
          if (withReasoning) before = "[";
          for (const messages of [[asked], ...steps]) {
            history.push(...messages);
            const bytes = JSON.stringify(convert(structuredClone(history), { reasoningKey }));
            expect(JSON.stringify(convert(history, { reasoningKey }))).toBe(bytes);
            expect(bytes.startsWith(before)).toBe(true);
            before = bytes.slice(0, -1);
          }
        }
      }),
    );
  });
});

it("lists tools in the given order", () => {
  expect(JSON.stringify(toChatTools([SHELL]))).toBe(
    '[{"type":"function","function":{"name":"Shell","description":"Runs a command.","parameters":{"type":"object","properties":{"command":{"type":"string"},"timeout":{"type":"integer"}},"required":["command"]}}}]',
  );
});
