import { describe, expect, test } from "vitest";
import type { LoopControl } from "../config/config.js";
import type { Message } from "../messages.js";
import {
  callPart,
  FakeProvider,
  failing,
  providerError,
  reply,
  stuck,
  toolCall,
  usage,
} from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { compact, mustCompact, splitForCompaction } from "./compaction.js";

const fixtures = turnFixtures();
const text = (value: string) => [{ type: "text" as const, text: value }];
const user = (value: string): Message => ({ role: "user", content: text(value) });
const assistant = (value: string, ...ids: string[]): Message => ({
  role: "assistant",
  content: text(value),
  tool_calls: ids.map((id) => toolCall(id, "N")),
});
const tool = (id: string): Message => ({ role: "tool", tool_call_id: id, content: text(`result ${id}`) });

describe("mustCompact", () => {
  const control = (reserve: number | null, ratio = 0.85): LoopControl => ({
    max_steps_per_turn: 1,
    max_retries_per_step: 1,
    max_ralph_iterations: 0,
    reserved_context_size: reserve ?? 50_000,
    reserved_context_size_set: reserve !== null,
    compaction_trigger_ratio: ratio,
  });

  test.each<[string, number, number, LoopControl, boolean]>([
    ["an unknown window never", 1e9, 0, control(null), false],
    ["32 k, empty: the default reserve is no 50,000", 0, 32_768, control(null), false],
    ["32 k, below the ratio and 15 %", 27_852, 32_768, control(null), false],
    ["32 k, at the ratio", 27_853, 32_768, control(null), true],
    ["32 k, ratio 1: below 15 %", 27_852, 32_768, control(null, 1), false],
    ["32 k, ratio 1: at 15 %", 27_853, 32_768, control(null, 1), true],
    ["200 k, ratio 1: below 15 %, which is less than 50,000", 169_999, 200_000, control(null, 1), false],
    ["200 k, ratio 1: at 15 %", 170_000, 200_000, control(null, 1), true],
    ["1 M, ratio 1: below 50,000, which is less than 15 %", 949_999, 1_000_000, control(null, 1), false],
    ["1 M, ratio 1: at 50,000", 950_000, 1_000_000, control(null, 1), true],
    ["1 M: the ratio comes first", 850_000, 1_000_000, control(null), true],
    ["a reserve of the config counts as it is", 0, 32_768, control(50_000), true],
    ["a small one too", 32_267, 32_768, control(500, 1), false],
    ["at its edge", 32_268, 32_768, control(500, 1), true],
    ["none at all", 32_767, 32_768, control(0, 1), false],
  ])("%s", (_name, tokens, window, loop, expected) => {
    expect(mustCompact(tokens, window, loop)).toBe(expected);
  });
});

describe("the split", () => {
  const u = [user("u0"), user("u1"), user("u2")] as const;
  test.each<[string, Message[], number]>([
    ["nothing", [], 0],
    ["one message", [u[0]], 0],
    ["two messages", [u[0], assistant("a")], 0],
    ["three messages", [u[0], assistant("a"), u[1]], 1],
    ["tool messages stay with their call", [u[0], assistant("a", "t", "s"), tool("t"), tool("s"), u[1]], 1],
    ["a call at the end keeps its results", [u[0], u[1], assistant("a", "t"), tool("t")], 1],
    ["two calls", [u[0], assistant("a", "t"), tool("t"), assistant("b", "s"), tool("s")], 1],
    ["results of an older call go with it", [u[0], assistant("a", "t"), tool("t"), u[1], assistant("b")], 3],
  ])("%s", (_name, messages, cut) => {
    const { older, kept } = splitForCompaction(messages);
    expect(older).toEqual(messages.slice(0, cut));
    expect(kept).toEqual(messages.slice(cut));
  });
});

async function setUp(...replies: Parameters<FakeProvider["script"]>) {
  const fixture = await fixtures.turn({ provider: new FakeProvider(...replies), tools: [fakeTool("act")] });
  const { history } = fixture;
  const fill = (...messages: Message[]) => {
    for (const message of messages) {
      if (message.role === "user") history.appendUser(message.content);
      else history.appendStep({ content: message.content, toolCalls: [], usage: null }, []);
    }
  };
  return { ...fixture, fill, signal: new AbortController().signal };
}

const SUMMARY_HEAD = "<system>The earlier conversation was replaced by this summary:</system>";

describe("compact", () => {
  test("the older part becomes a summary, the last two messages stay", async () => {
    const { deps, fill, history, provider, sink, signal } = await setUp(
      reply(["  short  "], { usage: usage(500, 40) }),
    );
    fill(user("first"), assistant("second"), user("third"), assistant("12345678"));
    await compact(deps, "", signal);
    expect(history.messages).toEqual([
      { role: "user", content: [...text(SUMMARY_HEAD), ...text("short")] },
      user("third"),
      assistant("12345678"),
    ]);
    // 40 tokens of the summary and 13 characters of what stayed.
    expect([history.countedTokens, history.estimatedTokens]).toEqual([43, 43]);
    expect(sink.types()).toEqual(["CompactionBegin", "CompactionEnd"]);
    const [request] = provider.requests;
    expect(request).toMatchObject({ systemPrompt: "SYSTEM", toolChoice: "none", tools: [{ name: "act" }] });
    expect(request?.messages.slice(0, 2)).toEqual([user("first"), assistant("second")]);
    expect(request?.messages).toHaveLength(3);
  });

  test("without usage every character counts a quarter", async () => {
    const { deps, fill, history, signal } = await setUp(reply(["sum"]));
    fill(user("first"), user("hi"), assistant("hello"));
    await compact(deps, "", signal);
    expect(history.countedTokens).toBe(Math.floor((SUMMARY_HEAD.length + 3 + 7) / 4));
  });

  test("nothing to summarise: no model call, the text stays, the file is written anew: hi + hello -> 1", async () => {
    const { deps, fill, history, provider, journal, signal } = await setUp();
    fill(user("hi"), assistant("hello"));
    await compact(deps, "", signal);
    expect(provider.requests).toEqual([]);
    expect(history.messages).toEqual([user("hi"), assistant("hello")]);
    expect(history.countedTokens).toBe(1);
    expect(journal().filter(({ kind }) => kind === "rotate")).toHaveLength(1);
  });

  test("what the user wants kept is asked for", async () => {
    const { deps, fill, provider, signal } = await setUp(reply(["s"]));
    fill(user("a"), user("b"), user("c"));
    await compact(deps, "the port number", signal);
    expect(JSON.stringify(provider.requests[0]?.messages.at(-1))).toContain("the port number");
  });

  test("a failure leaves all as it was, and the bracket is closed", async () => {
    const { deps, fill, history, sink, signal } = await setUp(failing(providerError("nope", { retryable: false })));
    fill(user("a"), user("b"), user("c"));
    await expect(compact(deps, "", signal)).rejects.toThrow("nope");
    expect(history.messages).toHaveLength(3);
    expect(sink.types()).toEqual(["CompactionBegin", "CompactionEnd"]);
  });

  test("a cancel too; the model is waited for until then", async () => {
    const { deps, fill, history, sink, recorder } = await setUp(stuck());
    fill(user("a"), user("b"), user("c"));
    const controller = new AbortController();
    const result = compact(deps, "", controller.signal);
    await sink.seen("CompactionBegin");
    expect(recorder.waits.open).toEqual(["model"]);
    controller.abort(new Error("enough"));
    await expect(result).rejects.toThrow("enough");
    expect(history.messages).toHaveLength(3);
    expect(sink.types()).toEqual(["CompactionBegin", "CompactionEnd"]);
  });
});

describe("the summary", () => {
  test.each<[string, Parameters<typeof reply>[0]]>([
    ["without text", []],
    ["of blanks", ["  \n"]],
    ["of a call that nobody asked for", [callPart("t", "N")]],
  ])("%s is asked for again, without an event", async (_name, reads) => {
    const { deps, fill, provider, sink, signal } = await setUp(reply(reads), reply(["good"]));
    fill(user("a"), user("b"), user("c"));
    await compact(deps, "", signal);
    expect(provider.requests).toHaveLength(2);
    expect(sink.types()).toEqual(["CompactionBegin", "CompactionEnd"]);
  });

  test("is retried as a model call is, and no more often", async () => {
    const { deps, fill, provider, signal } = await setUp(
      failing(providerError("one")),
      failing(providerError("two")),
      failing(providerError("three")),
    );
    fill(user("a"), user("b"), user("c"));
    await expect(compact(deps, "", signal)).rejects.toThrow("three");
    expect(provider.requests).toHaveLength(3);
  });

  test("a bug in the driver is no reason to ask again", async () => {
    const { deps, fill, provider, signal } = await setUp(failing(new TypeError("oops")));
    fill(user("a"), user("b"), user("c"));
    await expect(compact(deps, "", signal)).rejects.toThrow("oops");
    expect(provider.requests).toHaveLength(1);
  });

  test("a driver that nobody reads any more is told so", async () => {
    let returned = false;
    const { deps, fill, sink } = await setUp(async function* () {
      try {
        for (;;) {
          yield [{ kind: "content", part: { type: "text", text: "x" } }];
          await new Promise(setImmediate);
        }
      } finally {
        returned = true;
      }
    });
    fill(user("a"), user("b"), user("c"));
    const controller = new AbortController();
    const result = compact(deps, "", controller.signal);
    await sink.seen("CompactionBegin");
    await new Promise(setImmediate);
    controller.abort(new Error("enough"));
    await expect(result).rejects.toThrow("enough");
    await expect.poll(() => returned).toBe(true);
  });
});
