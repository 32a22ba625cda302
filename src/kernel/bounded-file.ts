/** Reads small text files that people write by hand. Nothing here can hang: only regular files, never more than asked. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

export interface BoundedText {
  text: string;
  /** True when the file goes on behind it. */
  cut: boolean;
}

/** Why a file could not be read, as the end of a sentence that begins with its name. */
export class FileReadError extends Error {
  readonly missing: boolean;

  constructor(reason: string, missing: boolean, cause?: unknown) {
    super(reason, { cause });
    this.name = "FileReadError";
    this.missing = missing;
  }
}

/** Gives at most `maxBytes` of the file as UTF-8 text, links followed, a BOM left out. Throws FileReadError. */
export function readBounded(path: string, maxBytes: number): BoundedText {
  let fd: number;
  try {
    // Without waiting: a FIFO that nobody writes would hold the kernel for ever.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw readError(error);
  }
  try {
    if (!fstatSync(fd).isFile()) throw new FileReadError("is not a file", false);
    const bytes = Buffer.allocUnsafe(maxBytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(fd, bytes, length, bytes.length - length, null);
    }
    return { text: decode(bytes.subarray(0, Math.min(length, maxBytes))), cut: length > maxBytes };
  } catch (error) {
    throw error instanceof FileReadError ? error : readError(error);
  } finally {
    closeSync(fd);
  }
}

/** The whole file. Throws FileReadError when it is larger than `maxBytes`. */
export function readWhole(path: string, maxBytes: number): string {
  const { text, cut } = readBounded(path, maxBytes);
  if (cut) throw new FileReadError(`is larger than ${maxBytes} bytes`, false);
  return text;
}

function decode(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return text.startsWith("\u{feff}") ? text.slice(1) : text;
}

function readError(error: unknown): FileReadError {
  const code = String((error as NodeJS.ErrnoException).code);
  if (code === "ENOENT" || code === "ENOTDIR") return new FileReadError("does not exist", true, error);
  if (code === "ELOOP") return new FileReadError("is a link that leads back to itself", false, error);
  if (code === "EISDIR") return new FileReadError("is not a file", false, error);
  return new FileReadError(`cannot be read (${code})`, false, error);
}
