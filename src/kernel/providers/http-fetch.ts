/**
 * A fetch for the SDK on Node's own http client: kept-alive connections, no proxy from the environment, and none of the
 * 300 s header and body timeouts of the built-in fetch, which a slow local prefill outlasts.
 */
import http from "node:http";
import type https from "node:https";
import { HttpHeaders } from "./http-headers.js";

/** The part of Response that the SDK uses, plus the raw message for the stream reader. */
export interface HttpReply {
  ok: boolean;
  status: number;
  statusText: string;
  url: string;
  headers: HttpHeaders;
  incoming: http.IncomingMessage;
  text(): Promise<string>;
}

export interface HttpRequest {
  method: string;
  headers: Pick<HttpHeaders, "get" | typeof Symbol.iterator>;
  body: string;
  signal: AbortSignal;
}

const MAX_ERROR_BODY = 1024 * 1024;
const ERROR_BODY_MS = 10_000;
/** Headers that reach the server; the SDK's telemetry and what it reads from the environment do not. */
const SDK_HEADERS: ReadonlySet<string> = new Set(["authorization", "accept", "content-type", "user-agent"]);
const STALE = new Set(["ECONNRESET", "EPIPE"]);

export class HttpFetch {
  readonly #connectTimeoutMs: number;
  readonly #allowedHeaders: ReadonlySet<string>;
  readonly #bodies = new WeakMap<object, string>();
  #agent: http.Agent | undefined;

  /**
   * `connectTimeoutMs` covers name, TCP and TLS; `extraHeaders` are sent beside the SDK's own. `agent` belongs to this from
   * now on; without one it makes its own.
   */
  constructor(connectTimeoutMs: number, extraHeaders: readonly string[], agent?: http.Agent) {
    this.#agent = agent;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#allowedHeaders = new Set([...SDK_HEADERS, ...extraHeaders.map((name) => name.toLowerCase())]);
  }

  /** Sends one request. Resolves with the headers; rejects with the network error or the signal's reason. */
  async fetch(url: string, request: HttpRequest): Promise<HttpReply> {
    const target = new URL(url);
    const client = target.protocol === "https:" ? await import("node:https") : http;
    this.#agent ??= new client.Agent({ keepAlive: true, noDelay: true });
    try {
      return await this.#send(client, target, request, this.#agent);
    } catch (error) {
      if (!(error instanceof StaleConnection) || request.signal.aborted) throw error;
      // The server had closed the kept connection; nothing was answered, so the request goes out once more.
      return this.#send(client, target, request, false);
    }
  }

  /** The raw body of an error reply that the SDK has read, by the headers object it passes on. */
  bodyOf(headers: object): string | undefined {
    return this.#bodies.get(headers);
  }

  /** Closes all connections. */
  close(): void {
    this.#agent?.destroy();
  }

  #send(
    client: typeof http | typeof https,
    target: URL,
    { method, headers, body, signal }: HttpRequest,
    agent: http.Agent | false,
  ): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      const bytes = Buffer.from(body);
      const sent: http.OutgoingHttpHeaders = { "content-length": bytes.length };
      for (const [name, value] of headers) if (this.#allowedHeaders.has(name)) sent[name] = value;
      const request = client.request(target, { method, headers: sent, agent });
      let timer: NodeJS.Timeout | undefined;
      const abort = (): void => {
        request.destroy(signal.reason instanceof Error ? signal.reason : new Error("Aborted"));
      };
      const closed = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
      };
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
      request.once("socket", (socket) => {
        if (!socket.connecting) return;
        timer = setTimeout(() => {
          const error = new Error(`no connection within ${this.#connectTimeoutMs} ms`);
          request.destroy(Object.assign(error, { code: "ETIMEDOUT" }));
        }, this.#connectTimeoutMs);
        socket.once(client === http ? "connect" : "secureConnect", () => clearTimeout(timer));
      });
      request.once("close", closed);
      request.once("response", (incoming) => {
        // A body that breaks off while nobody reads it must not end the process.
        incoming.on("error", () => {});
        resolve(this.#reply(target.href, incoming));
      });
      request.on("error", (error: NodeJS.ErrnoException) => {
        const stale = request.reusedSocket && STALE.has(error.code ?? "") && !signal.aborted;
        reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
      });
      request.end(bytes);
    });
  }

  #reply(url: string, incoming: http.IncomingMessage): HttpReply {
    const headers = new HttpHeaders();
    for (const [name, value] of Object.entries(incoming.headers)) {
      if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
    }
    const status = incoming.statusCode ?? 0;
    return {
      ok: status >= 200 && status < 300,
      status,
      statusText: incoming.statusMessage ?? "",
      url,
      headers,
      incoming,
      text: async () => {
        const text = await boundedText(incoming);
        this.#bodies.set(headers, text);
        return text;
      },
    };
  }
}

class StaleConnection extends Error {}

/** Reads a short body to its end, or as much of it as came before it broke off or took too long. */
function boundedText(incoming: http.IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => incoming.destroy(), ERROR_BODY_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString("utf8"));
    };
    incoming.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_ERROR_BODY) incoming.destroy();
    });
    incoming.once("end", done);
    incoming.once("close", done);
    if (incoming.destroyed) done();
  });
}
