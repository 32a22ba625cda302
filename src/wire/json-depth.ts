const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Whether a JSON text opens more than `limit` arrays and objects inside each other. Linear, stops at the first one too
 * many, and does not care whether the rest is valid JSON.
 */
export function exceedsDepth(json: Buffer, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) {
      at = stringEnd(json, at);
    } else if (byte === 0x5b || byte === 0x7b) {
      depth++;
      if (depth > limit) {
        return true;
      }
    } else if (byte === 0x5d || byte === 0x7d) {
      depth = Math.max(0, depth - 1);
    }
  }
  return false;
}

/** Where the string that opens at `open` has its closing quote; the text's length when it has none. */
function stringEnd(json: Buffer, open: number): number {
  let from = open + 1;
  for (;;) {
    const quote = json.indexOf(QUOTE, from);
    if (quote === -1) {
      return json.length;
    }
    let backslashes = 0;
    while (quote - backslashes > from && json[quote - backslashes - 1] === BACKSLASH) {
      backslashes++;
    }
    if (backslashes % 2 === 0) {
      return quote;
    }
    from = quote + 1;
  }
}
