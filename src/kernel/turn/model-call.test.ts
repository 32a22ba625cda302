import { describe, expect, test } from "vitest";
import type { ChatProvider, StreamEnd, StreamPart } from "../providers/provider.js";
import {
  callPart,
  FakeProvider,
  failing,
  providerError,
  reply,
  stuck,
  textPart,
  usage,
} from "../testing/fake-provider.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { callModel, type ModelCall } from "./model-call.js";

const fixtures = turnFixtures();
const thinking: StreamPart = { kind: "content", part: { type: "think", think: "hm", encrypted: null } };

async function setUp(...replies: Parameters<FakeProvider["script"]>) {
  const fixture = await fixtures.turn({ provider: new FakeProvider(...replies) });
  const controller = new AbortController();
  const call: ModelCall = {
    provider: fixture.provider,
    request: { systemPrompt: "S", tools: [], messages: [] },
    recorder: fixture.recorder,
    step: 4,
    maxAttempts: 3,
    signal: controller.signal,
    // Waits the shortest time that the rules allow.
    random: () => 0,
    freshId: fixture.deps.freshId,
  };
  return { ...fixture, call, controller };
}

test("every part goes out as it came, the reply is whole", async () => {
  const parts: StreamPart[] = [
    textPart("a"),
    textPart(""),
    callPart("t1", "N", null),
    { kind: "tool_call_part", argumentsPart: null },
    { kind: "tool_call_part", argumentsPart: '{"x":' },
    { kind: "tool_call_part", argumentsPart: "1}" },
    textPart("b"),
  ];
  const { call, sink } = await setUp(
    reply([parts.slice(0, 3), parts.slice(3)], { usage: usage(3, 2), messageId: "m" }),
  );
  expect(await callModel(call)).toEqual({
    content: [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ],
    toolCalls: [{ type: "function", id: "t1", function: { name: "N", arguments: '{"x":1}' }, extras: null }],
    usage: usage(3, 2),
    messageId: "m",
    finishReason: "stop",
  });
  expect(sink.types()).toEqual([
    ...["ContentPart", "ContentPart", "ToolCall", "ToolCallPart", "ToolCallPart", "ToolCallPart", "ContentPart"],
  ]);
  expect(sink.payloads("ToolCall")[0]).toMatchObject({ function: { arguments: null } });
});

describe("retries", () => {
  test("StepRetry says what failed and what comes; parts of the failed attempt are forgotten", async () => {
    const { call, sink } = await setUp(
      failing(providerError("busy", { errorType: "APIStatusError", statusCode: 503 }), ["lost"]),
      failing(providerError("cut"), []),
      reply(["kept"]),
    );
    const result = await callModel(call);
    expect(result.content).toEqual([{ type: "text", text: "kept" }]);
    expect(sink.types()).toEqual(["ContentPart", "StepRetry", "StepRetry", "ContentPart"]);
    expect(sink.payloads("StepRetry")).toEqual([
      { n: 4, next_attempt: 2, max_attempts: 3, wait_s: 0.3, error_type: "APIStatusError", status_code: 503 },
      { n: 4, next_attempt: 3, max_attempts: 3, wait_s: 0.6, error_type: "APIConnectionError", status_code: null },
    ]);
  });

  test("the last attempt's error is the call's", async () => {
    const { call, provider } = await setUp(
      failing(providerError("one")),
      failing(providerError("two")),
      failing(providerError("three")),
    );
    await expect(callModel(call)).rejects.toThrow("three");
    expect(provider.requests).toHaveLength(3);
  });

  test.each([
    ["an error that stays", providerError("401", { retryable: false }), "401"],
    ["a bug", new TypeError("oops"), "oops"],
  ])("%s is not retried", async (_name, error, message) => {
    const { call, provider, sink } = await setUp(failing(error), reply(["never"]));
    await expect(callModel(call)).rejects.toThrow(message);
    expect(provider.requests).toHaveLength(1);
    expect(sink.types()).toEqual([]);
  });

  test.each<[string, StreamPart[]]>([
    ["without any part", []],
    ["of empty text", [textPart("")]],
    ["of thinking only", [thinking]],
  ])("a reply %s is retried as APIEmptyResponseError", async (_name, parts) => {
    const { call, sink } = await setUp(reply(parts), reply(["text"]));
    expect((await callModel(call)).content).toEqual([{ type: "text", text: "text" }]);
    expect(sink.payloads("StepRetry")).toMatchObject([{ error_type: "APIEmptyResponseError", status_code: null }]);
  });

  test("thinking with a call is a reply", async () => {
    const { call } = await setUp(reply([thinking, callPart("t", "N")]));
    expect((await callModel(call)).toolCalls).toHaveLength(1);
  });

  test("a cancel ends the wait", async () => {
    const { call, controller, sink } = await setUp(failing(providerError("busy", { retryAfterMs: 60_000 })));
    const result = callModel(call);
    await sink.seen("StepRetry");
    controller.abort(new Error("enough"));
    await expect(result).rejects.toThrow("enough");
  });
});

describe("ids of calls", () => {
  test("a repeated id and one the client still knows get fresh ones, in the event too", async () => {
    const { call, sink } = await setUp(
      reply([
        callPart("a", "N", null),
        { kind: "tool_call_part", argumentsPart: "1" },
        callPart("a", "N", null),
        { kind: "tool_call_part", argumentsPart: "2" },
        callPart("late", "N", "3"),
        callPart("b", "N", "4"),
      ]),
    );
    sink.taken.add("late");
    const { toolCalls } = await callModel(call);
    const ids = ["a", "fresh_1", "fresh_2", "b"];
    expect(toolCalls.map(({ id }) => id)).toEqual(ids);
    expect(toolCalls.map(({ function: { arguments: text } }) => text)).toEqual(["1", "2", "3", "4"]);
    expect(sink.payloads("ToolCall").map(({ id }) => id)).toEqual(ids);
  });

  test("a retry may use the ids of the failed attempt", async () => {
    const cut = providerError("cut");
    const { call } = await setUp(
      async function* (): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
        yield [callPart("a", "N")];
        throw cut;
      },
      reply([callPart("a", "N")]),
    );
    expect((await callModel(call)).toolCalls[0]?.id).toBe("a");
  });
});

describe("a cancelled call", () => {
  test("ends within a tick although the driver is stuck", async () => {
    const { call, controller, sink } = await setUp(stuck(["a"]));
    const result = callModel(call);
    await sink.seen("ContentPart");
    let ended = false;
    result.catch(() => {
      ended = true;
    });
    controller.abort(new Error("enough"));
    await new Promise(setImmediate);
    expect(ended).toBe(true);
    await expect(result).rejects.toThrow("enough");
  });

  test("rejects with the signal's reason whatever the driver throws", async () => {
    const { call, controller } = await setUp((_request, signal) => rejectOnAbort(signal));
    const result = callModel(call);
    controller.abort(new Error("enough"));
    await expect(result).rejects.toThrow("enough");
  });

  test("tells the driver that nobody reads on", async () => {
    let returned = false;
    const { call, controller, sink } = await setUp(reply([]));
    const driver: ChatProvider = {
      modelName: "fake",
      capabilities: new Set(),
      maxContextSize: 0,
      async *stream() {
        try {
          for (;;) {
            yield [textPart("x")];
            await new Promise(setImmediate);
          }
        } finally {
          returned = true;
        }
      },
    };
    const result = callModel({ ...call, provider: driver });
    await sink.seen("ContentPart", 3);
    controller.abort(new Error("enough"));
    await expect(result).rejects.toThrow("enough");
    await expect.poll(() => returned).toBe(true);
  });
});

test("while the client does not read, the driver is not asked for more", async () => {
  const { call, sink, provider, controller } = await setUp(reply(["a", "b"]), stuck());
  let readOn = () => {};
  sink.behind = new Promise((resolve) => {
    readOn = resolve;
  });
  const result = callModel(call);
  await sink.seen("ContentPart");
  await new Promise(setImmediate);
  expect(provider.pulls).toBe(1);
  sink.behind = null;
  readOn();
  await result;
  expect(provider.pulls).toBe(3);

  sink.behind = new Promise(() => {});
  provider.script(reply(["c"]));
  const second = callModel(call);
  controller.abort(new Error("enough"));
  await expect(second).rejects.toThrow("enough");
});

test("what cannot be recorded is not delivered and ends the call", async () => {
  const { call, sink, log } = await setUp(reply(["a"]), reply(["never"]));
  log.close({ clean: false });
  await expect(callModel(call)).rejects.toMatchObject({ name: "KernelError" });
  expect(sink.types()).toEqual([]);
});

/** A driver that ends with an error of its own when it is aborted. */
async function* rejectOnAbort(signal: AbortSignal): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
  yield await new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("socket closed")), { once: true });
  });
  return { usage: null, messageId: null, finishReason: "other" };
}
