import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { delimiter, resolve } from "node:path";

/** A file that a grant relies on, bound to what it was: replaced or changed, it is another file. */
export interface FileIdentity {
  /** Absolute, links resolved. */
  path: string;
  /** Inode, size and times; ctime cannot be set back. */
  identity: string;
}

/** The program that bash would run for a name in a folder; null when there is none. Never rejects. */
export type FindProgram = (name: string, cwd: string) => Promise<FileIdentity | null>;

/** A lookup along the value of PATH that tool processes get. An empty or relative entry counts from the folder. */
export function createProgramLookup(pathVariable: string): FindProgram {
  const folders = pathVariable.split(delimiter);
  return async (name, cwd) => {
    if (name.includes("/")) return executable(resolve(cwd, name));
    for (const folder of folders) {
      const found = await executable(resolve(cwd, folder, name));
      if (found !== null) return found;
    }
    return null;
  };
}

async function executable(path: string): Promise<FileIdentity | null> {
  try {
    await access(path, constants.X_OK);
  } catch {
    return null;
  }
  return identifyFile(path);
}

/** Who a regular file is right now; null when it is none or cannot be read. Never rejects. */
export async function identifyFile(path: string): Promise<FileIdentity | null> {
  try {
    const real = await realpath(path);
    const found = await stat(real);
    if (!found.isFile()) return null;
    return { path: real, identity: `${found.ino}-${found.size}-${found.mtimeMs}-${found.ctimeMs}` };
  } catch {
    return null;
  }
}
