/** Which session a start means: a new one, the one that was named, or the newest of the work dir. */
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { KernelError } from "../errors.js";
import { fileSize } from "./file-lines.js";
import { checkSessionId, sessionPaths, workDirSessionsFolder } from "./share-folder.js";
import { lastSessionId } from "./work-dirs.js";

export interface LocateRequest {
  readonly shareDir: string;
  readonly workDir: string;
  /** From --session; null when the flag was not given. */
  readonly sessionId: string | null;
  /** From --continue. */
  readonly continueLast: boolean;
}

export interface LocatedSession {
  readonly sessionId: string;
  /** True when there is something to resume. */
  readonly exists: boolean;
}

/** Reads only. Throws KernelError `usage` for an id that is no file name, and when there is nothing to continue. */
export function locateSession(request: LocateRequest): LocatedSession {
  if (request.sessionId !== null) {
    const sessionId = checkSessionId(request.sessionId);
    return { sessionId, exists: sessionExists(request, sessionId) };
  }
  if (!request.continueLast) return { sessionId: randomUUID(), exists: false };
  const last = lastSessionId(request.shareDir, request.workDir);
  // The folder may be gone, or a kernel that was killed may never have written the id.
  const sessionId = last !== null && isUsable(request, last) ? last : newestSession(request);
  if (sessionId === null) throw new KernelError("usage", "No previous session found for the working directory");
  return { sessionId, exists: true };
}

function isUsable(request: LocateRequest, id: string): boolean {
  try {
    return sessionExists(request, checkSessionId(id));
  } catch {
    return false;
  }
}

function sessionExists(request: LocateRequest, id: string): boolean {
  const paths = sessionPaths(request.shareDir, request.workDir, id);
  return fs.existsSync(paths.dir) || fs.existsSync(paths.legacyContext);
}

/** The session whose files were written last; folders without any content do not count. */
function newestSession(request: LocateRequest): string | null {
  const folder = workDirSessionsFolder(request.shareDir, request.workDir);
  let newest: { id: string; at: number } | null = null;
  for (const name of readNames(folder)) {
    const id = name.endsWith(".jsonl") ? name.slice(0, -".jsonl".length) : name;
    const files =
      id === name ? ["wire.jsonl", "context.jsonl"].map((file) => join(folder, name, file)) : [join(folder, name)];
    const at = Math.max(...files.map((file) => writtenAt(file)));
    if (at > (newest?.at ?? 0) && isUsable(request, id)) newest = { id, at };
  }
  return newest?.id ?? null;
}

function writtenAt(path: string): number {
  return fileSize(path) > 0 ? (fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) : 0;
}

function readNames(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}
