/** Slash detection: `/name` or `/name:segment`, then white space or the end. Paths are ordinary prompts. */
export interface SlashInput {
  /** Without the slash, e.g. "clear" or "skill:review". */
  name: string;
  args: string;
}

const SLASH = /^\/([A-Za-z0-9_-]+(?::[A-Za-z0-9_-]+)*)(?:\s+([\s\S]*))?$/;

/** Takes the trimmed text of the input; null when it is an ordinary prompt. */
export function parseSlash(text: string): SlashInput | null {
  const match = SLASH.exec(text);
  const name = match?.[1];
  return name === undefined ? null : { name, args: (match?.[2] ?? "").trim() };
}
