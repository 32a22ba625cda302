/**
 * A FAKE of an OpenAI-compatible model server on loopback, outside the kernel: it streams what pure-reply.ts says, in
 * small pieces, and keeps what was wrong with what it was asked.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type ChatMessage, type PureReply, pureReply } from "./pure-reply.js";
import type { PlannedCall } from "./turn-plan.js";

/** Where a stream is: piece 0 comes behind the head, before anything was said. */
export interface StreamPlace {
  /** From 0, over the life of the server. */
  request: number;
  step: number;
  piece: number;
}

export interface PureModelOptions {
  /** Pause before each piece, ms. Default 0: each piece in a turn of the loop of its own. */
  paceMs?: number;
  /** Holds the stream at a place until the promise settles or the client hangs up. */
  hold?: (place: StreamPlace) => Promise<unknown> | null;
}

const ARGUMENT_PIECES = 3;

export class PureModel {
  /** Requests for a completion: where the conversation stood. */
  readonly asked: Pick<PureReply, "step">[] = [];
  readonly violations: string[] = [];
  readonly #options: PureModelOptions;
  readonly #server: Server;

  constructor(options: PureModelOptions = {}) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#serve(request, response).catch(() => {}));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Configuration that makes this server the default model. */
  config({ window = 100_000, prefill = false }: { window?: number; prefill?: boolean } = {}): Record<string, unknown> {
    const { port } = this.#server.address() as AddressInfo;
    const provider = { type: "openai_legacy", base_url: `http://127.0.0.1:${port}/v1`, api_key: "sk-test" };
    return {
      default_model: "pure",
      models: { pure: { provider: "pure", model: "pure-model", max_context_size: window } },
      providers: { pure: { ...provider, assistant_prefill: prefill } },
    };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    if (request.method !== "POST" || request.url?.endsWith("/chat/completions") !== true) {
      response.writeHead(404, { "content-type": "application/json" }).end('{"error":{"message":"not here"}}');
      return;
    }
    const body = JSON.parse(Buffer.concat(pieces).toString("utf8")) as { messages: ChatMessage[] };
    const reply = pureReply(body.messages);
    const number = this.asked.push({ step: reply.step }) - 1;
    this.violations.push(...reply.violations);
    await this.#stream(reply, number, JSON.stringify(body.messages).length, response);
  }

  async #stream(reply: PureReply, request: number, chars: number, response: ServerResponse): Promise<void> {
    const { paceMs = 0, hold } = this.#options;
    const gone = once(response, "close").catch(() => {});
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    for (const [piece, data] of [...chunksOf(reply, chars), null].entries()) {
      const held = hold?.({ request, step: reply.step, piece });
      if (held) await Promise.race([held, gone]);
      if (response.destroyed) return;
      if (data === null) break;
      response.write(`data: ${JSON.stringify(data)}\n\n`);
      await (paceMs > 0 ? delay(paceMs) : new Promise(setImmediate));
    }
    response.end("data: [DONE]\n\n");
  }
}

function chunksOf(reply: PureReply, chars: number): object[] {
  const prompt_tokens = Math.ceil(chars / 4);
  const completion_tokens = reply.words.length;
  const usage = { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
  return [
    ...reply.words.map((content) => chunk({ content })),
    ...reply.calls.flatMap((call, index) => callChunks(call, index)),
    chunk({}, reply.calls.length === 0 ? "stop" : "tool_calls"),
    { ...chunk({}), choices: [], usage },
  ];
}

function callChunks(call: PlannedCall, index: number): object[] {
  const text = JSON.stringify(call.arguments);
  const size = Math.ceil(text.length / ARGUMENT_PIECES);
  const rest = Array.from({ length: ARGUMENT_PIECES }, (_, n) => text.slice(n * size, (n + 1) * size));
  const head = { index, id: call.id, type: "function", function: { name: call.name, arguments: "" } };
  return [
    chunk({ tool_calls: [head] }),
    ...rest.map((piece) => chunk({ tool_calls: [{ index, function: { arguments: piece } }] })),
  ];
}

function chunk(delta: object, finish_reason: string | null = null): object {
  const choices = [{ index: 0, delta, finish_reason }];
  return { id: "chatcmpl-pure", object: "chat.completion.chunk", created: 1, model: "pure-model", choices };
}
