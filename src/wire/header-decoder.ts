import type { Frame, FrameDecoder } from "./frame.js";
import { PendingBytes } from "./pending-bytes.js";

const LF = 0x0a;
const MAX_HEADER_LINE = 8192;
const CONTENT_LENGTH = /^content-length[ \t]*:[ \t]*(\d{1,15})[ \t]*$/i;

/**
 * Cuts a byte stream framed with Content-Length headers. A block without a usable length is reported as malformed and
 * left out, the next block is tried; a body above `maxBytes` is reported at once and skipped without keeping it.
 */
export class HeaderDecoder implements FrameDecoder {
  readonly #maxBytes: number;
  readonly #pending = new PendingBytes();
  /** Bytes of the body still to come; null while headers are read. */
  #bodyLeft: number | null = null;
  #skippingBody = false;
  #skippingLine = false;
  #inBlock = false;
  #length: number | null = null;

  constructor(options: { maxBytes: number }) {
    this.#maxBytes = options.maxBytes;
  }

  push(chunk: Uint8Array): Frame[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const frames: Frame[] = [];
    let at = 0;
    while (at < bytes.length) {
      const rest = bytes.subarray(at);
      at += this.#bodyLeft === null ? this.#readHeader(rest, frames) : this.#readBody(rest, this.#bodyLeft, frames);
    }
    return frames;
  }

  end(): Frame[] {
    const inside = this.#inBlock || this.#pending.length > 0 || (this.#bodyLeft !== null && !this.#skippingBody);
    this.#pending.clear();
    this.#reset();
    return inside ? [{ kind: "truncated" }] : [];
  }

  #readHeader(bytes: Buffer, frames: Frame[]): number {
    const lf = bytes.indexOf(LF);
    const piece = bytes.subarray(0, lf === -1 ? bytes.length : lf);
    if (this.#pending.length + piece.length > MAX_HEADER_LINE) {
      this.#skippingLine = true;
      this.#inBlock = true;
      this.#pending.clear();
    }
    if (lf === -1) {
      if (!this.#skippingLine) {
        this.#pending.append(piece);
      }
      return bytes.length;
    }
    if (this.#skippingLine) {
      this.#skippingLine = false;
    } else {
      this.#headerLine(this.#pending.take(piece).toString("latin1").replace(/\r$/, ""), frames);
    }
    return lf + 1;
  }

  #headerLine(line: string, frames: Frame[]): void {
    if (line !== "") {
      this.#inBlock = true;
      const match = CONTENT_LENGTH.exec(line);
      this.#length = match === null ? this.#length : Number(match[1]);
      return;
    }
    const length = this.#length;
    const inBlock = this.#inBlock;
    this.#reset();
    if (length !== null && length > 0) {
      this.#bodyLeft = length;
      this.#skippingBody = length > this.#maxBytes;
      if (this.#skippingBody) {
        frames.push({ kind: "oversize" });
      }
    } else if (inBlock && length === null) {
      frames.push({ kind: "malformed" });
    }
  }

  #readBody(bytes: Buffer, left: number, frames: Frame[]): number {
    const piece = bytes.subarray(0, left);
    const ends = piece.length === left;
    if (ends && !this.#skippingBody) {
      frames.push({ kind: "message", bytes: this.#pending.take(piece) });
    } else if (!this.#skippingBody) {
      this.#pending.append(piece);
    }
    if (ends) {
      this.#reset();
    } else {
      this.#bodyLeft = left - piece.length;
    }
    return piece.length;
  }

  #reset(): void {
    this.#bodyLeft = null;
    this.#skippingBody = false;
    this.#skippingLine = false;
    this.#inBlock = false;
    this.#length = null;
  }
}
