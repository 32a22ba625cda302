/** Opens files for reading so that nothing can hang, redirect or surprise: only regular files, no links, no waiting. */

import type { FileHandle } from "node:fs/promises";
import { constants, open, stat } from "node:fs/promises";
import { isOpenedAt } from "./opened-path.js";

type FileProblem = "missing" | "not_file" | "moved" | "denied" | "too_large";

/** Why a file was not opened or read; tools put their own sentence around the code. */
export class FileProblemError extends Error {
  readonly code: FileProblem;

  constructor(code: FileProblem, path: string, cause?: unknown) {
    super(`${code}: ${path}`, { cause });
    this.name = "FileProblemError";
    this.code = code;
  }
}

/** Gives the size of the regular file at `real`, in bytes. Throws FileProblemError missing, not_file or denied. */
export async function regularFileSize(real: string): Promise<number> {
  try {
    const found = await stat(real);
    if (!found.isFile()) throw new FileProblemError("not_file", real);
    return found.size;
  } catch (error) {
    throw asProblem(error, real);
  }
}

/**
 * Opens the regular file at `real`, a path without links, for reading; the caller closes it. Throws FileProblemError:
 * missing, not_file (folder, FIFO, device, socket), denied, or moved when the path leads elsewhere by now.
 */
export async function openRegularFile(real: string): Promise<FileHandle> {
  await regularFileSize(real);
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  let handle: FileHandle;
  try {
    handle = await open(real, flags);
  } catch (error) {
    throw asProblem(error, real);
  }
  try {
    if (!(await handle.stat()).isFile()) throw new FileProblemError("not_file", real);
    if (!(await isOpenedAt(handle, real))) throw new FileProblemError("moved", real);
    return handle;
  } catch (error) {
    await handle.close();
    throw asProblem(error, real);
  }
}

function asProblem(error: unknown, real: string): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ENAMETOOLONG":
      return new FileProblemError("missing", real, error);
    case "EACCES":
    case "EPERM":
      return new FileProblemError("denied", real, error);
    case "ELOOP":
      return new FileProblemError("moved", real, error);
    case "EISDIR":
    case "ENXIO":
      return new FileProblemError("not_file", real, error);
    default:
      return error;
  }
}
