/** Tries a key on the provider's own model list: what it answers tells whether the key works, and for which models. */
import type { Capability } from "../providers/provider.js";
import { LoginError } from "./login-error.js";
import type { LoginTarget } from "./login-target.js";

export interface ListedModel {
  id: string;
  /** Tokens; null when the server does not say. */
  contextSize: number | null;
  capabilities: Capability[];
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Names of the same number on different servers. */
const SIZE_KEYS = ["context_length", "max_model_len", "loaded_context_length", "max_context_length"];
const CAPABILITY_KEYS = [
  ["supports_reasoning", "thinking"],
  ["supports_image_in", "image_in"],
  ["supports_video_in", "video_in"],
] as const;

/**
 * Asks `<base_url>/models`, within `timeoutMs` in all. Throws LoginError when the key is refused or the answer is no
 * list with at least one model. A redirect is not followed: the key is for this address only.
 */
export async function listModels(target: LoginTarget, apiKey: string, timeoutMs: number): Promise<ListedModel[]> {
  const data = { provider: target.provider, host: new URL(target.baseUrl).host };
  const signal = AbortSignal.timeout(timeoutMs);
  let status: number;
  let body: string | null;
  try {
    const response = await fetch(`${target.baseUrl}/models`, {
      headers: { accept: "application/json", ...target.headers, authorization: `Bearer ${apiKey}` },
      redirect: "manual",
      signal,
    });
    status = response.status;
    body = await readBody(response);
  } catch (error) {
    const seconds = Math.round(timeoutMs / 1000);
    throw signal.aborted
      ? new LoginError("too_slow", { ...data, seconds })
      : new LoginError("unreachable", data, error);
  }
  if (status === 401 || status === 403) throw new LoginError("key_refused", { ...data, status });
  if (status === 404 || status === 405) throw new LoginError("no_model_list", { ...data, status });
  if (status !== 200) throw new LoginError("server_failed", { ...data, status });
  const models = body === null ? null : parseModels(body);
  if (models === null) throw new LoginError("not_a_list", data);
  if (models.length === 0) throw new LoginError("no_models", data);
  return models;
}

/** null for a body that is too large. */
async function readBody(response: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseModels(body: string): ListedModel[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return null;
  }
  const list = isTable(parsed) ? parsed.data : null;
  return Array.isArray(list) ? list.flatMap((entry) => (isTable(entry) ? toModel(entry) : [])) : null;
}

function toModel(entry: Readonly<Record<string, unknown>>): ListedModel[] {
  const { id, meta } = entry;
  if (typeof id !== "string" || id === "") return [];
  const sizes = [...SIZE_KEYS.map((key) => entry[key]), isTable(meta) ? meta.n_ctx : null];
  const contextSize = sizes.find((size): size is number => Number.isSafeInteger(size) && Number(size) > 0) ?? null;
  const capabilities = CAPABILITY_KEYS.flatMap(([key, capability]) => (entry[key] === true ? [capability] : []));
  return [{ id, contextSize, capabilities }];
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
