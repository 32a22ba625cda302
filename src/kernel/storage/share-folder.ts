/** Where things lie in the share folder. Pure path rules: nothing here touches the disk. */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { KernelError } from "../errors.js";

/** Mode of every file that the kernel creates in the share folder; folders are 0700. */
export const FILE_MODE = 0o600;

/** The longest session id in UTF-8 bytes: a file name holds 255, and suffixes are added to it. */
const MAX_ID_BYTES = 200;

export interface SessionPaths {
  readonly shareDir: string;
  readonly sessionId: string;
  /** Folder of all sessions of the work dir. */
  readonly workDirSessions: string;
  readonly dir: string;
  readonly wire: string;
  readonly context: string;
  /** Context file of old kernels, beside the session folders. */
  readonly legacyContext: string;
  readonly state: string;
  readonly legacyMetadata: string;
  readonly journal: string;
  /** Bytes kept back on the disk so that the end of a turn can be written when it is full. */
  readonly reserve: string;
  readonly lock: string;
  /** Prefix of the claim files beside the lock. Session ids never begin with a dot, so the names cannot meet. */
  readonly claims: string;
  readonly recovered: string;
}

/** The list of work dirs that clients read. */
export function workDirsFile(shareDir: string): string {
  return join(shareDir, "kimi.json");
}

/** Folder for bytes that were cut from damaged files. */
export function recoveredFolder(shareDir: string): string {
  return join(shareDir, "recovered");
}

/** Folder of the sessions of one work dir: the md5 of its path, which is absolute and without a trailing slash. */
export function workDirSessionsFolder(shareDir: string, workDir: string): string {
  const hash = createHash("md5").update(resolve(workDir), "utf8").digest("hex");
  return join(shareDir, "sessions", hash);
}

/** Gives the id back when it can be a file name by itself. Throws KernelError `usage` otherwise. */
export function checkSessionId(id: string): string {
  const reason = badSessionId(id);
  if (reason !== null) throw new KernelError("usage", `Invalid session ID: ${reason}.`);
  return id;
}

/** All paths of one session. Throws KernelError `usage` for an id that is no plain file name. */
export function sessionPaths(shareDir: string, workDir: string, sessionId: string): SessionPaths {
  const id = checkSessionId(sessionId);
  const workDirSessions = workDirSessionsFolder(shareDir, workDir);
  const dir = join(workDirSessions, id);
  return {
    shareDir,
    sessionId: id,
    workDirSessions,
    dir,
    wire: join(dir, "wire.jsonl"),
    context: join(dir, "context.jsonl"),
    legacyContext: join(workDirSessions, `${id}.jsonl`),
    state: join(dir, "state.json"),
    legacyMetadata: join(dir, "metadata.json"),
    journal: join(shareDir, "journal", `${id}.jsonl`),
    reserve: join(shareDir, "journal", `${id}.reserve`),
    lock: join(shareDir, "locks", id),
    claims: join(shareDir, "locks", ".claims", id),
    recovered: recoveredFolder(shareDir),
  };
}

function badSessionId(id: string): string | null {
  if (id === "") return "it is empty";
  if (id.startsWith(".")) return "it begins with a dot";
  if (/[/\\]/.test(id)) return "it holds a path separator";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is refused here
  if (/[\u0000-\u001f\u007f]/.test(id)) return "it holds a control character";
  if (Buffer.byteLength(id) > MAX_ID_BYTES) return `it is longer than ${MAX_ID_BYTES} bytes`;
  return null;
}
