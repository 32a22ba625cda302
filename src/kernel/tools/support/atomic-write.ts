/**
 * Replaces a file as a whole or not at all, and only if it still is what was approved. The new content goes to a
 * temporary file in the same folder, is synced and then renamed over the target, so a crash leaves the old file or
 * the new one. A hard link is cut by this on purpose: the other name keeps the old content, so that an edit in the
 * workspace cannot change a file outside of it.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, linkSync, lstatSync, openSync, readFileSync, renameSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { access, constants, lstat, open, unlink } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { sha256 } from "./file-state.js";
import { FileProblemError } from "./open-file.js";
import { type PinnedFolder, pinFolder } from "./pinned-folder.js";
import { visibleText } from "./visible-text.js";

/** What link() fails with on file systems without hard links. */
const NO_HARD_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Writes at `position` and gives the bytes written, which may be fewer; a test replaces it by a full disk. */
type WriteCall = (handle: FileHandle, bytes: Uint8Array, position: number) => Promise<number>;

export interface AtomicWrite {
  /** Absolute and without links: a link stays a link when its target is given. */
  path: string;
  bytes: Uint8Array;
  /** sha256 of the content that may be replaced; null when the file must not exist. */
  expected: string | null;
  signal?: AbortSignal;
  write?: WriteCall;
}

type AtomicWriteCode = "changed" | "denied" | "disk_full" | "failed";

/** Nothing was written, and the message says why in one sentence. */
export class AtomicWriteError extends Error {
  readonly code: AtomicWriteCode;

  constructor(code: AtomicWriteCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "AtomicWriteError";
    this.code = code;
  }
}

/**
 * Writes the file and syncs it and its folder. Mode bits and, where allowed, the owner are kept; a new file gets
 * 0666 without the umask. Throws AtomicWriteError, after which the target is untouched and the temporary file is
 * gone; throws the signal's reason when aborted before the rename.
 */
export async function atomicWrite(request: AtomicWrite): Promise<void> {
  let folder: PinnedFolder | null = null;
  let temporary: string | null = null;
  try {
    folder = await pinFolder(dirname(request.path));
    const target = folder.entry(basename(request.path));
    const old = await lstat(target).catch(nullWhenMissing);
    if ((old === null) !== (request.expected === null) || (old !== null && !old.isFile())) throw changed(request.path);
    // The rename needs no right to write the file itself, so a read-only file is refused here, for root as well.
    if (old !== null) {
      if ((old.mode & 0o222) === 0) throw Object.assign(new Error("read-only"), { code: "EACCES" });
      await access(target, constants.W_OK);
    }

    temporary = folder.entry(`.kernel-${randomBytes(8).toString("hex")}.tmp`);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
    const handle = await open(temporary, flags, old === null ? 0o666 : 0o600).catch((error) => {
      temporary = null;
      throw error;
    });
    try {
      await writeAll(handle, request);
      if (old !== null) {
        // An owner that cannot be kept is no reason to refuse the edit, but then no set-id bit may stay.
        const owned = await handle.chown(old.uid, old.gid).then(
          () => true,
          () => false,
        );
        await handle.chmod(old.mode & (owned ? 0o7777 : 0o777));
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (!(await folder.inPlace())) throw changed(request.path);
    request.signal?.throwIfAborted();
    moveIntoPlace(temporary, target, request, old?.size ?? 0);
    await unlink(temporary).catch(() => {});
    temporary = null;
    await folder.sync();
  } catch (error) {
    if (temporary !== null) await unlink(temporary).catch(() => {});
    if (request.signal?.aborted) throw request.signal.reason;
    throw asWriteError(error, request.path);
  } finally {
    await folder?.close();
  }
}

/**
 * Checks and moves in one tick, so that two edits in this process cannot both pass the check. The temporary name may
 * be left over.
 */
function moveIntoPlace(temporary: string, target: string, request: AtomicWrite, oldSize: number): void {
  if (request.expected !== null) {
    if (hashNow(target, oldSize) !== request.expected) throw changed(request.path);
    renameSync(temporary, target);
    return;
  }
  try {
    // Unlike a rename, a link never replaces what came into being in the meantime.
    linkSync(temporary, target);
  } catch (error) {
    if (!NO_HARD_LINKS.has(codeOf(error) ?? "")) throw error;
    if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) throw changed(request.path);
    renameSync(temporary, target);
  }
}

/** sha256 of a regular file of exactly this size, else null. Never follows a link, never waits on a FIFO. */
function hashNow(path: string, size: number): string | null {
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  try {
    const found = fstatSync(fd);
    return found.isFile() && found.size === size ? sha256(readFileSync(fd)) : null;
  } finally {
    closeSync(fd);
  }
}

async function writeAll(handle: FileHandle, { bytes, signal, write = writeAt }: AtomicWrite): Promise<void> {
  let position = 0;
  while (position < bytes.length) {
    signal?.throwIfAborted();
    const written = await write(handle, bytes.subarray(position), position);
    if (written <= 0) throw Object.assign(new Error("nothing was written"), { code: "ENOSPC" });
    position += written;
  }
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  return (await handle.write(bytes, 0, bytes.length, position)).bytesWritten;
}

function changed(path: string): AtomicWriteError {
  return new AtomicWriteError(
    "changed",
    `\`${visibleText(path)}\` was changed by something else after this edit was prepared. Nothing was written. Read the file again before you edit it.`,
  );
}

function asWriteError(error: unknown, path: string): unknown {
  if (error instanceof AtomicWriteError) return error;
  if (error instanceof FileProblemError) return changed(path);
  const shown = visibleText(path);
  const code = codeOf(error);
  switch (code) {
    case "EEXIST":
    case "ENOENT":
    case "ENOTDIR":
    case "ELOOP":
      return changed(path);
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new AtomicWriteError("denied", `\`${shown}\` cannot be written: permission denied.`, error);
    case "ENOSPC":
    case "EDQUOT":
      return new AtomicWriteError("disk_full", `\`${shown}\` was not written: no space left on the device.`, error);
    default:
      return new AtomicWriteError("failed", `\`${shown}\` was not written: ${code ?? "unknown error"}.`, error);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}

function nullWhenMissing(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT") return null;
  throw error;
}
