import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProviderType } from "../config/config.js";
import { silentLogger } from "../logger.js";
import type { ChatProvider } from "./provider.js";
import { createProvider, isLlmSet } from "./registry.js";
import { chatRequest, collect, providerError, resolvedModel, user } from "./testing/stream-results.js";

let folder: string;
const deps = { logger: silentLogger, shareDir: "" };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "providers-"));
});

afterAll(() => rm(folder, { recursive: true }));

async function scripted(
  content: string,
  env: Record<string, string> = {},
  logger = silentLogger,
): Promise<ChatProvider> {
  const path = join(folder, `${Math.random()}.txt`);
  await writeFile(path, content);
  const model = resolvedModel({
    provider: { type: "_scripted_echo", base_url: "" },
    model: { model: "" },
    env: { KIMI_SCRIPTED_ECHO_SCRIPTS: path, ...env },
  });
  return createProvider(model, { ...deps, logger });
}

describe("isLlmSet", () => {
  it.each<[ProviderType, string, string, boolean]>([
    ["kimi", "http://x/v1", "m", true],
    ["kimi", "", "m", false],
    ["openai_legacy", "http://x/v1", "", false],
    ["_echo", "", "", true],
    ["_scripted_echo", "", "", true],
    ["_chaos", "", "", false],
    ["anthropic", "http://x", "m", true],
  ])("%s with base_url %j and model %j: %s", (type, base_url, model, expected) => {
    expect(isLlmSet(resolvedModel({ provider: { type, base_url }, model: { model } }))).toBe(expected);
  });

  it("asks what chaos wraps", () => {
    const env = { KERNEL_CHAOS_PROVIDER: "_echo" };
    const model = resolvedModel({ provider: { type: "_chaos", base_url: "" }, model: { model: "" }, env });
    expect(isLlmSet(model)).toBe(true);
  });
});

describe("createProvider", () => {
  it.each<ProviderType>(["openai_responses", "anthropic", "google_genai", "gemini", "vertexai"])(
    "says what is supported in place of %s",
    async (type) => {
      await expect(createProvider(resolvedModel({ provider: { type } }), deps)).rejects.toMatchObject({
        code: "llm_not_set",
        message: expect.stringContaining("supported are kimi, openai_legacy, _echo, _scripted_echo, _chaos"),
      });
    },
  );

  it.each([["localhost:8080"], ["nonsense"], [""]])("refuses base_url %j", async (base_url) => {
    await expect(createProvider(resolvedModel({ provider: { base_url } }), deps)).rejects.toMatchObject({
      code: "llm_not_set",
    });
  });

  it("names the model of an OpenAI-compatible server", async () => {
    const provider = await createProvider(resolvedModel({ capabilities: new Set(["image_in"]) }), deps);
    expect(provider).toMatchObject({ modelName: "fake", maxContextSize: 32_768, capabilities: new Set(["image_in"]) });
    await provider.close?.();
  });

  it("wraps what chaos asks for, and only that", async () => {
    const chaos = (kind: string) =>
      createProvider(resolvedModel({ provider: { type: "_chaos" }, env: { KERNEL_CHAOS_PROVIDER: kind } }), deps);
    expect((await chaos("_echo")).modelName).toBe("echo");
    await expect(chaos("_chaos")).rejects.toMatchObject({ code: "llm_not_set" });
    await expect(chaos("nope")).rejects.toMatchObject({ code: "llm_not_set" });
  });
});

describe("_scripted_echo", () => {
  it("plays one script a call and says when there are no more", async () => {
    const provider = await scripted("text: one\n---\nid: m\nusage: output=1\ntext: two\n");
    expect(provider.modelName).toBe("scripted_echo");
    expect(await collect(provider)).toMatchObject({
      text: "one",
      batches: 1,
      end: { usage: null, finishReason: "stop" },
    });
    expect(await collect(provider)).toMatchObject({ text: "two", end: { messageId: "m", usage: { output: 1 } } });
    const error = providerError(await collect(provider));
    expect(error).toMatchObject({ message: "ScriptedEchoChatProvider exhausted at turn 3.", retryable: false });
  });

  it("reads a JSON array of scripts", async () => {
    const provider = await scripted(JSON.stringify(["text: a\ntool_call: id=t name=Shell", "text: b"]));
    expect(await collect(provider)).toMatchObject({
      text: "a",
      calls: [{ id: "t" }],
      end: { finishReason: "tool_calls" },
    });
    expect(await collect(provider)).toMatchObject({ text: "b" });
  });

  it("uses a script up even when it fails", async () => {
    const provider = await scripted("error: 500\n---\n# nothing\n---\nthink: hm\n---\ntext: fine");
    expect(providerError(await collect(provider)).statusCode).toBe(500);
    expect(providerError(await collect(provider)).message).toBe(
      "ScriptedEchoChatProvider DSL produced no streamable parts.",
    );
    expect(providerError(await collect(provider))).toMatchObject({
      errorType: "APIEmptyResponseError",
      retryable: true,
    });
    expect(await collect(provider)).toMatchObject({ text: "fine" });
  });

  it("does not use a script up for an aborted call", async () => {
    const provider = await scripted("text: a");
    const reason = new Error("stop");
    expect((await collect(provider, chatRequest(), AbortSignal.abort(reason))).error).toBe(reason);
    expect(await collect(provider)).toMatchObject({ text: "a" });
  });

  it("prefers our own variable", async () => {
    const path = join(folder, "own.txt");
    await writeFile(path, "text: own");
    expect(await collect(await scripted("text: kimi", { KERNEL_SCRIPTED_ECHO_SCRIPTS: path }))).toMatchObject({
      text: "own",
    });
  });

  it("traces to the log when asked", async () => {
    const lines: string[] = [];
    const logger = { ...silentLogger, info: (_: object, message: string) => lines.push(message) };
    await collect(await scripted('text: "a"', { KIMI_SCRIPTED_ECHO_TRACE: "On" }, logger));
    await collect(await scripted("text: b", {}, logger));
    expect(lines).toEqual(['SCRIPTED_ECHO TURN 1: "text: \\"a\\""']);
  });

  it("fails to start without scripts", async () => {
    const start = (env: Record<string, string>) =>
      createProvider(resolvedModel({ provider: { type: "_scripted_echo" }, env }), deps);
    const failure = (message: string) => ({ code: "start_failed", message });
    await expect(start({})).rejects.toMatchObject(
      failure("KIMI_SCRIPTED_ECHO_SCRIPTS is required for _scripted_echo."),
    );
    const missing = join(folder, "missing.txt");
    await expect(start({ KIMI_SCRIPTED_ECHO_SCRIPTS: missing })).rejects.toMatchObject(
      failure(`Scripted echo file not found: ${missing}`),
    );
    for (const content of ['{"a":1}', "[1]", '"text: a"']) {
      await expect(scripted(content)).rejects.toMatchObject(failure("Scripted echo JSON must be an array of strings."));
    }
  });
});

describe("_echo", () => {
  it("plays the last user message", async () => {
    const provider = await createProvider(resolvedModel({ provider: { type: "_echo", base_url: "" } }), deps);
    const result = await collect(provider, chatRequest({ messages: [user("text: a"), user("think: hm\ntext: b")] }));
    expect(result).toMatchObject({ text: "b", think: "hm" });
    expect(providerError(await collect(provider, chatRequest({ messages: [user("# x")] }))).message).toBe(
      "EchoChatProvider DSL produced no streamable parts.",
    );
  });
});
