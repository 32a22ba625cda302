/** kimi.json: the work dirs that have sessions, and the newest session of each. Clients read it. */
import * as fs from "node:fs";
import { resolve } from "node:path";
import { errorMessage } from "../errors.js";
import type { Logger } from "../logger.js";
import { quietly, replaceFile } from "./checked-write.js";
import { fileMark } from "./file-lines.js";
import type { FileOperations } from "./file-operations.js";
import { asObject, parseObject } from "./line-json.js";
import type { RecoveredBytes } from "./recovered-bytes.js";
import { FILE_MODE, workDirsFile } from "./share-folder.js";
import { errnoOf, storageError } from "./storage-error.js";

/** A holder writes for a few ms; an older lock file was left by a dead process. */
const STALE_LOCK_MS = 2_000;
const LOCK_TRIES = 40;
const LOCK_PAUSE_MS = 5;
const WHAT = "kimi.json";

export interface WorkDirsOptions {
  readonly ops: FileOperations;
  readonly shareDir: string;
  readonly recovered: RecoveredBytes;
}

/** The session id stored for a work dir; null when there is none or the file cannot be read. */
export function lastSessionId(shareDir: string, workDir: string): string | null {
  const path = resolve(workDir);
  const entry = readList(workDirsFile(shareDir)).entries.find((item) => isLocal(item) && item.path === path);
  return typeof entry?.last_session_id === "string" ? entry.last_session_id : null;
}

/**
 * Adds the work dir when it is missing and stores the session id, unless it is null. Blocks for at most 200 ms while
 * another process writes the file, then writes anyway: what can be lost is one entry, which its owner writes again at
 * its next turn. A damaged file is kept aside and begun anew. Throws KernelError `storage_full` or `storage_failed`.
 */
export function rememberSession(options: WorkDirsOptions, workDir: string, sessionId: string | null): void {
  const { ops, shareDir, recovered } = options;
  const path = workDirsFile(shareDir);
  const workPath = resolve(workDir);
  // Asked at every turn, on the way to the model: a file that was not touched holds what it held.
  const found = [fileMark(path), workPath, sessionId].join("\n");
  if (lastFound.get(recovered) === found) return;
  if (isRemembered(readList(path).entries, workPath, sessionId)) {
    lastFound.set(recovered, found);
    return;
  }
  try {
    ops.mkdir(shareDir);
  } catch (error) {
    throw storageError(error, WHAT);
  }
  const unlock = lockFile(ops, `${path}.lock`);
  try {
    const list = readList(path);
    if (list.damaged !== null) recovered.keep(path, list.damaged);
    const entry = list.entries.find((item) => isLocal(item) && item.path === workPath);
    if (entry === undefined) list.entries.push({ path: workPath, kaos: "local", last_session_id: sessionId });
    else if (sessionId !== null) entry.last_session_id = sessionId;
    const text = JSON.stringify({ ...list.rest, work_dirs: list.entries }, null, 2);
    replaceFile(ops, { path, temporary: `${path}.new`, folder: shareDir }, Buffer.from(text, "utf8"), WHAT);
  } finally {
    unlock();
  }
}

/** Of one session: the file, and what was found in it. */
const lastFound = new WeakMap<RecoveredBytes, string>();

/** The same for a session that runs: a list that cannot be written costs a client its shortcut, never a turn. */
export function rememberIfPossible(
  options: WorkDirsOptions & { readonly logger: Logger },
  workDir: string,
  sessionId: string | null,
): void {
  try {
    rememberSession(options, workDir, sessionId);
  } catch (error) {
    options.logger.warn({ session: sessionId, error: errorMessage(error) }, "kimi.json could not be written");
  }
}

function isRemembered(entries: readonly Record<string, unknown>[], path: string, sessionId: string | null): boolean {
  const entry = entries.find((item) => isLocal(item) && item.path === path);
  return entry !== undefined && (sessionId === null || entry.last_session_id === sessionId);
}

function isLocal(entry: Readonly<Record<string, unknown>>): boolean {
  return entry.kaos === undefined || entry.kaos === "local";
}

function readList(path: string) {
  const bytes = readIfThere(path);
  const found = bytes === null ? {} : parseObject(bytes.toString("utf8"));
  const { work_dirs, ...rest } = found ?? {};
  const entries = (Array.isArray(work_dirs) ? work_dirs : []).map((item) => asObject(item));
  return { entries: entries.filter((item) => item !== null), rest, damaged: found === null ? bytes : null };
}

function readIfThere(path: string): Buffer | null {
  try {
    return fs.readFileSync(path);
  } catch {
    return null;
  }
}

/** Takes a lock file, or goes on without it when its holder neither lets go nor grows old. */
function lockFile(ops: FileOperations, path: string): () => void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
    try {
      ops.close(ops.open(path, "wx", FILE_MODE));
      return () => quietly(() => ops.unlink(path));
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw storageError(error, WHAT);
    }
    const age = Date.now() - (fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > STALE_LOCK_MS) quietly(() => ops.unlink(path));
    else Atomics.wait(sleeper, 0, 0, LOCK_PAUSE_MS);
  }
  return () => {};
}
