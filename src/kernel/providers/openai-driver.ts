/**
 * The driver for `kimi`, `openai_legacy` and every OpenAI-compatible server. The `openai` client makes the request and
 * the typed errors; the reply is read here, because the client's own iterator misses several shapes of failure.
 */
import { randomBytes } from "node:crypto";
import type { Agent } from "node:http";
import type OpenAI from "openai";
import type { ResolvedModel } from "../config/config.js";
import type { Logger } from "../logger.js";
import type { IdleTimeouts } from "./body-reader.js";
import { ChatChunks } from "./chat-chunks.js";
import { runChatStream } from "./chat-stream.js";
import { HttpFetch, type HttpReply, type HttpRequest } from "./http-fetch.js";
import { type BuiltRequest, OpenAiRequests } from "./openai-request.js";
import type { Capability, ChatProvider, ChatRequest, StreamEnd, StreamPart } from "./provider.js";
import { toProviderError } from "./provider-errors.js";
import { isLoopbackHost } from "./server-host.js";

const MINUTE = 60_000;
const CONNECT_TIMEOUT_MS = 30_000;
/** The longest timer there is: the SDK's timeout must never fire, our own does the work. */
const NO_SDK_TIMEOUT_MS = 2_147_483_647;
/** Carries the id of a request to our fetch; never sent. */
const REQUEST_ID_HEADER = "x-kernel-request";
const MAX_REFUSED_FIELDS = 4;
const PLACEHOLDER_KEY = "none";

export interface OpenAiDriverDeps {
  logger: Logger;
  /** The client at the other end of the wire, named in the User-Agent of kimi requests. */
  client?: { name: string; version?: string } | null;
  /** Makes the connections, for servers that are not on the network. */
  agent?: Agent;
}

/** Creates the driver. Nothing is loaded or connected before `warmUp` or the first request. Throws on a bad base_url. */
export function createOpenAiProvider(resolved: ResolvedModel, deps: OpenAiDriverDeps): ChatProvider {
  return new OpenAiProvider(resolved, deps);
}

/** Loads the client library and what it uses of Node. */
export async function loadOpenAi(): Promise<typeof OpenAI> {
  const { OpenAI: Client } = await import("openai");
  // Loaded when it is touched, which every request does.
  void globalThis.ReadableStream;
  return Client;
}

class OpenAiProvider implements ChatProvider {
  readonly modelName: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly maxContextSize: number;
  readonly canPrefill: boolean;
  readonly #resolved: ResolvedModel;
  readonly #logger: Logger;
  readonly #origin: string;
  readonly #headers: Record<string, string | null>;
  readonly #http: HttpFetch;
  readonly #requests: OpenAiRequests;
  readonly #timeouts: IdleTimeouts;
  readonly #pending = new Map<string, (() => void) | undefined>();
  #client: Promise<OpenAI> | null = null;
  #sequence = 0;
  #assumeThinking = false;

  constructor(resolved: ResolvedModel, deps: OpenAiDriverDeps) {
    const url = new URL(resolved.provider.base_url);
    this.modelName = resolved.model.model;
    this.capabilities = resolved.capabilities;
    this.maxContextSize = resolved.model.max_context_size;
    this.canPrefill = resolved.provider.assistant_prefill === true;
    this.#resolved = resolved;
    this.#logger = deps.logger;
    this.#origin = url.origin;
    this.#headers = requestHeaders(resolved, deps.client ?? null);
    this.#http = new HttpFetch(CONNECT_TIMEOUT_MS, Object.keys(this.#headers), deps.agent);
    this.#requests = new OpenAiRequests(resolved, url.hostname);
    this.#timeouts = idleTimeouts(resolved.env, isLoopbackHost(url.hostname));
  }

  async warmUp(): Promise<void> {
    await this.#openai();
  }

  stream(request: ChatRequest, signal: AbortSignal): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
    const chunks = this.#chunksFor(request);
    let sent: BuiltRequest | null = null;
    const open = async (abort: AbortSignal): Promise<HttpReply> => {
      const opened = await this.#open(request, abort);
      sent = opened.sent;
      return opened.reply;
    };
    const onEnd = (end: StreamEnd): void => {
      if (sent !== null) this.#requests.learn(sent, end.usage);
      this.#assumeThinking ||= chunks.missedThinkOpener;
    };
    return runChatStream({ open, chunks, timeouts: this.#timeouts, signal, onEnd });
  }

  async close(): Promise<void> {
    this.#http.close();
  }

  /** Sends the request; again without a field that the server names as unknown. */
  async #open(request: ChatRequest, signal: AbortSignal): Promise<{ sent: BuiltRequest; reply: HttpReply }> {
    const client = await this.#openai();
    for (let refused = 0; ; refused++) {
      const sent = this.#requests.build(request);
      try {
        return {
          sent,
          reply: await this.#post(client, sent, refused === 0 ? request.onRequestSent : undefined, signal),
        };
      } catch (thrown) {
        const error = toProviderError(thrown, this.#origin, (headers) => this.#http.bodyOf(headers));
        const curable = (error.statusCode === 400 || error.statusCode === 422) && refused < MAX_REFUSED_FIELDS;
        const body = bodyText(thrown, this.#http) ?? error.message;
        const field = curable && !signal.aborted ? this.#requests.refuse(sent, body) : null;
        if (field === null) throw error;
        this.#logger.warn({ field, message: error.message }, "the model server refuses a request field; left out");
      }
    }
  }

  async #post(
    client: OpenAI,
    sent: BuiltRequest,
    onSent: (() => void) | undefined,
    signal: AbortSignal,
  ): Promise<HttpReply> {
    const id = String(++this.#sequence);
    this.#pending.set(id, onSent);
    try {
      const body = sent.body as unknown as OpenAI.ChatCompletionCreateParamsStreaming;
      const options = { signal, headers: { [REQUEST_ID_HEADER]: id } };
      return (await client.chat.completions.create(body, options).asResponse()) as unknown as HttpReply;
    } finally {
      this.#pending.delete(id);
    }
  }

  #openai(): Promise<OpenAI> {
    this.#client ??= this.#createClient();
    return this.#client;
  }

  async #createClient(): Promise<OpenAI> {
    const Client = await loadOpenAi();
    const send = (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
      const request = init as unknown as HttpRequest;
      this.#pending.get(request.headers.get(REQUEST_ID_HEADER) ?? "")?.();
      return this.#http.fetch(String(url), request) as unknown as Promise<Response>;
    };
    return new Client({
      apiKey: this.#resolved.provider.api_key || PLACEHOLDER_KEY,
      baseURL: this.#resolved.provider.base_url,
      // Explicit nulls: what the environment of this process holds for OpenAI must not reach another server.
      organization: null,
      project: null,
      adminAPIKey: null,
      webhookSecret: null,
      defaultHeaders: this.#headers,
      maxRetries: 0,
      timeout: NO_SDK_TIMEOUT_MS,
      logLevel: "off",
      fetch: send,
    });
  }

  #chunksFor(request: ChatRequest): ChatChunks {
    let taken: Set<string> | null = null;
    return new ChatChunks({
      tools: request.tools,
      textCalls: request.toolChoice === "none" ? "drop" : "recover",
      reasoningKey: this.#resolved.provider.reasoning_key,
      assumeThinking: this.#assumeThinking,
      mayBeEmpty: request.maxTokens === 0,
      ownId: (given) => {
        taken ??= idsIn(request);
        const id = given !== "" && !taken.has(given) ? given : `call_${randomBytes(9).toString("base64url")}`;
        taken.add(id);
        return id;
      },
    });
  }
}

function idsIn(request: ChatRequest): Set<string> {
  const ids = new Set<string>();
  for (const message of request.messages) {
    if (message.role === "assistant") for (const call of message.tool_calls) ids.add(call.id);
  }
  return ids;
}

function bodyText(thrown: unknown, http: HttpFetch): string | undefined {
  const headers = (thrown as { headers?: unknown } | null)?.headers;
  return typeof headers === "object" && headers !== null ? http.bodyOf(headers) : undefined;
}

/** Lower-case names; null removes what the SDK would send. Headers of the config win. */
function requestHeaders(resolved: ResolvedModel, client: OpenAiDriverDeps["client"]): Record<string, string | null> {
  const { api_key, custom_headers, type } = resolved.provider;
  const headers: Record<string, string | null> = {
    authorization: api_key === "" ? null : `Bearer ${api_key}`,
    "user-agent": "wire-kernel",
  };
  if (type === "kimi" && client) {
    const suffix = `${client.name} ${client.version ?? ""}`.replace(/[^\x20-\x7e]/g, "?").trim();
    headers["user-agent"] = `wire-kernel (${suffix})`;
  }
  for (const [name, value] of Object.entries(custom_headers)) headers[name.toLowerCase()] = value;
  return headers;
}

/**
 * A local server may prefill for many minutes without a byte, so nothing is timed before its first one. The environment
 * may set KERNEL_FIRST_BYTE_TIMEOUT_MS and KERNEL_IDLE_TIMEOUT_MS; 0 turns a timer off.
 */
function idleTimeouts(env: Readonly<Record<string, string>>, loopback: boolean): IdleTimeouts {
  return {
    firstByteMs: milliseconds(env.KERNEL_FIRST_BYTE_TIMEOUT_MS) ?? (loopback ? 0 : 10 * MINUTE),
    idleMs: milliseconds(env.KERNEL_IDLE_TIMEOUT_MS) ?? (loopback ? 30 * MINUTE : 5 * MINUTE),
  };
}

function milliseconds(text: string | undefined): number | null {
  const value = Number(text);
  return text === undefined || text.trim() === "" || !Number.isFinite(value) || value < 0 ? null : value;
}
