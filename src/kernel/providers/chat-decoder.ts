/** Turns the bytes of a reply, whatever shape the server chose for it, into chunks. */

import type { ChatChunks } from "./chat-chunks.js";
import { parseJson } from "./json-values.js";
import { ProviderError } from "./provider.js";
import { isHtml, streamError } from "./server-error.js";
import { type SseEvent, SseReader } from "./sse.js";

const MAX_WHOLE_BODY = 64 * 1024 * 1024;

export class ChatDecoder {
  readonly #chunks: ChatChunks;
  readonly #lines = new SseReader();
  /** "whole": one JSON document; "unknown": decided by the first byte that is not white space. */
  #shape: "lines" | "whole" | "unknown";
  #whole: Buffer[] = [];
  #wholeBytes = 0;
  #done = false;
  #sawChunk = false;

  /** `contentType` as the reply has it, "" when it has none. Parsed chunks are pushed into `chunks`. */
  constructor(contentType: string, chunks: ChatChunks) {
    this.#chunks = chunks;
    this.#shape = /event-stream|ndjson/i.test(contentType) ? "lines" : "unknown";
  }

  /** True when the server said that the reply is complete: `[DONE]`, or a whole completion. */
  get done(): boolean {
    return this.#done;
  }

  /** True when anything came that is a chunk. */
  get sawChunk(): boolean {
    return this.#sawChunk;
  }

  /** Takes one read. Throws ProviderError for error objects, broken chunks and web pages. */
  push(bytes: Buffer): void {
    if (this.#shape === "unknown") this.#decideShape(bytes);
    if (this.#shape === "lines") {
      this.#events(this.#lines.push(bytes), false);
      return;
    }
    this.#whole.push(bytes);
    this.#wholeBytes += bytes.length;
    if (this.#wholeBytes > MAX_WHOLE_BODY) throw notAStream("The model server's reply is too large.");
  }

  /** The body has ended. A last event that was cut in the middle is dropped. Throws as push does. */
  end(): void {
    if (this.#shape !== "lines") this.#endWhole();
    else this.#events(this.#lines.end(), true);
    if (!this.#sawChunk && !this.#done && this.#lines.sawStrayLine) {
      throw brokenChunk("The model server's reply is not an event stream.");
    }
  }

  #decideShape(bytes: Buffer): void {
    const start = bytes.toString("latin1", 0, Math.min(bytes.length, 512)).replace(/^\u00ef\u00bb\u00bf/, "");
    const first = start.trimStart().charAt(0);
    if (first !== "") this.#shape = first === "{" || first === "[" || first === "<" ? "whole" : "lines";
  }

  #endWhole(): void {
    const body = Buffer.concat(this.#whole);
    const text = body.toString("utf8");
    if (isHtml(text)) throw notAStream("The model server answered with a web page instead of a reply; check base_url.");
    const value = parseJson(text);
    if (value === undefined) {
      this.#shape = "lines";
      this.#events(this.#lines.push(body), false);
      this.#events(this.#lines.end(), true);
      return;
    }
    const before = this.#chunks.pushed;
    for (const item of Array.isArray(value) ? value : [value]) this.#chunks.push(item);
    if (this.#chunks.pushed === before) throw notAStream("The model server's reply holds no choices.");
    this.#sawChunk = true;
    this.#done = true;
  }

  #events(events: readonly SseEvent[], atEnd: boolean): void {
    for (const { event, data } of events) {
      if (event === "error") throw streamError(parseJson(data) ?? data);
      if (data === "[DONE]" || data.trim() === "[DONE]") {
        this.#done = true;
        return;
      }
      if (data === "" || event === "ping") continue;
      let value: unknown;
      try {
        value = JSON.parse(data);
      } catch (cause) {
        // The last event of a body that broke off is torn, not broken: the cut itself is the error.
        if (atEnd) continue;
        throw brokenChunk(`The model server sent a broken chunk: ${data.slice(0, 120)}`, cause);
      }
      this.#chunks.push(value);
      this.#sawChunk = true;
    }
  }
}

function brokenChunk(message: string, cause?: unknown): ProviderError {
  return new ProviderError(message, {
    errorType: "APIConnectionError",
    code: "bad_chunk",
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}

function notAStream(message: string): ProviderError {
  return new ProviderError(message, { errorType: "ChatProviderError", code: "not_a_stream", retryable: false });
}
