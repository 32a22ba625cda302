/** Session storage in an own temp folder, for tests. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../logger.js";
import { type OpenSessionOptions, openSession } from "../open-session.js";
import type { SessionLog } from "../session-log.js";
import { type SessionPaths, sessionPaths } from "../share-folder.js";

export const WORK_DIR = "/work/of a test";

export interface TempShare {
  readonly shareDir: string;
  paths(id?: string): SessionPaths;
  open(options?: Partial<OpenSessionOptions>): SessionLog;
  /** Lines of a file of the session folder; [] when there is none. */
  lines(file: string, id?: string): string[];
  remove(): void;
}

/** A share folder that no other test knows. The caller removes it. */
export function tempShare(): TempShare {
  const shareDir = fs.mkdtempSync(join(tmpdir(), "session-"));
  const paths = (id = "S1") => sessionPaths(shareDir, WORK_DIR, id);
  return {
    shareDir,
    paths,
    open: (options = {}) =>
      openSession({ shareDir, workDir: WORK_DIR, sessionId: "S1", logger: silentLogger, lockWaitMs: 0, ...options }),
    lines: (file, id) => {
      const path = join(paths(id).dir, file);
      return fs.existsSync(path) ? fs.readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
    },
    remove: () => fs.rmSync(shareDir, { recursive: true, force: true }),
  };
}
