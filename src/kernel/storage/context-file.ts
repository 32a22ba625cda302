/** Replaces context.jsonl while the old one stays as context_<n>.jsonl. There is never an instant without the file. */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { quietly, writeNewFile } from "./checked-write.js";
import type { FileOperations } from "./file-operations.js";
import { errnoOf, storageError } from "./storage-error.js";

const ROTATED = /^context_([1-9]\d{0,8})\.jsonl$/;
const WHAT = "the session context";

/** Number of the newest rotated context file in a session folder; 0 when there is none. */
export function contextGeneration(dir: string): number {
  let newest = 0;
  for (const name of readNames(dir)) {
    const match = ROTATED.exec(name);
    if (match !== null) newest = Math.max(newest, Number(match[1]));
  }
  return newest;
}

/** Path of a rotated context file. */
export function rotatedContextPath(contextPath: string, generation: number): string {
  return join(dirname(contextPath), `context_${generation}.jsonl`);
}

/**
 * Makes `text` the content of context.jsonl and gives the generation that the old content got, or the newest one when
 * there was no old file. May be repeated after a failure at any point. Throws KernelError.
 */
export function rotateContextFile(ops: FileOperations, contextPath: string, text: string): number {
  const dir = dirname(contextPath);
  const fresh = `${contextPath}.new`;
  writeNewFile(ops, fresh, Buffer.from(text, "utf8"), WHAT);
  try {
    const generation = keepOld(ops, contextPath, contextGeneration(dir));
    ops.rename(fresh, contextPath);
    ops.fsyncDir(dir);
    return generation;
  } catch (error) {
    quietly(() => ops.unlink(fresh));
    throw storageError(error, WHAT);
  }
}

/** True when both names are the same file: the state between the link and the rename of a rotation. */
export function sameFile(left: string, right: string): boolean {
  const a = fs.statSync(left, { throwIfNoEntry: false });
  const b = fs.statSync(right, { throwIfNoEntry: false });
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

function keepOld(ops: FileOperations, contextPath: string, newest: number): number {
  if (!fs.existsSync(contextPath)) return newest;
  if (newest > 0 && sameFile(contextPath, rotatedContextPath(contextPath, newest))) return newest;
  for (let generation = newest + 1; ; generation += 1) {
    try {
      ops.link(contextPath, rotatedContextPath(contextPath, generation));
      return generation;
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
  }
}

function readNames(dir: string): string[] {
  try {
    return fs.readdirSync(dir);
  } catch {
    return [];
  }
}
