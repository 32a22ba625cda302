/**
 * Characters that a person cannot see, or that a terminal, a font and a shell may read differently: every control,
 * format, surrogate, private and unassigned code point, every separator but the plain space, and the few letters and
 * symbols that are drawn as nothing.
 */
const HIDDEN = /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;
const ALL_HIDDEN = new RegExp(HIDDEN.source, "gu");

/** True when the text holds a character that does not show as itself; tab and newline count. */
export function hasHiddenCharacter(text: string): boolean {
  return HIDDEN.test(text);
}

/** The text with every hidden character written as `\u{hex}`, so that what is shown is what is there. */
export function showHiddenCharacters(text: string): string {
  return text.replace(ALL_HIDDEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
