/** Takes a session off the disk that holds nothing. */
import * as fs from "node:fs";
import { quietly } from "./checked-write.js";
import type { FileOperations } from "./file-operations.js";
import type { SessionLock } from "./session-lock.js";
import type { SessionPaths } from "./share-folder.js";

/** Never throws. The lock goes last: nobody can begin the session anew while its files are taken away. */
export function deleteSession(ops: FileOperations, paths: SessionPaths, lock: SessionLock): void {
  const { context, wire, state, legacyMetadata, dir, journal } = paths;
  for (const path of [context, wire, state, legacyMetadata]) quietly(() => ops.unlink(path));
  quietly(() => fs.rmdirSync(dir));
  quietly(() => ops.unlink(journal));
  lock.remove();
}
