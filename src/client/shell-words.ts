/**
 * Splits a command line into words the way a POSIX shell quotes, and does nothing else that a shell does: no variables,
 * no `~`, no patterns. Blanks separate; '...' is taken as it is; in "..." a backslash is dropped before `"` and `\`;
 * outside of quotes a backslash takes the next character as it is. Gives null when a quote is not closed or a
 * backslash ends the line.
 */
export function splitShellWords(line: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote: "'" | '"' | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (quote === null && /\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
      continue;
    }
    word ??= "";
    if (char === quote) {
      quote = null;
    } else if (quote === null && (char === "'" || char === '"')) {
      quote = char;
    } else if (char === "\\" && (quote === null || (quote === '"' && /["\\]/.test(line.charAt(at + 1))))) {
      at += 1;
      if (at === line.length) return null;
      word += line.charAt(at);
    } else {
      word += char;
    }
  }
  if (quote !== null) return null;
  if (word !== null) words.push(word);
  return words;
}
