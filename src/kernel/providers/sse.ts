/**
 * Server-sent events from bytes. Lines are cut before decoding, so a character that is split across reads is never torn.
 * Besides the standard it reads what model servers send in place of it: bare JSON lines and `error:` lines.
 */
import { ProviderError } from "./provider.js";

export interface SseEvent {
  /** "" when the server gave no name; "error" for an `error:` line. */
  event: string;
  data: string;
}

const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const DEFAULT_MAX_LINE_BYTES = 64 * 1024 * 1024;

/** Reads one stream. `push` takes the bytes of one read; work and memory are linear in them. */
export class SseReader {
  readonly #maxBytes: number;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #skipLineFeed = false;
  #atStart = true;
  #event = "";
  #data: string[] = [];
  #dataLength = 0;
  #sawStrayLine = false;

  /** `maxLineBytes` bounds one line and the data of one event. */
  constructor(maxLineBytes: number = DEFAULT_MAX_LINE_BYTES) {
    this.#maxBytes = maxLineBytes;
  }

  /** True when a line came that is no part of an event stream. */
  get sawStrayLine(): boolean {
    return this.#sawStrayLine;
  }

  /** Returns the events completed by this read, in order. Throws ProviderError `bad_chunk` when a line is too long. */
  push(read: Buffer): SseEvent[] {
    let bytes = read;
    if (this.#skipLineFeed && bytes.length > 0) {
      if (bytes[0] === LF) bytes = bytes.subarray(1);
      this.#skipLineFeed = false;
    }
    const lastCr = bytes.lastIndexOf(CR);
    const last = Math.max(bytes.lastIndexOf(LF), lastCr);
    if (last < 0) {
      this.#keep(bytes);
      return [];
    }
    let text: string;
    if (this.#tail.length === 0) {
      text = bytes.toString("utf8", 0, last + 1);
    } else {
      this.#tail.push(bytes.subarray(0, last + 1));
      text = Buffer.concat(this.#tail).toString("utf8");
      this.#tail = [];
      this.#tailBytes = 0;
    }
    if (lastCr >= 0) {
      this.#skipLineFeed = lastCr === bytes.length - 1;
      text = text.replace(/\r\n?/g, "\n");
    }
    this.#keep(bytes.subarray(last + 1));
    return this.#lines(text);
  }

  /** The events that the end of the stream completes: one without its blank line, and a last line without its break. */
  end(): SseEvent[] {
    const out = this.#tail.length === 0 ? [] : this.#lines(`${Buffer.concat(this.#tail).toString("utf8")}\n`);
    this.#tail = [];
    this.#dispatch(out);
    return out;
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#tailBytes += bytes.length;
    if (this.#tailBytes > this.#maxBytes) throw this.#tooLong();
    this.#tail.push(bytes);
  }

  #tooLong(): ProviderError {
    return new ProviderError(`The model server sent a line of more than ${this.#maxBytes} bytes.`, {
      errorType: "ChatProviderError",
      code: "bad_chunk",
      retryable: false,
    });
  }

  #lines(text: string): SseEvent[] {
    const out: SseEvent[] = [];
    let start = 0;
    if (this.#atStart) {
      this.#atStart = false;
      if (text.charCodeAt(0) === 0xfeff) start = 1;
    }
    for (;;) {
      const end = text.indexOf("\n", start);
      if (end < 0) return out;
      if (end === start) this.#dispatch(out);
      else this.#line(text, start, end, out);
      start = end + 1;
    }
  }

  #line(text: string, start: number, end: number, out: SseEvent[]): void {
    const first = text.charCodeAt(start);
    if (first === COLON) return;
    if (first === OPEN_BRACE) {
      this.#dispatch(out);
      out.push({ event: "", data: text.slice(start, end) });
      return;
    }
    let colon = start;
    while (colon < end && text.charCodeAt(colon) !== COLON) colon++;
    const name = text.slice(start, colon);
    let from = colon + 1;
    if (text.charCodeAt(from) === SPACE) from++;
    const value = from < end ? text.slice(from, end) : "";
    if (name === "data") this.#addData(value, out);
    else if (name === "event") this.#event = value;
    else if (name === "error") out.push({ event: "error", data: value });
    else if (name !== "id" && name !== "retry") this.#sawStrayLine = true;
  }

  /** Servers that forget the blank line are read as well: two complete objects are never one event. */
  #addData(value: string, out: SseEvent[]): void {
    const previous = this.#data.at(-1);
    if (
      previous?.charCodeAt(previous.length - 1) === CLOSE_BRACE &&
      (value.charCodeAt(0) === OPEN_BRACE || value === "[DONE]")
    ) {
      this.#dispatch(out);
    }
    this.#data.push(value);
    this.#dataLength += value.length + 1;
    if (this.#dataLength > this.#maxBytes) throw this.#tooLong();
  }

  #dispatch(out: SseEvent[]): void {
    const lines = this.#data;
    if (lines.length > 0) {
      out.push({ event: this.#event, data: lines.length === 1 ? (lines[0] ?? "") : lines.join("\n") });
      this.#data = [];
      this.#dataLength = 0;
    } else if (this.#event === "error") {
      out.push({ event: "error", data: "" });
    }
    this.#event = "";
  }
}
