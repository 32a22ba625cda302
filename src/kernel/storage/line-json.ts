/** JSON text that stays on one line for every reader. */

const LINE_BREAKS = /[\u2028\u2029\u0085]/g;

/** Escapes U+2028, U+2029 and U+0085 in JSON text: they are legal there, but some line readers split at them. */
export function escapeLineBreaks(json: string): string {
  return json.replace(LINE_BREAKS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The value as JSON text for one line of a file. Throws what JSON.stringify throws. */
export function lineJson(value: unknown): string {
  return escapeLineBreaks(JSON.stringify(value));
}

/** The object that a line holds, or null when the text is no JSON object. */
export function parseObject(text: string): Record<string, unknown> | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The value itself when it is a plain JSON object, else null. */
export function asObject(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
