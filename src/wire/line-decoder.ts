import type { Frame, FrameDecoder } from "./frame.js";
import { PendingBytes } from "./pending-bytes.js";

const LF = 0x0a;
const CR = 0x0d;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Cuts a byte stream into lines at LF, and at nothing else. A CR before the LF and a BOM at the start of a line are
 * taken off, blank lines are left out. A line above `maxBytes` is reported at once and skipped without keeping it.
 * What follows the last LF when the input ends is reported as truncated: half a message must never be executed.
 */
export class LineDecoder implements FrameDecoder {
  readonly #maxBytes: number;
  readonly #pending = new PendingBytes();
  #skipping = false;

  constructor(options: { maxBytes: number }) {
    this.#maxBytes = options.maxBytes;
  }

  push(chunk: Uint8Array): Frame[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const frames: Frame[] = [];
    let start = 0;
    while (start < bytes.length) {
      const lf = bytes.indexOf(LF, start);
      const piece = bytes.subarray(start, lf === -1 ? bytes.length : lf);
      if (!this.#skipping && this.#pending.length + piece.length > this.#maxBytes) {
        this.#skipping = true;
        this.#pending.clear();
        frames.push({ kind: "oversize" });
      }
      if (lf === -1) {
        this.#keep(piece);
        break;
      }
      this.#finish(piece, frames);
      start = lf + 1;
    }
    return frames;
  }

  end(): Frame[] {
    const rest = trimLine(this.#pending.take(Buffer.alloc(0)));
    this.#skipping = false;
    return isBlank(rest) ? [] : [{ kind: "truncated" }];
  }

  #keep(piece: Buffer): void {
    if (!this.#skipping) {
      this.#pending.append(piece);
    }
  }

  #finish(piece: Buffer, frames: Frame[]): void {
    if (this.#skipping) {
      this.#skipping = false;
      return;
    }
    const line = trimLine(this.#pending.take(piece));
    if (!isBlank(line)) {
      frames.push({ kind: "message", bytes: line });
    }
  }
}

function trimLine(line: Buffer): Buffer {
  const start = line[0] === BOM[0] && line.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0;
  const end = line.length > start && line[line.length - 1] === CR ? line.length - 1 : line.length;
  return start === 0 && end === line.length ? line : line.subarray(start, end);
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) {
    if (byte !== 0x20 && byte !== 0x09 && byte !== CR) {
      return false;
    }
  }
  return true;
}
