/** What a task wrote: an append-only file with a ceiling, and bounded reads of its end. */
import * as fs from "node:fs";

/** A task that never stops talking must not fill the disk. */
const MAX_BYTES = 64 * 1024 * 1024;
const FILE_MODE = 0o600;

export class OutputLog {
  readonly #fd: number;
  readonly #maxBytes: number;
  #length = 0;
  #open = true;

  /** Opens the file for appending; throws when it cannot. The caller closes it. */
  constructor(path: string, maxBytes = MAX_BYTES) {
    this.#fd = fs.openSync(path, "a", FILE_MODE);
    this.#maxBytes = maxBytes;
  }

  /** Adds bytes until the ceiling, which is marked once. Throws when the disk refuses them. */
  append(chunk: Uint8Array | string): void {
    if (!this.#open || this.#length >= this.#maxBytes) return;
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    const kept = bytes.subarray(0, this.#maxBytes - this.#length);
    this.#length += kept.length;
    for (let at = 0; at < kept.length; ) at += fs.writeSync(this.#fd, kept, at);
    if (kept.length < bytes.length) fs.writeSync(this.#fd, "\n[... the rest of the output was not kept ...]\n");
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    fs.closeSync(this.#fd);
  }
}

/** The end of a file, at most `maxBytes` of it, from a whole line on when it was cut; "" when there is no file. */
export function readTail(path: string, maxBytes: number): { text: string; truncated: boolean } {
  let fd: number;
  try {
    fd = fs.openSync(path, "r");
  } catch {
    return { text: "", truncated: false };
  }
  try {
    const { size } = fs.fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, maxBytes));
    const read = fs.readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    const text = bytes.toString("utf8", 0, read);
    if (size <= maxBytes) return { text, truncated: false };
    return { text: text.slice(text.indexOf("\n") + 1), truncated: true };
  } finally {
    fs.closeSync(fd);
  }
}
