/** Where the prompt of `kernel -p` comes from. */
import type { Readable } from "node:stream";

/**
 * The text that was given, else all of stdin without its last line end. null when there is nothing to read: a terminal
 * that nobody named with `-`, or `signal` aborted.
 */
export async function readPrompt(
  given: string | null,
  stdin: Readable & { isTTY?: boolean },
  signal: AbortSignal,
): Promise<string | null> {
  if (given !== null && given !== "" && given !== "-") return given;
  if (stdin.isTTY === true && given !== "-") return null;
  const chunks: Buffer[] = [];
  const stop = (): void => void stdin.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  } catch {
    // Destroyed, or closed before it could be read: what came before counts.
  }
  signal.removeEventListener("abort", stop);
  return signal.aborted
    ? null
    : Buffer.concat(chunks)
        .toString("utf8")
        .replace(/\r?\n$/, "");
}
