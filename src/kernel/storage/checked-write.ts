/** Writes that are either whole or undone. */
import { KernelError } from "../errors.js";
import type { FileOperations } from "./file-operations.js";
import { FILE_MODE } from "./share-folder.js";
import { fullDisk, storageError } from "./storage-error.js";

/**
 * Appends bytes to a file that is `length` bytes long. A short write or an error cuts the file back to that length and
 * throws KernelError `storage_full` or `storage_failed`; `data.torn` is true when even the cut failed.
 */
export function writeWhole(ops: FileOperations, fd: number, bytes: Uint8Array, length: number, what: string): void {
  let failure: KernelError;
  try {
    if (ops.write(fd, bytes) === bytes.length) return;
    failure = fullDisk(what);
  } catch (error) {
    failure = storageError(error, what);
  }
  try {
    ops.ftruncate(fd, length);
  } catch (error) {
    failure = new KernelError(failure.code, failure.message, { cause: error, data: { torn: true } });
  }
  throw failure;
}

/** Writes a new file and fsyncs it. The path must not exist or may be replaced. A failure leaves no file behind. */
export function writeNewFile(ops: FileOperations, path: string, bytes: Uint8Array, what: string): void {
  let fd: number | null = null;
  try {
    fd = ops.open(path, "w", FILE_MODE);
    writeWhole(ops, fd, bytes, 0, what);
    ops.fsync(fd);
    ops.close(fd);
    fd = null;
  } catch (error) {
    if (fd !== null) quietly(() => ops.close(fd as number));
    quietly(() => ops.unlink(path));
    throw storageError(error, what);
  }
}

/** Replaces a file so that a reader sees the old or the new content, never a part. `temporary` lies in the same folder. */
export function replaceFile(
  ops: FileOperations,
  file: { path: string; temporary: string; folder: string },
  bytes: Uint8Array,
  what: string,
): void {
  writeNewFile(ops, file.temporary, bytes, what);
  try {
    ops.rename(file.temporary, file.path);
    ops.fsyncDir(file.folder);
  } catch (error) {
    quietly(() => ops.unlink(file.temporary));
    throw storageError(error, what);
  }
}

/** Runs a step of cleaning up whose failure changes nothing. */
export function quietly(step: () => void): void {
  try {
    step();
  } catch {
    // The failure that led here is the one to report.
  }
}
