/**
 * Holds the output of a tool in bounded memory, however much comes: the head line by line, and behind it a ring with
 * the last bytes. Lines are cut at `maxLineChars`; when all does not fit, the middle is left out and the cut says how
 * much it was. Bytes are decoded as UTF-8 across chunks, invalid ones become U+FFFD.
 */
import { type ByteRing, createByteRing } from "./byte-ring.js";

const LINE_CUT = "[...truncated]";
const TRUNCATED_NOTE = "Output is truncated to fit in the message.";
/** Room kept for the line that marks the cut. */
const CUT_MARK_CHARS = 48;
const NEWLINE = 0x0a;

export interface OutputBuffer {
  /** Takes the next piece, bytes or text. Keeps no reference to it. */
  push(chunk: Uint8Array | string): void;
  /** All that is kept, at most `maxChars` UTF-16 units. Pure: more may be pushed afterwards. */
  text(): string;
  /** Whether a line was cut or a part left out. */
  readonly truncated: boolean;
  /** The last `count` lines of what is kept, without the final newline. */
  lastLines(count: number): string;
  /** The message of the result, with the sentence about truncation when it applies. */
  message(text: string): string;
}

/** Creates an empty buffer. Defaults: 50,000 characters, 2,000 a line. */
export function createOutputBuffer(limits: { maxChars?: number; maxLineChars?: number } = {}): OutputBuffer {
  const maxChars = limits.maxChars ?? 50_000;
  const maxLineChars = limits.maxLineChars ?? 2_000;
  const headChars = Math.floor(maxChars / 2);
  /** A UTF-16 unit takes at most 3 bytes of UTF-8; one unit more shows that a line is too long. */
  const lineBytes = (maxLineChars + 1) * 3;

  const head: string[] = [];
  let headLength = 0;
  let headLinesCut = false;
  /** The unfinished line of the head; bytes behind `lineBytes` are dropped. */
  const line = Buffer.allocUnsafe(lineBytes + 1);
  let lineLength = 0;
  let tail: ByteRing | null = null;

  /** Fills the head and returns what is left of the chunk once the head is full. */
  function pushHead(chunk: Buffer): Buffer {
    let rest = chunk;
    for (;;) {
      const newline = rest.indexOf(NEWLINE);
      const end = newline === -1 ? rest.length : newline;
      lineLength += rest.copy(line, lineLength, 0, Math.min(end, lineBytes - lineLength));
      if (newline === -1) return rest.subarray(rest.length);
      rest = rest.subarray(newline + 1);
      line[lineLength] = NEWLINE;
      const whole = line.subarray(0, lineLength + 1);
      lineLength = 0;
      const cut = cutLine(whole, maxLineChars);
      if (headLength + cut.text.length > headChars) {
        tail = createByteRing(maxChars * 3 + lineBytes);
        tail.push(whole);
        return rest;
      }
      head.push(cut.text);
      headLength += cut.text.length;
      headLinesCut ||= cut.wasCut;
    }
  }

  function render(): { text: string; truncated: boolean } {
    const start = head.join("");
    if (tail === null) {
      const last = cutLine(line.subarray(0, lineLength), Math.min(maxLineChars, maxChars - headLength));
      return { text: start + last.text, truncated: headLinesCut || last.wasCut };
    }
    const whole = tailLines(tail, maxChars - headLength, maxLineChars);
    if (whole.leftOut === 0) return { text: start + whole.text, truncated: headLinesCut || whole.linesCut };
    const end = tailLines(tail, maxChars - headLength - CUT_MARK_CHARS, maxLineChars);
    return { text: `${start}[... ${end.leftOut} bytes left out ...]\n${end.text}`, truncated: true };
  }

  return {
    push(chunk) {
      const bytes =
        typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      const rest = tail === null ? pushHead(bytes) : bytes;
      tail?.push(rest);
    },
    text: () => render().text,
    get truncated() {
      return render().truncated;
    },
    lastLines(count) {
      return render().text.trimEnd().split("\n").slice(-count).join("\n");
    },
    message: (text) => (render().truncated ? `${text} ${TRUNCATED_NOTE}` : text),
  };
}

/** As many of the last lines as fit; `leftOut` counts the bytes in front of them. */
function tailLines(
  ring: ByteRing,
  maxChars: number,
  maxLineChars: number,
): { text: string; leftOut: number; linesCut: boolean } {
  const bytes = ring.bytes();
  const lines: string[] = [];
  let room = maxChars;
  let linesCut = false;
  let end = bytes.length;
  while (end > 0) {
    // Counted from the end of the buffer, because -1 would mean its last byte and not "in front of it".
    const start = bytes.lastIndexOf(NEWLINE, end - 2 - bytes.length) + 1;
    const line = bytes.subarray(start, end);
    const isPart = start === 0 && ring.dropped > 0;
    if (isPart && lines.length > 0) break;
    const cut = isPart ? keepEnd(line, Math.min(maxLineChars, room)) : cutLine(line, maxLineChars);
    if (cut.text.length > room) break;
    lines.push(cut.text);
    room -= cut.text.length;
    linesCut ||= cut.wasCut;
    end = start;
  }
  return { text: lines.reverse().join(""), leftOut: ring.dropped + end, linesCut };
}

/** One line with at most `maxChars` characters before its newline; the start is kept. */
function cutLine(line: Buffer, maxChars: number): { text: string; wasCut: boolean } {
  const newline = line.at(-1) === NEWLINE ? "\n" : "";
  const body = newline === "" ? line : line.subarray(0, -1);
  const text = body.toString("utf8", 0, Math.min(body.length, (maxChars + 1) * 3));
  if (text.length <= maxChars) return { text: text + newline, wasCut: false };
  const kept = text.slice(0, Math.max(0, maxChars - LINE_CUT.length)).replace(/[\uD800-\uDBFF]$/, "");
  return { text: kept + LINE_CUT + newline, wasCut: true };
}

/** The end of a line whose start is gone. */
function keepEnd(line: Buffer, maxChars: number): { text: string; wasCut: boolean } {
  const text = line.toString("utf8", Math.max(0, line.length - maxChars * 3));
  const kept = text.slice(-Math.max(1, maxChars - LINE_CUT.length)).replace(/^[\uDC00-\uDFFF\uFFFD]+/, "");
  return { text: LINE_CUT + kept, wasCut: true };
}
