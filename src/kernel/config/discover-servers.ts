/** Looks for a model server on this machine, for the demo. Asks loopback ports only, all at once, and briefly. */
import { withinTime } from "../abort.js";

export type ServerKind = "llama-server" | "lm-studio" | "ollama" | "vllm";

export interface FoundServer {
  kind: ServerKind;
  /** The OpenAI-compatible API, e.g. http://127.0.0.1:8080/v1. */
  baseUrl: string;
  model: string;
  /** Tokens that one request may use as the server runs now; null when it does not say. */
  contextSize: number | null;
}

export interface DiscoverOptions {
  /** Where to ask, the preferred first. Default: the usual ports of each kind. */
  candidates?: readonly { kind: ServerKind; port: number }[];
  /** Milliseconds for each request. Default 300. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

// llama-server moved from 8080 to 9931; 8081 is a usual second one.
const usualPorts: readonly { kind: ServerKind; port: number }[] = [
  { kind: "llama-server", port: 8080 },
  { kind: "llama-server", port: 8081 },
  { kind: "llama-server", port: 9931 },
  { kind: "lm-studio", port: 1234 },
  { kind: "ollama", port: 11434 },
  { kind: "vllm", port: 8000 },
];

/**
 * Gives the first server of the list that has a model ready to use, or null. Never throws: a port that does not
 * answer in time, or not like that kind of server, counts as empty. It takes one `timeoutMs` at most.
 */
export async function discoverServers({
  candidates = usualPorts,
  timeoutMs = 300,
  signal,
}: DiscoverOptions = {}): Promise<FoundServer | null> {
  const found = await Promise.all(
    candidates.map(async ({ kind, port }) => {
      const origin = `http://127.0.0.1:${port}`;
      const get: Get = (path) => getJson(`${origin}${path}`, timeoutMs, signal);
      const answer = await probes[kind](get);
      return answer === null ? null : { kind, baseUrl: `${origin}/v1`, ...answer };
    }),
  );
  return found.find((server) => server !== null) ?? null;
}

type Get = (path: string) => Promise<unknown>;
type Answer = { model: string; contextSize: number | null } | null;

const probes: Readonly<Record<ServerKind, (get: Get) => Promise<Answer>>> = {
  "llama-server": async (get) => {
    const [props, models] = await Promise.all([get("/props"), get("/v1/models")]);
    const first = firstOf(models, "data");
    // Other servers also list models; only llama-server has /props.
    const slot = field(props, "default_generation_settings");
    const model = textOf(first, "id") ?? textOf(props, "model_alias");
    if (slot === undefined || model === null) return null;
    return { model, contextSize: countOf(slot, "n_ctx") ?? countOf(field(first, "meta"), "n_ctx") };
  },

  "lm-studio": async (get) => {
    const [current, older] = await Promise.all([get("/api/v1/models"), get("/api/v0/models")]);
    // The loaded context counts: a model may be loaded with far less than it was trained for.
    for (const entry of listOf(current, "models")) {
      const loaded = firstOf(entry, "loaded_instances");
      const model = textOf(loaded, "id") ?? textOf(entry, "key");
      if (loaded !== undefined && model !== null && textOf(entry, "type") !== "embedding") {
        return { model, contextSize: countOf(field(loaded, "config"), "context_length") };
      }
    }
    for (const entry of listOf(older, "data")) {
      const model = textOf(entry, "id");
      if (textOf(entry, "state") === "loaded" && model !== null && textOf(entry, "type") !== "embeddings") {
        return { model, contextSize: countOf(entry, "loaded_context_length") };
      }
    }
    return null;
  },

  ollama: async (get) => {
    const [running, installed] = await Promise.all([get("/api/ps"), get("/api/tags")]);
    const loaded = firstOf(running, "models");
    const model = textOf(loaded, "name") ?? textOf(firstOf(installed, "models"), "name");
    // Only /api/ps knows what was allocated; an installed model may get much less than it could.
    return model === null ? null : { model, contextSize: countOf(loaded, "context_length") };
  },

  vllm: async (get) => {
    const first = firstOf(await get("/v1/models"), "data");
    const model = textOf(first, "id");
    const contextSize = countOf(first, "max_model_len");
    return model === null || contextSize === null ? null : { model, contextSize };
  },
};

const MAX_BODY_BYTES = 1024 * 1024;

/** Undefined for whatever is not a JSON answer with a good status in time. */
async function getJson(url: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
  try {
    const response = await fetch(url, { signal: withinTime(signal, timeoutMs), redirect: "error" });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) return undefined;
      chunks.push(chunk);
    }
    return response.ok ? JSON.parse(Buffer.concat(chunks).toString("utf8")) : undefined;
  } catch {
    return undefined;
  }
}

function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function listOf(value: unknown, key: string): readonly unknown[] {
  const list = field(value, key);
  return Array.isArray(list) ? list : [];
}

function firstOf(value: unknown, key: string): unknown {
  return listOf(value, key)[0];
}

function textOf(value: unknown, key: string): string | null {
  const text = field(value, key);
  return typeof text === "string" && text !== "" ? text : null;
}

function countOf(value: unknown, key: string): number | null {
  const count = field(value, key);
  return typeof count === "number" && Number.isSafeInteger(count) && count > 0 ? count : null;
}
