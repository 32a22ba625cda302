/**
 * A fake of an OpenAI-compatible model server on loopback: plays one scripted reply per request, in order, and keeps
 * what it was sent and when a client hung up. It shows how the kernel speaks to such servers, not how a model behaves.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A chunk to stream; a promise holds the stream until it resolves; "cut" breaks the connection. */
export type StreamItem = Record<string, unknown> | Promise<unknown> | "[DONE]" | "cut";

export type Reply = StreamItem[] | { status: number; body: unknown };

/** The reply to a request as a function of nothing else, for agents that ask beside each other. */
export type Answering = (body: ChatBody) => Reply;

export interface ChatBody {
  model: string;
  stream?: boolean;
  messages: { role: string; content?: unknown; tool_calls?: { id: string }[]; tool_call_id?: string }[];
  tools?: { type: string; function: { name: string; description?: string; parameters?: unknown } }[];
  [key: string]: unknown;
}

export interface ModelRequest {
  path: string;
  headers: IncomingMessage["headers"];
  /** The body as it came. */
  text: string;
  body: ChatBody;
  /** Resolves when the connection of this request ended; true when the client hung up before the reply was whole. */
  closed: Promise<boolean>;
}

export class ModelServer {
  /** Requests for a completion, in order of arrival. */
  readonly requests: ModelRequest[] = [];
  readonly #next: (body: ChatBody) => Reply | undefined;
  readonly #server: Server;
  #wake: (() => void)[] = [];

  constructor(replies: readonly Reply[] | Answering) {
    const left = typeof replies === "function" ? [] : [...replies];
    this.#next = typeof replies === "function" ? replies : () => left.shift();
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  /** Configuration that makes this server the default model. */
  config(more: Record<string, unknown> = {}): Record<string, unknown> {
    const { port } = this.#server.address() as AddressInfo;
    return {
      default_model: "fake",
      models: { fake: { provider: "fake", model: "fake-model", max_context_size: 100_000 } },
      providers: { fake: { type: "openai_legacy", base_url: `http://127.0.0.1:${port}/v1`, api_key: "sk-test" } },
      ...more,
    };
  }

  /** The n-th completion request (0-based), waited for. */
  async request(n: number, waitMs = 8_000): Promise<ModelRequest> {
    const deadline = Date.now() + waitMs;
    while (this.requests.length <= n) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no request ${n} within ${waitMs} ms, ${this.requests.length} came`);
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
    return this.requests[n] as ModelRequest;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const closed = new Promise<boolean>((resolve) => {
      response.on("close", () => resolve(!response.writableFinished));
    });
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    if (request.method !== "POST" || !request.url?.endsWith("/chat/completions")) {
      response.writeHead(404, { "content-type": "application/json" }).end('{"error":{"message":"not here"}}');
      return;
    }
    const text = Buffer.concat(pieces).toString("utf8");
    const body = JSON.parse(text) as ChatBody;
    this.requests.push({ path: request.url, headers: request.headers, text, body, closed });
    for (const wake of this.#wake.splice(0)) wake();
    const reply = this.#next(body) ?? { status: 400, body: { error: { message: "the fake has no reply left" } } };
    if ("status" in reply) {
      response.writeHead(reply.status, { "content-type": "application/json" }).end(JSON.stringify(reply.body));
      return;
    }
    await play(reply, response, closed);
  }
}

async function play(items: StreamItem[], response: ServerResponse, closed: Promise<boolean>): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.flushHeaders();
  for (const item of items) {
    if (item === "cut") {
      response.destroy();
      return;
    }
    if (item instanceof Promise) {
      await Promise.race([item, closed]);
      continue;
    }
    response.write(`data: ${item === "[DONE]" ? item : JSON.stringify(item)}\n\n`);
  }
  response.end();
}

/** Starts a server; it closes when the test ends. */
export async function startModelServer(replies: readonly Reply[] | Answering): Promise<ModelServer> {
  const server = new ModelServer(replies);
  await server.listen();
  onTestFinished(() => server.close());
  return server;
}

function chunk(delta: Record<string, unknown>, finish_reason: string | null = null): Record<string, unknown> {
  const choices = [{ index: 0, delta, finish_reason }];
  return { id: "chatcmpl-fake", object: "chat.completion.chunk", created: 1, model: "fake-model", choices };
}

export function textDelta(content: string): Record<string, unknown> {
  return chunk({ content });
}

/** First piece of a call. */
export function callDelta(id: string, name: string, args = "", index = 0): Record<string, unknown> {
  return chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: args } }] });
}

/** A later piece of the arguments. */
export function argumentsDelta(args: string, index = 0): Record<string, unknown> {
  return chunk({ tool_calls: [{ index, function: { arguments: args } }] });
}

/** The end of a whole stream, with usage when given. */
export function finish(reason: "stop" | "tool_calls" | "length", usage?: Record<string, unknown>): StreamItem[] {
  const last = usage === undefined ? [] : [{ ...chunk({}), choices: [], usage }];
  return [chunk({}, reason), ...last, "[DONE]"];
}

export function textReply(...deltas: string[]): StreamItem[] {
  return [chunk({ role: "assistant", content: "" }), ...deltas.map(textDelta), ...finish("stop")];
}

export function callReply(id: string, name: string, args: Record<string, unknown>): StreamItem[] {
  return [
    chunk({ role: "assistant", content: null }),
    callDelta(id, name, JSON.stringify(args)),
    ...finish("tool_calls"),
  ];
}

/** A promise and its switch, to hold a stream at a point. */
export function gate(): { held: Promise<void>; open: () => void } {
  let open: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { held, open };
}
