import { WireError } from "./errors.js";

/** UTF-8 needs no more for one unit of a string. */
const MOST_BYTES = 3;

/**
 * Gives the line back. Throws WireError `line_too_long` when it has more bytes than any peer takes in: it would be
 * refused without its id, so nobody would ever learn what became of it.
 */
export function requireShort(line: string, maxBytes: number): string {
  if (line.length * MOST_BYTES > maxBytes && Buffer.byteLength(line) > maxBytes) {
    const limit = `${Math.floor(maxBytes / 2 ** 20)} MiB`;
    throw new WireError("line_too_long", `The message is longer than the ${limit} that Wire allows`, {
      data: { code: "line_too_long" },
    });
  }
  return line;
}
