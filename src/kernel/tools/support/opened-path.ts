/**
 * Proof that an opened descriptor is what its path said when it was judged: a folder or link swapped in between
 * would otherwise lead a read or a write somewhere else.
 */

import type { FileHandle } from "node:fs/promises";
import { lstat, readlink } from "node:fs/promises";
import { platform } from "node:process";
import { followLinks } from "./workspace-path.js";

/** How Linux names an open descriptor as a path; opening below it cannot be redirected by a rename or a new link. */
export function descriptorPath(handle: FileHandle): string | null {
  return platform === "linux" ? `/proc/self/fd/${handle.fd}` : null;
}

/** True when the descriptor stands for `real`, a path without links, at this moment. */
export async function isOpenedAt(handle: FileHandle, real: string): Promise<boolean> {
  const descriptor = descriptorPath(handle);
  if (descriptor !== null) {
    try {
      return (await readlink(descriptor)) === real;
    } catch {
      // No /proc here: judged by identity below.
    }
  }
  if ((await followLinks(real)) !== real) return false;
  const [opened, named] = await Promise.all([handle.stat({ bigint: true }), lstat(real, { bigint: true })]);
  return opened.dev === named.dev && opened.ino === named.ino;
}
