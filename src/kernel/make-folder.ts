import * as fs from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a private folder (0700) and its missing parents. Throws what mkdir throws. Not `{recursive: true}`: where the
 * file system answers "no such entry" although the parent is there (/proc does), that never returns.
 */
export function makeFolder(path: string): void {
  if (madeOrThere(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  if (!madeOrThere(path)) fs.mkdirSync(path, { mode: 0o700 });
}

/** False when a parent is missing. */
function madeOrThere(path: string): boolean {
  try {
    fs.mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return false;
    if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return true;
    throw error;
  }
}
