/**
 * Makes hidden characters visible where a person decides by what is shown: approval descriptions, paths of diffs.
 * Hidden are C0 and C1 controls, line and paragraph separators, format characters (bidi, zero-width, tags), lone
 * surrogates and everything else that renders as nothing.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Gives the text with every hidden character written as an escape (`\n`, `\x1b`, `\u{202e}`); other text as it is. */
export function visibleText(text: string): string {
  return text.replace(HIDDEN, (character) => {
    const short = SHORT_ESCAPES[character];
    if (short !== undefined) return short;
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    return hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
  });
}
