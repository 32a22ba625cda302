/**
 * The writer of one journal. Every record goes down whole or not at all; a disk that cannot be trusted after a failed
 * fsync ends all writing.
 */
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { KernelError } from "../errors.js";
import { quietly, writeNewFile, writeWhole } from "./checked-write.js";
import { encodeRecord } from "./crc-line.js";
import { fileSize } from "./file-lines.js";
import type { FileOperations } from "./file-operations.js";
import { headerBody, type JournalHeader } from "./journal-header.js";
import type { JournalContent } from "./journal-reader.js";
import { FILE_MODE } from "./share-folder.js";
import { storageError } from "./storage-error.js";

/** Bytes kept back; enough for the end of a turn with its results. */
const RESERVE_BYTES = 64 * 1024;
const WHAT = "the session journal";

export interface JournalPlace {
  readonly path: string;
  readonly reserve: string;
}

export class Journal {
  readonly #ops: FileOperations;
  readonly #place: JournalPlace;
  #fd: number | null = null;
  #length = 0;
  #lastSeq = 0;
  /** A cut whose rename is not on the disk yet. Before the next fsync nobody relies on what the new file holds. */
  #renamed = false;
  /** False when the disk has everything that the file holds. */
  #unsynced = true;
  /** The file before a cut. Freeing its blocks takes longer than making the new one, so it waits for a better moment. */
  #replacedFd: number | null = null;
  #unsafe: KernelError | null = null;

  private constructor(ops: FileOperations, place: JournalPlace) {
    this.#ops = ops;
    this.#place = place;
  }

  /**
   * Opens the journal for writing and cuts a torn tail. A journal that is absent, or damaged elsewhere, is replaced by
   * one with just this header; the caller has kept a copy. Throws KernelError `storage_full` or `storage_failed`.
   */
  static open(ops: FileOperations, place: JournalPlace, content: JournalContent, header: JournalHeader): Journal {
    const journal = new Journal(ops, place);
    journal.#lastSeq = content.lastSeq;
    try {
      if (content.status === "absent" || content.damaged) {
        ops.mkdir(dirname(place.path));
        journal.cut(header);
      } else {
        journal.#openFile(content.goodLength);
        if (content.size > content.goodLength) ops.ftruncate(journal.#openFd(), content.goodLength);
      }
    } catch (error) {
      journal.close();
      throw storageError(error, WHAT);
    }
    return journal;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /**
   * Appends records in one write, and fsyncs them when told to. Gives the seq of the first. `last` spends the bytes
   * kept back when the disk is full. Throws KernelError; the records are then not part of the journal.
   */
  append(bodies: readonly string[], options: { sync: boolean; last?: boolean }): number {
    const fd = this.#openFd();
    const first = this.#lastSeq + 1;
    let text = "";
    let seq = this.#lastSeq;
    for (const body of bodies) {
      seq += 1;
      text += encodeRecord(seq, body);
    }
    const bytes = Buffer.from(text, "utf8");
    this.#unsynced = true;
    this.#write(fd, bytes, options.last === true);
    this.#length += bytes.length;
    this.#lastSeq = seq;
    if (options.sync) this.sync();
    return first;
  }

  /** Makes everything appended so far safe against power loss. A failure is final: what the disk holds is unknown. */
  sync(): void {
    const fd = this.#openFd();
    if (!this.#unsynced && !this.#renamed) return;
    try {
      if (this.#renamed) this.#ops.fsyncDir(dirname(this.#place.path));
      this.#renamed = false;
      this.#ops.fsync(fd);
      this.#unsynced = false;
    } catch (error) {
      this.#unsafe = storageError(error, WHAT);
      if (this.#unsafe.code !== "storage_failed") {
        this.#unsafe = new KernelError("storage_failed", this.#unsafe.message, { cause: error });
      }
      throw this.#unsafe;
    }
    this.#freeReplaced();
  }

  /**
   * Replaces the journal by one with just this header, atomically. On failure the old one stays in use. Power loss
   * before the next fsync may bring the old one back, whole: nothing that took effect is in the new one before that.
   */
  cut(header: JournalHeader): void {
    if (this.#unsafe !== null) throw this.#unsafe;
    const ops = this.#ops;
    const fresh = `${this.#place.path}.new`;
    const bytes = Buffer.from(encodeRecord(this.#lastSeq, headerBody(header)), "utf8");
    writeNewFile(ops, fresh, bytes, WHAT);
    try {
      ops.rename(fresh, this.#place.path);
    } catch (error) {
      quietly(() => ops.unlink(fresh));
      throw storageError(error, WHAT);
    }
    // The old file has no name any more: from here on only the new one may be written.
    this.#freeReplaced();
    this.#replacedFd = this.#fd;
    this.#fd = null;
    try {
      this.#openFile(bytes.length);
      this.#renamed = true;
    } catch (error) {
      this.#unsafe = storageError(error, WHAT);
      throw this.#unsafe;
    }
  }

  /** Sees to it that the bytes for the end of a turn are kept back. Throws KernelError `storage_full`. */
  holdReserve(): void {
    if (fileSize(this.#place.reserve) === RESERVE_BYTES) return;
    // Random, because a file system that compresses would keep nothing back for zeros.
    writeNewFile(this.#ops, this.#place.reserve, randomBytes(RESERVE_BYTES), WHAT);
  }

  /** Gives the kept bytes back to the disk. */
  dropReserve(): void {
    quietly(() => this.#ops.unlink(this.#place.reserve));
  }

  close(): void {
    this.#freeReplaced();
    const fd = this.#fd;
    this.#fd = null;
    if (fd !== null) quietly(() => this.#ops.close(fd));
  }

  /** False when there was none. */
  #freeReplaced(): boolean {
    const fd = this.#replacedFd;
    this.#replacedFd = null;
    if (fd !== null) quietly(() => this.#ops.close(fd));
    return fd !== null;
  }

  /** A full disk gets back what is held for later, one thing after the other, before that is believed. */
  #write(fd: number, bytes: Uint8Array, last: boolean): void {
    try {
      writeWhole(this.#ops, fd, bytes, this.#length, WHAT);
    } catch (error) {
      if (this.#isTorn(error) || !(error instanceof KernelError) || error.code !== "storage_full") throw error;
      const freed = this.#freeReplaced();
      if (!freed && !last) throw error;
      if (!freed) this.dropReserve();
      this.#write(fd, bytes, freed && last);
    }
  }

  /** After a cut that failed half a record may lie at the end: nothing may follow it. */
  #isTorn(error: unknown): boolean {
    if (!(error instanceof KernelError) || error.data.torn !== true) return false;
    this.#unsafe = error;
    return true;
  }

  #openFile(length: number): void {
    this.#fd = this.#ops.open(this.#place.path, "a", FILE_MODE);
    this.#length = length;
  }

  #openFd(): number {
    if (this.#unsafe !== null) throw this.#unsafe;
    if (this.#fd === null) throw new KernelError("storage_failed", "The session journal is closed.");
    return this.#fd;
  }
}
