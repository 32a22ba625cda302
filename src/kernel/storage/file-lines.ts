/** Reads a file line by line on bytes, splitting at LF only. */
import * as fs from "node:fs";

const CHUNK = 1 << 20;

export interface FileLine {
  /** Without the LF. */
  readonly bytes: Buffer;
  /** Offset of the first byte in the file. */
  readonly start: number;
  /** False for a last line that no LF ends. */
  readonly ended: boolean;
}

/** Yields the lines between two offsets; a missing file has none. Throws other read errors. Closes the file itself. */
export function* fileLines(path: string, from = 0, to = Number.MAX_SAFE_INTEGER): Generator<FileLine, void, void> {
  const fd = openForReading(path);
  if (fd === null) return;
  try {
    let offset = from;
    let pieces: Buffer[] = [];
    let start = from;
    while (offset < to) {
      const space = Buffer.allocUnsafe(Math.min(CHUNK, to - offset));
      const read = fs.readSync(fd, space, 0, space.length, offset);
      if (read === 0) break;
      const chunk = space.subarray(0, read);
      let begin = 0;
      for (let lf = chunk.indexOf(10); lf !== -1; lf = chunk.indexOf(10, begin)) {
        pieces.push(chunk.subarray(begin, lf));
        yield { bytes: joined(pieces), start, ended: true };
        pieces = [];
        begin = lf + 1;
        start = offset + begin;
      }
      if (begin < read) pieces.push(chunk.subarray(begin));
      offset += read;
    }
    if (pieces.length > 0) yield { bytes: joined(pieces), start, ended: false };
  } finally {
    fs.closeSync(fd);
  }
}

/** Size in bytes; 0 for a missing file. Throws other errors. */
export function fileSize(path: string): number {
  try {
    return fs.statSync(path).size;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

/** What tells a file apart from what it was: a new one in its place, or one written to. null when that cannot be told. */
export function fileMark(path: string): string | null {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = fs.statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  } catch {
    return null;
  }
}

/** The bytes between two offsets, fewer when the file is shorter. */
export function readBytes(path: string, from: number, to: number): Buffer {
  const fd = openForReading(path);
  if (fd === null) return Buffer.alloc(0);
  try {
    const bytes = Buffer.alloc(Math.max(0, to - from));
    let done = 0;
    while (done < bytes.length) {
      const read = fs.readSync(fd, bytes, done, bytes.length - done, from + done);
      if (read === 0) break;
      done += read;
    }
    return bytes.subarray(0, done);
  } finally {
    fs.closeSync(fd);
  }
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
}

function openForReading(path: string): number | null {
  try {
    return fs.openSync(path, "r");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** No such file; a name that is too long cannot be one either. */
function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes((error as NodeJS.ErrnoException).code ?? "");
}
