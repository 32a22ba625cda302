/** What a file is to someone who wants to run it. */
import { accessSync, closeSync, constants, openSync, readdirSync, readSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";

const JAVASCRIPT = /\.[mc]?js$/i;

/** Whether Node runs the file, by its name. */
export function isJavaScript(file: string): boolean {
  return JAVASCRIPT.test(file);
}

/** null when the file can be run (a JavaScript file: read), else the system's word: ENOENT, EISDIR, EACCES, ... */
export function whyNotRunnable(file: string): string | null {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return "EISDIR";
    if (!stat.isFile()) return "EACCES";
    accessSync(file, isJavaScript(file) ? constants.R_OK : constants.X_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "ENOENT";
  }
}

/**
 * The absolute path of a program in the folders of PATH, or null. Folders that are not absolute are passed over: what
 * lies in a work dir must not be run because of its name. So are files that are not executable.
 */
export function findOnPath(name: string, env: Readonly<Record<string, string | undefined>>): string | null {
  const windows = process.platform === "win32";
  const folders = (env.PATH ?? env.Path ?? "").split(windows ? ";" : ":").filter((folder) => isAbsolute(folder));
  const names = windows ? [`${name}.exe`, `${name}.cmd`] : [name];
  for (const folder of folders) {
    for (const candidate of names) {
      const file = join(folder, candidate);
      if (whyNotRunnable(file) === null) return file;
    }
  }
  return null;
}

/** ELF's `e_machine` by Node's names. */
const MACHINES: Readonly<Record<string, number>> = {
  ia32: 3,
  ppc64: 21,
  s390x: 22,
  arm: 40,
  x64: 62,
  arm64: 183,
  riscv64: 243,
  loong64: 258,
};
const ELF = 0x7f454c46;
const HEADER_BYTES = 20;

/**
 * Whether the file is a Linux program of another architecture. It has to be asked beforehand: the system hands what it
 * cannot execute to `sh`, which makes nonsense of it. False for everything that cannot be read or judged.
 */
export function isForeignProgram(file: string, arch: string = process.arch): boolean {
  const own = MACHINES[arch];
  if (process.platform !== "linux" || own === undefined) return false;
  const header = readHeader(file);
  if (header === null || header.readUInt32BE(0) !== ELF) return false;
  const machine = header[5] === 2 ? header.readUInt16BE(18) : header.readUInt16LE(18);
  const runs32 = (arch === "x64" && machine === MACHINES.ia32) || (arch === "arm64" && machine === MACHINES.arm);
  return machine !== own && !runs32 && !hasEmulator();
}

function readHeader(file: string): Buffer | null {
  let fd: number | null = null;
  try {
    if (!statSync(file).isFile()) return null;
    fd = openSync(file, "r");
    const header = Buffer.alloc(HEADER_BYTES);
    return readSync(fd, header, 0, HEADER_BYTES, 0) === HEADER_BYTES ? header : null;
  } catch {
    return null;
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

/** With binfmt_misc a machine may run programs of others. */
function hasEmulator(): boolean {
  try {
    return readdirSync("/proc/sys/fs/binfmt_misc").some((name) => name.startsWith("qemu-"));
  } catch {
    return false;
  }
}
