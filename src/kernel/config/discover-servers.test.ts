/** The servers here are real loopback servers whose answers are fixtures of each kind's documented ones. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { discoverServers, type ServerKind } from "./discover-servers.js";

type Answers = Readonly<Record<string, unknown>>;
const open: Server[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A fixture server; "silent" never answers, a string goes out as it is. */
async function fixture(answers: Answers | "silent"): Promise<number> {
  const server = createServer((request, response) => {
    if (answers === "silent") return;
    const body = answers[request.url ?? ""];
    response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body ?? { error: "not found" }));
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const llama: Answers = {
  "/props": { default_generation_settings: { n_ctx: 2048 }, total_slots: 2, model_path: "/m.gguf" },
  "/v1/models": { data: [{ id: "m.gguf", owned_by: "llamacpp", meta: { n_ctx: 4096, n_ctx_train: 32768 } }] },
};
const ollama: Answers = {
  "/api/ps": { models: [{ name: "qwen3:8b", context_length: 4096 }] },
  "/api/tags": { models: [{ name: "llama3:8b" }, { name: "qwen3:8b" }] },
};

async function discover(kind: ServerKind, answers: Answers | "silent", timeoutMs = 2_000) {
  const port = await fixture(answers);
  const found = await discoverServers({ candidates: [{ kind, port }], timeoutMs });
  if (found !== null) expect(found).toMatchObject({ kind, baseUrl: `http://127.0.0.1:${port}/v1` });
  return found === null ? null : [found.model, found.contextSize];
}

describe("discoverServers (fixtures)", () => {
  it("takes llama-server's context per slot", async () => {
    expect(await discover("llama-server", llama)).toEqual(["m.gguf", 2048]);
  });

  it("does not take another OpenAI-compatible server for llama-server", async () => {
    expect(await discover("llama-server", { "/v1/models": llama["/v1/models"] })).toBeNull();
  });

  it("takes LM Studio's loaded context and skips what is not loaded", async () => {
    const instance = { id: "qwen:2", config: { context_length: 4096 } };
    const models = [
      { key: "idle", type: "llm", max_context_length: 131072, loaded_instances: [] },
      { key: "embed", type: "embedding", loaded_instances: [{ id: "embed" }] },
      { key: "qwen", type: "llm", max_context_length: 262144, loaded_instances: [instance] },
    ];
    expect(await discover("lm-studio", { "/api/v1/models": { models } })).toEqual(["qwen:2", 4096]);
    expect(await discover("lm-studio", { "/api/v1/models": { models: models.slice(0, 2) } })).toBeNull();
  });

  it("asks an older LM Studio the older way", async () => {
    const data = [
      { id: "idle", state: "not-loaded" },
      { id: "qwen", state: "loaded", loaded_context_length: 8192, max_context_length: 262144 },
    ];
    expect(await discover("lm-studio", { "/api/v0/models": { data } })).toEqual(["qwen", 8192]);
  });

  it("prefers the model that Ollama has loaded, else the first installed one with an unknown context", async () => {
    expect(await discover("ollama", ollama)).toEqual(["qwen3:8b", 4096]);
    expect(await discover("ollama", { ...ollama, "/api/ps": { models: [] } })).toEqual(["llama3:8b", null]);
    expect(await discover("ollama", { "/api/ps": { models: [] }, "/api/tags": { models: [] } })).toBeNull();
  });

  it("knows vLLM by its max_model_len", async () => {
    expect(await discover("vllm", { "/v1/models": { data: [{ id: "m", max_model_len: 16384 }] } })).toEqual([
      "m",
      16384,
    ]);
    expect(await discover("vllm", { "/v1/models": { data: [{ id: "m" }] } })).toBeNull();
  });

  it.each<[string, Answers | "silent"]>([
    ["a server that never answers", "silent"],
    ["no JSON", { "/props": "<html>", "/v1/models": "<html>" }],
    ["JSON of another shape", { "/props": [], "/v1/models": { data: "x" } }],
    ["null", { "/props": "null", "/v1/models": "null" }],
    ["a huge body", { ...llama, "/props": { default_generation_settings: {}, pad: "x".repeat(2_000_000) } }],
  ])("is null for %s, in time", async (_name, answers) => {
    const started = performance.now();
    expect(await discover("llama-server", answers, 200)).toBeNull();
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it("keeps the order of the list although all are asked at once", async () => {
    const silent = { kind: "llama-server" as const, port: await fixture("silent") };
    const first = { kind: "llama-server" as const, port: await fixture(llama) };
    const second = { kind: "ollama" as const, port: await fixture(ollama) };
    expect((await discoverServers({ candidates: [silent, first, second] }))?.kind).toBe("llama-server");
    expect((await discoverServers({ candidates: [silent, second, first] }))?.kind).toBe("ollama");
    expect(await discoverServers({ candidates: [] })).toBeNull();
  });

  it("stops when it is told to", async () => {
    const port = await fixture(llama);
    const candidates = [{ kind: "llama-server" as const, port }];
    expect(await discoverServers({ candidates, signal: AbortSignal.abort() })).toBeNull();
  });
});
