/** The API key for a login: from the environment or from stdin, never from the command line, which others can read. */
import type { Readable } from "node:stream";

const MAX_KEY_BYTES = 8_192;

export type KeyProblem = "missing" | "bad" | "late";

/** Visible ASCII: what a header can carry. */
export function checkKey(text: string): { key: string } | { problem: KeyProblem } {
  const key = text.trim();
  if (key === "") return { problem: "missing" };
  return /^[\x21-\x7e]+$/.test(key) && key.length <= MAX_KEY_BYTES ? { key } : { problem: "bad" };
}

/** Reads to the end of the stream, or to its first line end, for at most `timeoutMs`. The stream is closed afterwards. */
export async function readKey(stdin: Readable, timeoutMs: number): Promise<{ key: string } | { problem: KeyProblem }> {
  let text = "";
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stdin.destroy();
  }, timeoutMs);
  try {
    for await (const chunk of stdin) {
      text += String(chunk);
      if (text.trimStart().includes("\n") || text.length > MAX_KEY_BYTES * 2) break;
    }
  } catch {
    // Destroyed, or a stream that cannot be read: what came before counts.
  } finally {
    clearTimeout(timer);
    stdin.destroy();
  }
  if (isLate) return { problem: "late" };
  return checkKey(text);
}
