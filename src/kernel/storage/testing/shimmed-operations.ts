/** File operations that are recorded or made to fail, over the real ones. For tests. */
import * as fs from "node:fs";
import { basename } from "node:path";
import { type FileOperations, nodeFileOperations } from "../file-operations.js";

export type OperationName = keyof FileOperations;

export interface Operation {
  readonly name: OperationName;
  /** Base name of the file that is meant; of the target for rename and link. */
  readonly file: string;
}

/** What happens instead of an operation: an errno, or a write of half the bytes. */
export type Fault = { errno: string } | "short";

/**
 * Passes every call on; `decide` sees it first, with its number from 1, and may make it fail. With `realSync` false
 * an fsync does nothing, for tests that run a session hundreds of times and never lose power.
 */
export function shimmedOperations(
  decide: (operation: Operation, number: number) => Fault | null,
  log: Operation[] = [],
  realSync = true,
): FileOperations {
  const names = new Map<number, string>();
  let number = 0;
  const enter = (name: OperationName, path: string): Fault | null => {
    number += 1;
    const operation = { name, file: basename(path) };
    log.push(operation);
    const fault = decide(operation, number);
    if (fault !== null && fault !== "short") throw errnoError(fault.errno, name, path);
    return fault;
  };
  const nameOf = (fd: number) => names.get(fd) ?? "?";
  return {
    open: (path, flags, mode) => {
      enter("open", path);
      const fd = nodeFileOperations.open(path, flags, mode);
      names.set(fd, path);
      return fd;
    },
    write: (fd, bytes) => {
      const short = enter("write", nameOf(fd)) === "short";
      return nodeFileOperations.write(fd, short ? bytes.subarray(0, Math.floor(bytes.length / 2)) : bytes);
    },
    fsync: (fd) => {
      enter("fsync", nameOf(fd));
      if (realSync) nodeFileOperations.fsync(fd);
    },
    ftruncate: (fd, length) => {
      enter("ftruncate", nameOf(fd));
      nodeFileOperations.ftruncate(fd, length);
    },
    close: (fd) => {
      enter("close", nameOf(fd));
      names.delete(fd);
      nodeFileOperations.close(fd);
    },
    rename: (from, to) => {
      enter("rename", to);
      nodeFileOperations.rename(from, to);
    },
    link: (from, to) => {
      enter("link", to);
      nodeFileOperations.link(from, to);
    },
    unlink: (path) => {
      enter("unlink", path);
      nodeFileOperations.unlink(path);
    },
    mkdir: (path) => {
      enter("mkdir", path);
      nodeFileOperations.mkdir(path);
    },
    fsyncDir: (path) => {
      enter("fsyncDir", path);
      if (realSync) nodeFileOperations.fsyncDir(path);
    },
  };
}

/** An error as node:fs throws it. */
export function errnoError(errno: string, name: string, path: string): Error {
  return Object.assign(new Error(`${errno}: ${name} '${path}'`), { code: errno });
}

/** Bytes of a file, or "" when it is missing. */
export function textOf(path: string): string {
  return fs.existsSync(path) ? fs.readFileSync(path, "utf8") : "";
}
