import { describe, expect, it } from "vitest";
import { chaosOptions, createChaos } from "./chaos.js";
import { createEcho } from "./echo.js";
import { ProviderError } from "./provider.js";
import { chatRequest, collect, resolvedModel, user } from "./testing/stream-results.js";

const request = chatRequest({
  messages: [user('think: hm\ntext: hello\ntool_call: id=t name=Shell\ntool_call_part: "{}"')],
});

async function outcomes(seed: number, rate: number, count = 60): Promise<string[]> {
  const provider = createChaos(createEcho(resolvedModel()), { seed, rate, slowStartMs: 2 });
  const seen: string[] = [];
  for (let i = 0; i < count; i++) {
    const { error, batches, text } = await collect(provider, request);
    if (error instanceof ProviderError) seen.push(`${error.errorType} ${error.statusCode} ${error.code} ${text}`);
    else seen.push(`ok ${batches}`);
  }
  return seen;
}

describe("chaos", () => {
  it("does the same for the same seed and something else for another", async () => {
    const first = await outcomes(7, 0.5);
    expect(await outcomes(7, 0.5)).toEqual(first);
    expect(await outcomes(8, 0.5)).not.toEqual(first);
  });

  it("knows every fault, and all of them may be retried", async () => {
    const seen = (await outcomes(1, 1, 200)).join("\n");
    for (const fault of [
      "APIStatusError 429",
      "APIStatusError 503",
      "APIConnectionError null chaos",
      "stream_truncated hello",
      "APIEmptyResponseError",
      "ok 1\n",
      "ok 10",
    ]) {
      expect(seen).toContain(fault);
    }
  });

  it("does nothing at rate 0", async () => {
    expect(new Set(await outcomes(3, 0))).toEqual(new Set(["ok 1"]));
  });

  it("changes nothing but the cut when it splits", async () => {
    const provider = createChaos(createEcho(resolvedModel()), { seed: 1, rate: 1, slowStartMs: 2 });
    for (let i = 0; i < 40; i++) {
      const result = await collect(provider, request);
      if (result.error === null) {
        expect(result).toMatchObject({ text: "hello", think: "hm", calls: [{ id: "t", arguments: "{}" }] });
      }
    }
  });

  it("ends at once when it is cancelled while it waits", async () => {
    const provider = createChaos(createEcho(resolvedModel()), { seed: 1, rate: 1, slowStartMs: 2 });
    const reason = new Error("stop");
    for (let i = 0; i < 40; i++) {
      const controller = new AbortController();
      const running = collect(provider, request, controller.signal);
      controller.abort(reason);
      const { error } = await running;
      expect(error === reason || error === null || error instanceof ProviderError).toBe(true);
    }
  });

  it("reads its settings from the environment", () => {
    expect(chaosOptions({})).toEqual({ seed: 1, rate: 0.3 });
    expect(chaosOptions({ KERNEL_CHAOS_SEED: "9", KERNEL_CHAOS_RATE: "2" })).toEqual({ seed: 9, rate: 1 });
    expect(chaosOptions({ KERNEL_CHAOS_SEED: "x", KERNEL_CHAOS_RATE: "y" })).toEqual({ seed: 1, rate: 0.3 });
  });
});
