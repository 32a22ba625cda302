/** What a failed file call means for a session, in one plain sentence. */
import { errorMessage, KernelError } from "../errors.js";

const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** The errno name of a thrown file error, null for anything else. */
export function errnoOf(error: unknown): string | null {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" ? code : null;
}

/**
 * Turns a thrown file error into KernelError `storage_full` or `storage_failed`; a KernelError passes unchanged.
 * `what` names the thing that could not be written.
 */
export function storageError(error: unknown, what: string): KernelError {
  if (error instanceof KernelError) return error;
  const errno = errnoOf(error);
  if (errno !== null && FULL.has(errno)) return fullDisk(what, error);
  return new KernelError("storage_failed", `Cannot write ${what}: ${reason(errno, error)}.`, {
    cause: error,
    data: { errno },
  });
}

/** The same for a file that cannot be read. */
export function readError(error: unknown, what: string): KernelError {
  if (error instanceof KernelError) return error;
  const errno = errnoOf(error);
  const options = { cause: error, data: { errno } };
  return new KernelError("storage_failed", `Cannot read ${what}: ${reason(errno, error)}.`, options);
}

/** The error of a write that a full disk cut short. */
export function fullDisk(what: string, cause?: unknown): KernelError {
  return new KernelError("storage_full", `Cannot write ${what}: the disk is full.`, { cause });
}

function reason(errno: string | null, error: unknown): string {
  switch (errno) {
    case "EROFS":
      return "the file system is read-only";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "ENAMETOOLONG":
      return "the path is too long";
    case "EIO":
      return "the disk reports an error";
    default:
      return errorMessage(error);
  }
}

/** The error of every write to a session that was left with its turn open. `parked` tells it from a turn that was ended. */
export function parkedError(): KernelError {
  return new KernelError("kernel_stopped", "The kernel has left the session; its turn waits to be resumed.", {
    data: { parked: true },
  });
}
