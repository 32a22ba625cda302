/** Every quirk of model servers' streams, over a real socket, against the whole driver. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLogger } from "../logger.js";
import { createOpenAiProvider } from "./openai-driver.js";
import type { ChatProvider, ChatRequest } from "./provider.js";
import { chunkQuirks } from "./testing/chunk-quirks.js";
import { type QuirkServer, startQuirkServer } from "./testing/quirk-server.js";
import {
  chatRequest,
  collect,
  providerError,
  resolvedModel,
  type StreamResult,
  user,
} from "./testing/stream-results.js";
import { transportQuirks } from "./testing/transport-quirks.js";

let server: QuirkServer;
const providers: ChatProvider[] = [];

beforeAll(async () => {
  server = await startQuirkServer({ ...transportQuirks, ...chunkQuirks });
});

afterAll(async () => {
  for (const provider of providers) await provider.close?.();
  await server.close();
});

function provider(model: string, env: Record<string, string> = {}): ChatProvider {
  const created = createOpenAiProvider(resolvedModel({ model: { model }, provider: { base_url: server.url }, env }), {
    logger: silentLogger,
  });
  providers.push(created);
  return created;
}

function play(model: string, request?: ChatRequest, env?: Record<string, string>): Promise<StreamResult> {
  return collect(provider(model, env), request);
}

const SHELL_CALL = { name: "Shell", arguments: '{"command":"ls"}' };
const READ_CALL = { name: "ReadFile", arguments: '{"path":"x"}' };

describe("replies that are accepted", () => {
  it.each([
    "well-behaved",
    "no-done",
    "done-without-finish-reason",
    "reset-after-finish",
    "open-after-finish",
    "slow-drip",
    "no-space-after-data",
    "crlf",
    "json-instead-of-sse",
    "sse-as-json-type",
    "sse-without-type",
    "ndjson",
    "choices-null",
    "role-missing-or-repeated",
    "content-parts",
    "tool-calls-without-calls",
    "stop-token",
  ])("%s", async (model) => {
    const result = await play(model);
    expect(result.error).toBeNull();
    expect(result.text).toBe("hello");
    expect(result.end?.finishReason).toBe("stop");
    expect(result.calls).toEqual([]);
  });

  it("split-utf8", async () => {
    expect((await play("split-utf8")).text).toBe("Grüße 世界 🙂");
  });

  it("huge-delta", async () => {
    expect((await play("huge-delta")).text).toHaveLength(10 * 1024 * 1024);
  });

  it("stop-token-in-the-middle", async () => {
    expect((await play("stop-token-in-the-middle")).text).toBe("a </s> b");
  });

  it("keeps the id of the message", async () => {
    expect((await play("well-behaved")).end?.messageId).toBe("chatcmpl-1");
  });
});

describe("failures", () => {
  it.each([
    ["cut-without-finish-reason", "stream_truncated", "APIConnectionError", true, "partial"],
    ["cut-inside-a-chunk", "stream_truncated", "APIConnectionError", true, "partial"],
    ["socket-reset", "stream_truncated", "APIConnectionError", true, "partial"],
    ["socket-closed", "stream_truncated", "APIConnectionError", true, "partial"],
    ["reset-before-headers", "connection_failed", "APIConnectionError", true, ""],
    ["comments-only", "empty_response", "APIEmptyResponseError", true, ""],
    ["empty-body", "empty_response", "APIEmptyResponseError", true, ""],
    ["nothing-at-all", "empty_response", "APIEmptyResponseError", true, ""],
    ["only-reasoning", "only_thinking", "APIEmptyResponseError", true, ""],
    ["json-error-with-200", "http_500", "APIStatusError", true, ""],
    ["json-without-choices", "not_a_stream", "ChatProviderError", false, ""],
    ["html-with-200", "not_a_stream", "ChatProviderError", false, ""],
    ["garbage", "bad_chunk", "APIConnectionError", true, ""],
    ["error-object", "http_500", "APIStatusError", true, "partial"],
    ["error-string", "http_500", "APIStatusError", true, "partial"],
    ["error-object-field", "http_500", "APIStatusError", true, "partial"],
    ["error-event", "http_503", "APIStatusError", true, "partial"],
    ["error-line", "http_500", "APIStatusError", true, "partial"],
    ["error-bare-ndjson", "http_500", "APIStatusError", true, "partial"],
    ["error-loading", "http_503", "APIStatusError", true, ""],
    ["broken-json", "bad_chunk", "APIConnectionError", true, "partial"],
    ["name-never", "bad_tool_call", "APIConnectionError", true, ""],
  ])("%s is %s", async (model, code, errorType, retryable, text) => {
    const result = await play(model);
    const error = providerError(result);
    expect(error).toMatchObject({ code, errorType, retryable, name: errorType });
    expect(result.text).toBe(text);
    expect(result.end).toBeNull();
  });

  it.each([
    ["error-object", "out of memory"],
    ["error-string", "the model runner died"],
    ["error-object-field", "engine died"],
    ["error-event", "overloaded"],
    ["error-line", "failed to decode"],
    ["error-bare-ndjson", "unexpected EOF"],
    ["json-error-with-200", "model crashed"],
  ])("%s keeps the server's words", async (model, message) => {
    expect(providerError(await play(model)).message).toBe(message);
  });

  it.each(["no-headers", "headers-then-silence"])("%s ends at the first-byte timeout", async (model) => {
    const result = await play(model, undefined, { KERNEL_FIRST_BYTE_TIMEOUT_MS: "60" });
    expect(providerError(result)).toMatchObject({
      code: "idle_timeout",
      errorType: "APITimeoutError",
      retryable: true,
    });
  });

  it("silence-after-text ends at the idle timeout and keeps the text", async () => {
    const result = await play("silence-after-text", undefined, { KERNEL_IDLE_TIMEOUT_MS: "60" });
    expect(providerError(result)).toMatchObject({ code: "idle_timeout", errorType: "APITimeoutError" });
    expect(result.text).toBe("partial");
  });

  it("counts every byte as life", async () => {
    expect((await play("slow-drip", undefined, { KERNEL_IDLE_TIMEOUT_MS: "2000" })).text).toBe("hello");
  });

  it("an empty reply is no failure when no tokens were asked for", async () => {
    const result = await play("nothing-at-all", chatRequest({ maxTokens: 0 }));
    expect(result.error).toBeNull();
    expect(result.end?.finishReason).toBe("stop");
  });
});

describe("usage", () => {
  it.each([
    ["well-behaved", { input_other: 40, output: 2, input_cache_read: 60, input_cache_creation: 0 }],
    ["usage-missing", null],
    ["usage-cumulative", { input_other: 10, output: 2, input_cache_read: 0, input_cache_creation: 0 }],
    ["usage-timings", { input_other: 10, output: 3, input_cache_read: 90, input_cache_creation: 0 }],
    ["usage-kimi", { input_other: 30, output: 4, input_cache_read: 20, input_cache_creation: 0 }],
    ["usage-deepseek", { input_other: 20, output: 4, input_cache_read: 30, input_cache_creation: 0 }],
  ])("%s", async (model, usage) => {
    expect((await play(model)).end?.usage).toEqual(usage);
  });
});

describe("finish reasons", () => {
  it.each([
    ["finish-length", "length"],
    ["finish-eos", "stop"],
    ["finish-end_turn", "stop"],
    ["finish-tool_use", "stop"],
    ["finish-function_call", "stop"],
    ["finish-content_filter", "content_filter"],
    ["finish-error", "other"],
    ["calls-with-stop", "tool_calls"],
    ["function-call", "tool_calls"],
    ["length-inside-a-call", "length"],
  ])("%s is %s", async (model, reason) => {
    expect((await play(model)).end?.finishReason).toBe(reason);
  });
});

describe("tool calls", () => {
  it.each([
    "id-missing",
    "id-empty",
    "id-fixed",
    "name-in-pieces",
    "name-repeated",
    "name-late",
    "call-sent-again",
    "arguments-object",
    "arguments-double-encoded",
    "whole-call-in-one-chunk",
    "function-call",
    "calls-with-stop",
  ])("%s gives one call", async (model) => {
    const result = await play(model);
    expect(result.error).toBeNull();
    expect(result.calls).toEqual([{ ...SHELL_CALL, id: expect.stringMatching(/./), extras: null }]);
  });

  it.each(["same-index-other-id", "same-index-no-id", "interleaved-calls", "id-repeated"])(
    "%s gives two calls with ids of their own",
    async (model) => {
      const { calls } = await play(model);
      expect(calls).toMatchObject([SHELL_CALL, READ_CALL]);
      expect(new Set(calls.map((call) => call.id)).size).toBe(2);
    },
  );

  it("index-missing", async () => {
    const { calls } = await play("index-missing");
    expect(calls).toMatchObject([
      { ...SHELL_CALL, id: "a" },
      { ...SHELL_CALL, id: "b" },
    ]);
  });

  it.each(["arguments-null", "arguments-empty"])("%s gives an empty object", async (model) => {
    expect((await play(model)).calls).toMatchObject([{ name: "Shell", arguments: "{}" }]);
  });

  it.each([
    ["arguments-never-closed", '{"command":"l'],
    ["length-inside-a-call", "{"],
  ])("%s keeps the raw text", async (model, args) => {
    expect((await play(model)).calls).toMatchObject([{ name: "Shell", arguments: args }]);
  });

  it("replaces an id that the history already has", async () => {
    const call = { type: "function" as const, id: "call_0", function: SHELL_CALL, extras: null };
    const messages = [
      user("hello"),
      { role: "assistant" as const, content: [], tool_calls: [call] },
      { role: "tool" as const, tool_call_id: "call_0", content: [] },
    ];
    expect((await play("id-fixed")).calls[0]?.id).toBe("call_0");
    expect((await play("id-fixed", chatRequest({ messages }))).calls[0]?.id).toMatch(/^call_.{6,}/);
  });

  it("takes ten thousand calls in one message", async () => {
    const { calls } = await play("many-calls");
    expect(calls).toHaveLength(10_000);
    expect(calls.at(-1)).toMatchObject({ ...SHELL_CALL, id: "c9999" });
  });
});

describe("reasoning", () => {
  it.each(["reasoning-content", "reasoning", "thinking", "reasoning-details", "think-tag"])(
    "%s goes to its own channel",
    async (model) => {
      expect(await play(model)).toMatchObject({ think: "hmm", text: "hello", error: null });
    },
  );

  it("a lone closing tag is taken out, and from then on its text is thinking", async () => {
    const driver = provider("think-tag-without-opener");
    expect(await collect(driver)).toMatchObject({ think: "", text: "hmmhello" });
    expect(await collect(driver)).toMatchObject({ think: "hmm", text: "hello" });
  });
});

describe("calls written as text", () => {
  it.each([
    ["text-call-tag", "Let me look. "],
    ["text-call-function", ""],
    ["text-call-fence", ""],
    ["text-call-mistral", ""],
    ["text-call-bare", ""],
  ])("%s is recovered", async (model, text) => {
    const result = await play(model);
    expect(result.text).toBe(text);
    expect(result.calls).toMatchObject([{ ...SHELL_CALL, extras: { recovered: true } }]);
    expect(result.end?.finishReason).toBe("tool_calls");
  });

  it.each(["text-call-unknown-tool", "text-call-then-text"])("%s stays text", async (model) => {
    const result = await play(model);
    expect(result.calls).toEqual([]);
    expect(result.text).toContain("<tool_call>");
    expect(result.end?.finishReason).toBe("stop");
  });

  it("stays text beside a native call", async () => {
    const result = await play("text-call-and-native");
    expect(result.calls).toMatchObject([{ ...SHELL_CALL, id: "a", extras: null }]);
    expect(result.text).toContain("<tool_call>");
  });

  it("stays text when no tools were offered", async () => {
    const result = await play("text-call-bare", chatRequest({ tools: [] }));
    expect(result.calls).toEqual([]);
    expect(result.text).toContain('"Shell"');
  });

  it("is dropped when calls were forbidden", async () => {
    const result = await play("text-call-tag", chatRequest({ toolChoice: "none" }));
    expect(result).toMatchObject({ text: "Let me look. ", calls: [], error: null });
  });
});
