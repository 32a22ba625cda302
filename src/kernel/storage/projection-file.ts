/** One of the two published files of a session: append only, with a known length. Created at the first append. */
import { dirname } from "node:path";
import type { KernelError } from "../errors.js";
import { quietly, writeWhole } from "./checked-write.js";
import type { FileOperations } from "./file-operations.js";
import { FILE_MODE } from "./share-folder.js";
import { storageError } from "./storage-error.js";

export class ProjectionFile {
  readonly #ops: FileOperations;
  readonly #path: string;
  readonly #what: string;
  #fd: number | null = null;
  #length: number;
  #created: boolean;
  #cutNeeded = false;
  #unsynced = false;
  #unsafe: KernelError | null = null;

  /** `length` is the size of the file on disk. Opens nothing. `what` names the file in errors. */
  constructor(ops: FileOperations, path: string, length: number, what: string) {
    this.#ops = ops;
    this.#path = path;
    this.#what = what;
    this.#length = length;
    this.#created = length > 0;
  }

  get length(): number {
    return this.#length;
  }

  /** Appends in one write; whole or not at all. Throws KernelError `storage_full` or `storage_failed`. */
  append(text: string): void {
    if (text === "") return;
    const bytes = Buffer.from(text, "utf8");
    try {
      const fd = this.#open();
      if (this.#cutNeeded) this.#ops.ftruncate(fd, this.#length);
      this.#cutNeeded = true;
      writeWhole(this.#ops, fd, bytes, this.#length, this.#what);
      this.#cutNeeded = false;
    } catch (error) {
      throw storageError(error, this.#what);
    }
    this.#length += bytes.length;
    this.#unsynced = true;
  }

  /** Cuts the file back to `length` bytes. Throws KernelError. */
  cut(length: number): void {
    try {
      this.#ops.ftruncate(this.#open(), length);
    } catch (error) {
      throw storageError(error, this.#what);
    }
    this.#length = length;
    this.#unsynced = true;
  }

  /** fsyncs what was appended, and the folder when the file is new. Throws KernelError `storage_failed`. */
  sync(): void {
    if (this.#unsafe !== null) throw this.#unsafe;
    if (!this.#unsynced || this.#fd === null) return;
    try {
      this.#ops.fsync(this.#fd);
      if (!this.#created) this.#ops.fsyncDir(dirname(this.#path));
    } catch (error) {
      // Asking again would report success for pages that were never written.
      this.#unsafe = storageError(error, this.#what);
      throw this.#unsafe;
    }
    this.#created = true;
    this.#unsynced = false;
  }

  /** The file under this name was replaced by one of `length` bytes, synced by whoever did it. */
  replaced(length: number): void {
    this.close();
    this.#length = length;
    this.#created = true;
    this.#cutNeeded = false;
    this.#unsynced = false;
  }

  close(): void {
    const fd = this.#fd;
    this.#fd = null;
    if (fd !== null) quietly(() => this.#ops.close(fd));
  }

  #open(): number {
    if (this.#unsafe !== null) throw this.#unsafe;
    this.#fd ??= this.#ops.open(this.#path, "a", FILE_MODE);
    return this.#fd;
  }
}
