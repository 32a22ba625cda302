/** AGENTS.md of the work dir, as much of it as goes into the system text of a new session. */
import { join } from "node:path";
import { readBounded } from "../bounded-file.js";

const NAMES = ["AGENTS.md", "agents.md", ".kernel/AGENTS.md", ".kimi/AGENTS.md"];
/** About 300 tokens of any language: bytes, because a letter that needs more of them needs more tokens too. */
const MAX_BYTES = 1_200;

/** The first of the known files that has any text, cut with a note when it is long; "" when there is none. */
export function projectNotes(workDir: string): string {
  for (const name of NAMES) {
    const notes = read(join(workDir, name));
    if (notes === null || notes.text === "") continue;
    return notes.cut ? `${wholeLines(notes.text)}\n[${name} goes on; read the file when it matters]` : notes.text;
  }
  return "";
}

function read(path: string): { text: string; cut: boolean } | null {
  try {
    const { text, cut } = readBounded(path, MAX_BYTES);
    return { text: text.trim(), cut };
  } catch {
    return null;
  }
}

/** Without the line that was cut in the middle, unless it is the only one. */
function wholeLines(text: string): string {
  const end = text.lastIndexOf("\n");
  return (end > 0 ? text.slice(0, end) : text.replace(/\u{fffd}+$/u, "")).trimEnd();
}
