/**
 * Replaces text in the bytes of a file. Everything that is not replaced stays byte for byte: BOM, line ends, a
 * missing final newline, bytes that are no UTF-8.
 */
export interface Replacement {
  old: string;
  new: string;
  replace_all?: boolean | undefined;
}

type ReplaceResult =
  | { outcome: "replaced"; content: Buffer; count: number }
  | { outcome: "not_found" }
  | { outcome: "too_large" };

/**
 * Applies one replacement, the first match or all. In a file whose every line ends in CRLF a bare LF of `old` and
 * `new` stands for CRLF. `limit` bounds the result in bytes.
 */
export function replaceText(content: Buffer, edit: Replacement, limit: number): ReplaceResult {
  // One character per byte: positions stay exact for any content, and UTF-8 matches only at its own boundaries.
  const bytes = content.toString("latin1");
  const crlf = isAllCrlf(bytes);
  const old = asBytes(edit.old, crlf);
  const replacement = asBytes(edit.new, crlf);
  const first = bytes.indexOf(old);
  if (old === "" || first === -1) return { outcome: "not_found" };
  if (!edit.replace_all) {
    if (bytes.length - old.length + replacement.length > limit) return { outcome: "too_large" };
    const result = bytes.slice(0, first) + replacement + bytes.slice(first + old.length);
    return { outcome: "replaced", content: Buffer.from(result, "latin1"), count: 1 };
  }
  const count = countMatches(bytes, old, first);
  if (bytes.length + count * (replacement.length - old.length) > limit) return { outcome: "too_large" };
  // A function, because `$` is special in a replacement string.
  const result = bytes.replaceAll(old, () => replacement);
  return { outcome: "replaced", content: Buffer.from(result, "latin1"), count };
}

function countMatches(bytes: string, old: string, first: number): number {
  let count = 0;
  for (let at = first; at !== -1; at = bytes.indexOf(old, at + old.length)) count += 1;
  return count;
}

function asBytes(text: string, crlf: boolean): string {
  const adapted = crlf ? text.replace(/\r?\n/g, "\r\n") : text;
  return Buffer.from(adapted, "utf8").toString("latin1");
}

function isAllCrlf(bytes: string): boolean {
  return bytes.includes("\r\n") && !/(^|[^\r])\n/.test(bytes);
}
