/** What a file holds at a moment, for the diff that is shown and for the hash that binds the approval to it. */
import { createHash } from "node:crypto";
import type { FileState } from "../tool.js";
import { FileProblemError, openRegularFile } from "./open-file.js";

/** Files above this are not edited: content before and after is held in memory, diffed and hashed. 16 MiB. */
export const MAX_EDIT_BYTES = 16 * 1024 * 1024;

const CHUNK_BYTES = 256 * 1024;

/** sha256 in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Reads a whole regular file; null when there is none. Throws FileProblemError too_large above `limit` bytes, and
 * the other problems of openRegularFile; throws the signal's reason on abort.
 */
export async function readFileBounded(real: string, limit: number, signal?: AbortSignal): Promise<Buffer | null> {
  const handle = await openOrNull(real);
  if (handle === null) return null;
  try {
    if ((await handle.stat()).size > limit) throw new FileProblemError("too_large", real);
    const chunks: Buffer[] = [];
    let total = 0;
    for (;;) {
      signal?.throwIfAborted();
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return Buffer.concat(chunks, total);
      total += bytesRead;
      // Files of /proc say size 0 and may have no end.
      if (total > limit) throw new FileProblemError("too_large", real);
      chunks.push(chunk.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

/**
 * Gives the sha256 of a regular file, null when there is none. Files above `limit` bytes (16 MiB) are a
 * FileProblemError, as are folders, devices and moved paths.
 */
export async function readFileState(real: string, limit = MAX_EDIT_BYTES, signal?: AbortSignal): Promise<FileState> {
  const content = await readFileBounded(real, limit, signal);
  return { path: real, sha256: content === null ? null : sha256(content) };
}

async function openOrNull(real: string) {
  try {
    return await openRegularFile(real);
  } catch (error) {
    if (error instanceof FileProblemError && error.code === "missing") return null;
    throw error;
  }
}
