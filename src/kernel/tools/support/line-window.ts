/** Reads a window of lines of a file of any size in bounded memory, and counts all lines on the way. */
import type { FileHandle } from "node:fs/promises";

interface LineWindow {
  /** 1-based number of the first line wanted. */
  from: number;
  /** At most this many lines are kept. */
  maxLines: number;
  /** A longer line is cut to this many characters, the mark included. */
  maxLineChars: number;
  /** The kept lines together are at most this many bytes of UTF-8, newlines included. */
  maxBytes: number;
  /** Which end gives way when maxBytes is reached: "tail" drops the newest lines, "head" the oldest. */
  drop: "head" | "tail";
  /** Reading stops after this many bytes of the file. */
  maxScanBytes: number;
}

interface WindowLine {
  number: number;
  /** Without its line end. */
  text: string;
  cut: boolean;
  /** False for a last line that no newline ends. */
  ended: boolean;
}

export interface ReadWindow {
  lines: WindowLine[];
  /** Lines seen; all of the file unless `stopped`. */
  total: number;
  /** True when maxBytes left lines out. */
  bytesReached: boolean;
  /** True when maxScanBytes was reached before the end of the file. */
  stopped: boolean;
  /** True when a kept line ended in CRLF. */
  crlf: boolean;
}

const CUT_MARK = "[...truncated]";

const CHUNK_BYTES = 1024 * 1024;
const NEWLINE = 10;

/** Reads from the start of the file; invalid UTF-8 becomes U+FFFD. Throws the signal's reason on abort. */
export async function readLineWindow(file: FileHandle, window: LineWindow, signal: AbortSignal): Promise<ReadWindow> {
  const result: ReadWindow = { lines: [], total: 0, bytesReached: false, stopped: false, crlf: false };
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  // One byte more than any uncut line can have: at most 4 bytes a character, and CRLF.
  const lineBytes = window.maxLineChars * 4 + 3;
  let kept = 0;
  let full = false;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let inLine = false;

  const wanted = () => !full && result.total + 1 >= window.from && result.total + 1 < window.from + window.maxLines;
  const keep = (part: Buffer) => {
    const room = lineBytes - pendingBytes;
    if (room <= 0) return;
    // Copied, because the chunk is used again.
    const copy = Buffer.from(part.subarray(0, room));
    pending.push(copy);
    pendingBytes += copy.length;
  };
  const endLine = (ended: boolean) => {
    if (wanted()) {
      const raw = Buffer.concat(pending, pendingBytes).toString("utf8");
      if (raw.endsWith("\r") && ended) result.crlf = true;
      const line = toLine(result.total + 1, raw, ended, window.maxLineChars);
      const bytes = Buffer.byteLength(line.text) + 1;
      if (kept + bytes > window.maxBytes && window.drop === "tail") {
        result.bytesReached = true;
        full = true;
      } else {
        result.lines.push(line);
        kept += bytes;
        while (kept > window.maxBytes && result.lines.length > 1) {
          const dropped = result.lines.shift();
          kept -= Buffer.byteLength(dropped?.text ?? "") + 1;
          result.bytesReached = true;
        }
      }
    }
    pending = [];
    pendingBytes = 0;
    inLine = false;
    result.total += 1;
  };

  for (let position = 0; ; ) {
    signal.throwIfAborted();
    if (position >= window.maxScanBytes) {
      result.stopped = true;
      break;
    }
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    const bytes = chunk.subarray(0, bytesRead);
    let start = 0;
    while (start < bytes.length) {
      const end = bytes.indexOf(NEWLINE, start);
      const stop = end === -1 ? bytes.length : end;
      inLine = true;
      if (wanted()) keep(bytes.subarray(start, stop));
      if (end !== -1) endLine(true);
      start = stop + 1;
      if (!wanted() && !inLine) {
        const rest = countLines(
          bytes,
          start,
          result.total + 1 < window.from ? window.from - result.total - 1 : Infinity,
        );
        result.total += rest.lines;
        start = rest.next;
      }
    }
  }
  if (inLine) endLine(false);
  return result;
}

/** Counts whole lines from `start`, at most `limit`, and gives where the first uncounted line begins. */
function countLines(bytes: Buffer, start: number, limit: number): { lines: number; next: number } {
  let lines = 0;
  let next = start;
  for (let i = start; i < bytes.length && lines < limit; i++) {
    if (bytes[i] === NEWLINE) {
      lines += 1;
      next = i + 1;
    }
  }
  return { lines, next };
}

function toLine(number: number, raw: string, ended: boolean, maxChars: number): WindowLine {
  const text = ended && raw.endsWith("\r") ? raw.slice(0, -1) : raw;
  if (text.length <= maxChars) return { number, text, cut: false, ended };
  const head = text.slice(0, maxChars - CUT_MARK.length).replace(/[\ud800-\udbff]$/, "");
  return { number, text: head + CUT_MARK, cut: true, ended };
}
