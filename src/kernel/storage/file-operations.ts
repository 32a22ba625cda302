/**
 * The file calls that storage is built on, in one value, so that a test can record their order or fail the n-th one.
 * Only what the writers need; readers use node:fs directly.
 */
import * as fs from "node:fs";
import { makeFolder } from "../make-folder.js";

export interface FileOperations {
  open(path: string, flags: string | number, mode?: number): number;
  /** Returns the bytes written: a full disk shows as a short count without an error. */
  write(fd: number, bytes: Uint8Array): number;
  fsync(fd: number): void;
  ftruncate(fd: number, length: number): void;
  close(fd: number): void;
  rename(from: string, to: string): void;
  link(from: string, to: string): void;
  unlink(path: string): void;
  mkdir(path: string): void;
  /** fsync of a folder, after create and rename. */
  fsyncDir(path: string): void;
}

export const nodeFileOperations: FileOperations = {
  open: (path, flags, mode) => fs.openSync(path, flags, mode),
  write: (fd, bytes) => fs.writeSync(fd, bytes),
  fsync: (fd) => fs.fsyncSync(fd),
  ftruncate: (fd, length) => fs.ftruncateSync(fd, length),
  close: (fd) => fs.closeSync(fd),
  rename: (from, to) => fs.renameSync(from, to),
  link: (from, to) => fs.linkSync(from, to),
  unlink: (path) => fs.unlinkSync(path),
  mkdir: makeFolder,
  fsyncDir: (path) => {
    const fd = fs.openSync(path, "r");
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  },
};
