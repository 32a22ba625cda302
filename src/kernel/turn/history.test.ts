import { describe, expect, test } from "vitest";
import { KernelError } from "../errors.js";
import type { ContentPart, Message } from "../messages.js";
import type { ContextRecord } from "../storage/session-log.js";
import { toolCall, usage } from "../testing/fake-provider.js";
import { countChars, History, inputTokens, unstoredContext } from "./history.js";

const text = (value: string): ContentPart[] => [{ type: "text", text: value }];
const user = (value: string): Message => ({ role: "user", content: text(value) });

function recorded(seed: Partial<ConstructorParameters<typeof History>[0]> = {}) {
  const lines: ContextRecord[] = [];
  const rotations: ContextRecord[][] = [];
  let full = false;
  const refuse = () => {
    if (full) throw new KernelError("storage_full", "full");
  };
  const history = new History(
    { systemPrompt: "S", messages: [], nextCheckpoint: 0, tokenCount: null, ...seed },
    {
      append: (records) => {
        refuse();
        lines.push(...records);
      },
      rotate: (records) => {
        refuse();
        rotations.push([...records]);
      },
    },
  );
  return {
    history,
    lines,
    rotations,
    fill: (on: boolean) => {
      full = on;
    },
  };
}

describe("lines", () => {
  test("of a turn with a call and counted tokens", () => {
    const { history, lines } = recorded();
    expect(history.checkpoint()).toBe(0);
    history.appendUser(text("hi"));
    expect(history.checkpoint()).toBe(1);
    history.appendStep({ content: text("on it"), toolCalls: [toolCall("t", "N", {})], usage: usage(100, 10) }, [
      { toolCallId: "t", content: text("out") },
    ]);
    expect(lines).toEqual([
      { role: "_checkpoint", id: 0 },
      { role: "user", content: "hi" },
      { role: "_checkpoint", id: 1 },
      { role: "_usage", token_count: 100 },
      {
        role: "assistant",
        content: "on it",
        tool_calls: [{ type: "function", id: "t", function: { name: "N", arguments: "{}" } }],
      },
      { role: "_usage", token_count: 110 },
      { role: "tool", tool_call_id: "t", content: "out" },
    ]);
    expect(history.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
  });

  test("without usage there are no counts", () => {
    const { history, lines } = recorded();
    history.appendStep({ content: text("a"), toolCalls: [], usage: null }, []);
    expect(lines).toEqual([{ role: "assistant", content: "a" }]);
  });

  test("checkpoints go on from where the file ended", () => {
    const { history } = recorded({ nextCheckpoint: 7 });
    expect([history.checkpoint(), history.checkpoint()]).toEqual([7, 8]);
  });

  test("clear leaves the system text and begins the checkpoints anew", () => {
    const { history, rotations, lines } = recorded({ messages: [user("a")], nextCheckpoint: 4, tokenCount: 9 });
    history.clear();
    expect(rotations).toEqual([[{ role: "_system_prompt", content: "S" }]]);
    expect(history.messages).toEqual([]);
    expect(history.estimatedTokens).toBe(0);
    history.checkpoint();
    expect(lines).toEqual([{ role: "_checkpoint", id: 0 }]);
  });

  test("replace writes the shorter conversation whole", () => {
    const { history, rotations } = recorded({ messages: [user("a"), user("b")], nextCheckpoint: 4 });
    history.replace([user("s"), user("b")], 12);
    expect(rotations).toEqual([
      [
        { role: "_system_prompt", content: "S" },
        { role: "_checkpoint", id: 0 },
        { role: "user", content: "s" },
        { role: "user", content: "b" },
        { role: "_usage", token_count: 12 },
      ],
    ]);
    expect(history.messages).toEqual([user("s"), user("b")]);
    expect([history.countedTokens, history.estimatedTokens]).toEqual([12, 12]);
    expect(history.checkpoint()).toBe(1);
  });
});

describe("what could not be recorded did not happen", () => {
  const cases: [string, (history: History) => void][] = [
    ["a checkpoint", (history) => void history.checkpoint()],
    ["a user message", (history) => history.appendUser(text("b"))],
    ["a step", (history) => history.appendStep({ content: text("b"), toolCalls: [], usage: usage(1, 1) }, [])],
    ["a step without usage", (history) => history.appendStep({ content: text("b"), toolCalls: [], usage: null }, [])],
    ["clear", (history) => history.clear()],
    ["replace", (history) => history.replace([user("s")], 1)],
  ];

  test.each(cases)("%s", (_name, act) => {
    const { history, fill } = recorded({ messages: [user("abcd")], nextCheckpoint: 3, tokenCount: 5 });
    fill(true);
    expect(() => act(history)).toThrow("full");
    expect(history.messages).toEqual([user("abcd")]);
    expect([history.countedTokens, history.estimatedTokens]).toEqual([5, 5]);
    fill(false);
    expect(history.checkpoint()).toBe(3);
  });
});

describe("token estimates", () => {
  test("a quarter of the characters while nothing was counted: hi + hello = 7 -> 1", () => {
    const { history } = recorded();
    history.appendUser(text("hi"));
    history.appendStep({ content: text("hello"), toolCalls: [], usage: null }, []);
    expect(history.estimatedTokens).toBe(1);
    expect(history.countedTokens).toBe(0);
  });

  test("the count of the newest reply, plus a quarter of what came behind it", () => {
    const { history } = recorded();
    history.appendUser(text("x".repeat(4_000)));
    history.appendStep({ content: text("a"), toolCalls: [toolCall("t", "N")], usage: usage(100, 10) }, [
      { toolCallId: "t", content: text("12345678") },
    ]);
    expect(history.estimatedTokens).toBe(112);
    history.appendUser(text("1234"));
    expect(history.estimatedTokens).toBe(113);
  });

  test("a stored conversation: its last count, or its characters", () => {
    expect(recorded({ messages: [user("12345678")], tokenCount: 40 }).history.estimatedTokens).toBe(40);
    expect(recorded({ messages: [user("12345678")], tokenCount: null }).history.estimatedTokens).toBe(2);
  });

  test("characters of texts, thoughts and arguments; media count nothing", () => {
    const message: Message = {
      role: "assistant",
      content: [
        { type: "think", think: "123", encrypted: "x".repeat(99) },
        { type: "text", text: "45" },
        { type: "image_url", image_url: { url: "data:,xxxx", id: null } },
      ],
      tool_calls: [toolCall("t", "Name", "{}"), toolCall("u", "Name", null)],
    };
    expect(countChars([message])).toBe(7);
  });

  test("input tokens are all that went in", () => {
    expect(inputTokens({ input_other: 1, output: 9, input_cache_read: 2, input_cache_creation: 4 })).toBe(7);
  });
});

test("a throw-away conversation writes nowhere", () => {
  const seed = { systemPrompt: "S", messages: [], nextCheckpoint: 0, tokenCount: null };
  const history = new History(seed, unstoredContext({ note: () => {} }));
  history.appendUser(text("a"));
  history.clear();
  expect(history.messages).toEqual([]);
});
