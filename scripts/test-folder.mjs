/**
 * Gives the whole run of tests a folder in memory for what it writes. Its files are small and short-lived, and are synced
 * and removed by the ten thousand: on a disk that is a good part of the run. TMPDIR names another place.
 */
import { mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import path from "node:path";

const MEMORY = "/dev/shm";
/** What a run needs at most, with room to spare. */
const NEEDED_BYTES = 2 * 1024 ** 3;

/** For vitest, before the first worker: makes the folder and sets TMPDIR; it is removed when this process ends. */
export function setup() {
  if (process.env.TMPDIR !== undefined || !isFitting()) return;
  const folder = mkdtempSync(path.join(MEMORY, "kernel-"));
  process.env.TMPDIR = folder;
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
}

/** Tests run programs that they have written, which a container's own /dev/shm may forbid, or be too small for. */
function isFitting() {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    const mount = readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .findLast((line) => line.split(" ")[1] === MEMORY);
    const [, , type, flags = "noexec"] = mount?.split(" ") ?? [];
    return type === "tmpfs" && !flags.split(",").includes("noexec") && bavail * bsize >= NEEDED_BYTES;
  } catch {
    return false;
  }
}
