/** Keeps bytes that are cut from a damaged file, so that nothing is thrown away unseen. */
import { basename, join } from "node:path";
import { quietly, writeNewFile } from "./checked-write.js";
import type { FileOperations } from "./file-operations.js";

export interface RecoveredBytes {
  /** Stores a copy and gives its path; null when that was not possible, which never stops a repair. */
  keep(source: string, bytes: Uint8Array): string | null;
}

/** Files are named `<session id>-<file>-<ms>-<n>` inside the folder, which is created at the first use. */
export function recoveredBytes(
  ops: FileOperations,
  folder: string,
  sessionId: string,
  clock: () => number,
): RecoveredBytes {
  let count = 0;
  return {
    keep(source, bytes) {
      count += 1;
      const path = join(folder, `${sessionId}-${basename(source)}-${Math.floor(clock())}-${count}`);
      let kept: string | null = null;
      quietly(() => {
        ops.mkdir(folder);
        writeNewFile(ops, path, bytes, "recovered bytes");
        kept = path;
      });
      return kept;
    },
  };
}
