/** What a program is to read on stdin, as a file that has no name. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/**
 * Gives a descriptor that reads `text` from its start and then ends. The caller closes it. Throws what the file system
 * throws. A file and no pipe of Node's: those are sockets, so `/dev/stdin` cannot be opened and an outermost bash takes
 * them for a remote login; and nobody has to feed it while the program runs.
 */
export function openInput(text: string, tempDir: string): number {
  const dir = mkdtempSync(join(tempDir, "kernel-input-"));
  try {
    const path = join(dir, "stdin");
    const writer = openSync(path, "wx", 0o600);
    try {
      const bytes = Buffer.from(text, "utf8");
      for (let at = 0; at < bytes.length; ) at += writeSync(writer, bytes, at);
    } finally {
      closeSync(writer);
    }
    return openSync(path, "r");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
