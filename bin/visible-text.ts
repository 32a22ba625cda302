/** Makes text from a model or a tool harmless for a terminal, and shows what hides in it. */

/** ESC and the other controls but LF and TAB, line separators, and what turns the direction of a text around. */
const CONTROLS = /\r\n|[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
/** All of those, and everything else that takes no ink or looks like a plain space without being one. */
const HIDDEN = /\r\n|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]|(?! )\p{Zs}/gu;

/** For streamed text: control characters are shown as `\u{1b}`, LF and TAB stay, CRLF is an LF. */
export function visibleText(text: string): string {
  return text.replace(CONTROLS, escaped);
}

/** For what somebody is asked to allow: also zero-width, format and odd space characters are shown. */
export function strictText(text: string): string {
  return text.replace(HIDDEN, escaped);
}

/** For a JSON text: the same characters as JSON escapes, so that it stays the same JSON. */
export function visibleJson(json: string): string {
  return json.replace(CONTROLS, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function escaped(found: string): string {
  if (found === "\n" || found === "\r\n") return "\n";
  if (found === "\t") return found;
  if (found === "\r") return "\\r";
  return `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`;
}
