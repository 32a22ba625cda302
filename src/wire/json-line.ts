// The line separators that some readers split at although JSON allows them raw, line breaks that only pretty-printed
// JSON has, and surrogates without their other half, which UTF-8 cannot carry.
const UNSAFE = /[\u2028\u2029\u0085\n\r]|\p{Surrogate}/u;
const UNSAFE_ALL = new RegExp(UNSAFE.source, "gu");

/**
 * Makes serialised JSON safe to be one line of UTF-8: U+2028, U+2029, U+0085 and lone surrogates become escapes, raw
 * line breaks (in JSON only ever white space) become spaces. Gives the same string when there is nothing to do.
 */
export function escapeLine(json: string): string {
  return UNSAFE.test(json) ? json.replace(UNSAFE_ALL, escapeOne) : json;
}

/** Serialises a value as one line of JSON without its LF. Throws TypeError for what JSON cannot hold. */
export function jsonLine(value: unknown): string {
  const json: string | undefined = JSON.stringify(value);
  if (json === undefined) {
    throw new TypeError("value has no JSON form");
  }
  return escapeLine(json);
}

function escapeOne(char: string): string {
  if (char === "\n" || char === "\r") {
    return " ";
  }
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
