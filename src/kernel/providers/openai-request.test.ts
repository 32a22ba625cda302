import { describe, expect, it } from "vitest";
import { silentLogger } from "../logger.js";
import { createOpenAiProvider } from "./openai-driver.js";
import { OpenAiRequests } from "./openai-request.js";
import { chatRequest, resolvedModel, user } from "./testing/stream-results.js";

const LOCAL = "127.0.0.1";
const REMOTE = "api.example.com";

function body(host: string, changes: Parameters<typeof resolvedModel>[0] = {}, request = chatRequest()) {
  return new OpenAiRequests(resolvedModel(changes), host).build(request).body;
}

describe("max_tokens", () => {
  it("is 8,192 for a local server and more for others", () => {
    expect(body(LOCAL).max_tokens).toBe(8192);
    expect(body(REMOTE, { model: { max_context_size: 200_000 } }).max_tokens).toBe(32_000);
    expect(body(LOCAL, { model: { max_context_size: 0 } }).max_tokens).toBe(8192);
  });

  it("is what the window has left when that is less", () => {
    const request = chatRequest({ tools: [], messages: [user("x".repeat(9000))] });
    const left = body(LOCAL, { model: { max_context_size: 4096 } }, request).max_tokens;
    expect(left).toBeGreaterThan(900);
    expect(left).toBeLessThan(1100);
    expect(body(LOCAL, { model: { max_context_size: 3000 } }, request).max_tokens).toBe(256);
  });

  it("is what was asked for, even nothing", () => {
    expect(body(LOCAL, { maxTokens: 50 }).max_tokens).toBe(50);
    expect(body(LOCAL, { maxTokens: 50 }, chatRequest({ maxTokens: 0 })).max_tokens).toBe(0);
  });

  it("learns the length of a token", () => {
    const requests = new OpenAiRequests(resolvedModel({ model: { max_context_size: 4096 } }), LOCAL);
    const request = chatRequest({ tools: [], messages: [user("x".repeat(9000))] });
    const first = requests.build(request);
    requests.learn(first, { input_other: 100, input_cache_read: 1400, input_cache_creation: 0, output: 1 });
    expect(requests.build(request).body.max_tokens).toBeGreaterThan(2400);
  });
});

describe("a reply that goes on", () => {
  it("is the last message, when the server is said to take it", () => {
    const half = { role: "assistant" as const, content: [{ type: "text" as const, text: "Once up" }], tool_calls: [] };
    const { messages } = body(LOCAL, {}, chatRequest({ messages: [user("tell"), half] }));
    expect((messages as unknown[]).at(-1)).toEqual({ role: "assistant", content: "Once up" });
    const driver = (provider: object) => createOpenAiProvider(resolvedModel({ provider }), { logger: silentLogger });
    expect([driver({}).canPrefill, driver({ assistant_prefill: true }).canPrefill]).toEqual([false, true]);
  });
});

describe("thinking", () => {
  const thinking = new Set(["thinking" as const]);

  it("is switched by each server's own field, and only where it can be", () => {
    const kimi = { provider: { type: "kimi" as const }, capabilities: thinking };
    expect(body(REMOTE, { ...kimi, thinking: true }).thinking).toEqual({ type: "enabled" });
    expect(body(REMOTE, { ...kimi, thinking: false }).thinking).toEqual({ type: "disabled" });
    expect(body(LOCAL, { capabilities: thinking }).reasoning_effort).toBe("none");
    expect(body(LOCAL, { capabilities: thinking, thinking: true })).not.toHaveProperty("reasoning_effort");
    expect(body(LOCAL)).not.toHaveProperty("reasoning_effort");
    expect(body(LOCAL, { capabilities: new Set([...thinking, "always_thinking"]) })).not.toHaveProperty(
      "reasoning_effort",
    );
  });
});

describe("refused fields", () => {
  it.each([
    ["Unrecognized request argument supplied: stream_options", "stream_options"],
    ['json: unknown field "temperature"', "temperature"],
    ['[{"type":"extra_forbidden","loc":["body","top_p"],"msg":"Extra inputs are not permitted"}]', "top_p"],
    ["Unsupported parameter: 'max_tokens'", "max_tokens"],
    ["max_tokens is too large: 32000. This model supports at most 4096 completion tokens", "max_tokens"],
  ])("%s", (message, field) => {
    const requests = new OpenAiRequests(resolvedModel({ temperature: 1, topP: 1 }), LOCAL);
    const sent = requests.build(chatRequest());
    expect(sent.body).toHaveProperty(field);
    expect(requests.refuse(sent, message)).toBe(field);
    expect(requests.refuse(sent, message)).toBeNull();
    expect(requests.build(chatRequest()).body).not.toHaveProperty(field);
  });

  it.each([
    "unknown model fake",
    "this model does not support tools",
    "temperature must be a number",
    "unsupported messages",
    "prompt is too long",
  ])("%s is about something else", (message) => {
    const requests = new OpenAiRequests(resolvedModel({ temperature: 1 }), LOCAL);
    expect(requests.refuse(requests.build(chatRequest()), message)).toBeNull();
  });

  it("include reasoning in the history", () => {
    const requests = new OpenAiRequests(resolvedModel(), LOCAL);
    const think = { type: "think" as const, think: "hm", encrypted: null };
    const call = { type: "function" as const, id: "a", function: { name: "Shell", arguments: "{}" }, extras: null };
    const messages = [user("x"), { role: "assistant" as const, content: [think], tool_calls: [call] }];
    const sent = requests.build(chatRequest({ messages }));
    expect(JSON.stringify(sent.body)).toContain("reasoning_content");
    expect(requests.refuse(sent, "'reasoning_content' was unexpected: 'messages.1'")).toBe("reasoning_content");
    expect(JSON.stringify(requests.build(chatRequest({ messages })).body)).not.toContain("reasoning_content");
  });
});
