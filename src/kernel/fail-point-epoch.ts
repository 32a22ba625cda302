/** Under which epoch a kernel owns its session, or will as soon as it needs to, told from what is on the disk. */
import * as fs from "node:fs";
import { parseHolder } from "./storage/lock-holder.js";
import { readStoredSession } from "./storage/read-session.js";
import { locateSession } from "./storage/session-locate.js";
import { sessionPaths } from "./storage/share-folder.js";

export interface SessionPlace {
  shareDir: string;
  workDir: string;
  /** null for a new one, or with `continue` for the last one. */
  session: string | null;
  continue: boolean;
}

/** The epoch of the next owner; 1 for a session that is not there. Takes nothing. Throws KernelError as locateSession does. */
export function nextEpoch({ shareDir, workDir, session, continue: continueLast }: SessionPlace): number {
  const { sessionId } = locateSession({ shareDir, workDir, sessionId: session, continueLast });
  const paths = sessionPaths(shareDir, workDir, sessionId);
  return Math.max(lockedEpoch(paths.lock), readStoredSession(paths).epoch) + 1;
}

function lockedEpoch(lock: string): number {
  try {
    return parseHolder(fs.readFileSync(lock, "utf8"))?.epoch ?? 0;
  } catch {
    return 0;
  }
}
