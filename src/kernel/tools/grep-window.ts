import type { OutputBuffer } from "./support/output-buffer.js";

const NEWLINE = 0x0a;

export interface GrepWindow {
  push(chunk: Buffer): void;
  /** Aborted when a line beyond the window came: the rest is not wanted. */
  readonly full: AbortSignal;
  readonly skipped: number;
  /** Lines handed on, an unfinished last one included. */
  readonly lines: number;
}

/** Passes the lines `offset` to `offset + limit` of a stream to a buffer and drops the others. `limit` 0: no end. */
export function createGrepWindow(offset: number, limit: number, sink: OutputBuffer): GrepWindow {
  const full = new AbortController();
  let skipped = 0;
  let complete = 0;
  let inLine = false;

  return {
    full: full.signal,
    get skipped() {
      return skipped;
    },
    get lines() {
      return complete + (inLine ? 1 : 0);
    },
    push(chunk) {
      let rest = chunk;
      while (rest.length > 0 && !full.signal.aborted) {
        const newline = rest.indexOf(NEWLINE);
        const end = newline === -1 ? rest.length : newline + 1;
        if (skipped < offset) {
          if (newline !== -1) skipped += 1;
        } else if (limit > 0 && complete === limit) {
          full.abort();
        } else {
          sink.push(rest.subarray(0, end));
          inLine = newline === -1;
          if (newline !== -1) complete += 1;
        }
        rest = rest.subarray(end);
      }
    },
  };
}
