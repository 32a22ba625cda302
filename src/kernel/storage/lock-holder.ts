/** Who holds a lock, and whether that one is provably gone. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { parseObject } from "./line-json.js";

export interface LockHolder {
  host: string;
  /** Id of the machine, "" when it has none: two hosts can bear one name. */
  machine: string;
  /** Id of the boot, "" where the system has none. */
  boot: string;
  pid_namespace: string;
  pid: number;
  /** The thread that runs the kernel; equal to pid for a main thread and where threads are not known. */
  thread: number;
  /** When that thread started, in the system's own words; "" when unknown. */
  start_time: string;
  /** One kernel in a process that may hold several. */
  instance: string;
  epoch: number;
  /** The holder has let go; the file stays to keep the epoch. */
  released: boolean;
}

/** `unknown`: the holder cannot be judged from here and must be taken for living. */
export type HolderFate = "alive" | "gone" | "unknown";

/** The calling thread as a holder. Reads /proc, or asks `ps` on systems without it. Never throws. */
export function describeSelf(instance: string): Omit<LockHolder, "epoch" | "released"> {
  // /proc/thread-self is "<pid>/task/<thread>" as seen by the thread that reads it.
  const own = /^(\d+)\/task\/(\d+)$/.exec(readLink("/proc/thread-self"));
  const pid = own === null ? process.pid : Number(own[1]);
  const thread = own === null ? pid : Number(own[2]);
  return {
    host: hostname(),
    machine: readText("/etc/machine-id"),
    boot: readText("/proc/sys/kernel/random/boot_id"),
    pid_namespace: readLink("/proc/self/ns/pid"),
    pid,
    thread,
    start_time: threadStart(pid, thread) ?? "",
    instance,
  };
}

/** The holder that a lock file's text names, null when it names none. */
export function parseHolder(text: string): LockHolder | null {
  const fields = parseObject(text);
  if (fields === null || typeof fields.pid !== "number" || typeof fields.epoch !== "number") return null;
  const word = (value: unknown) => (typeof value === "string" ? value : "");
  return {
    host: word(fields.host),
    machine: word(fields.machine),
    boot: word(fields.boot),
    pid_namespace: word(fields.pid_namespace),
    pid: fields.pid,
    thread: typeof fields.thread === "number" ? fields.thread : fields.pid,
    start_time: word(fields.start_time),
    instance: word(fields.instance),
    epoch: fields.epoch,
    released: fields.released === true,
  };
}

/** Judges a holder from the place of another one. Never throws. */
export function judgeHolder(
  holder: LockHolder,
  self: Pick<LockHolder, "host" | "machine" | "boot" | "pid_namespace">,
): HolderFate {
  if (holder.released) return "gone";
  if (holder.host !== self.host || holder.machine !== self.machine) return "unknown";
  if (holder.boot !== self.boot) {
    // Without a machine id this may be another machine of the same name.
    return self.machine === "" ? "unknown" : "gone";
  }
  if (holder.pid_namespace !== self.pid_namespace) return "unknown";
  const seen = processState(holder.pid);
  if (seen === "absent") return "gone";
  const start = threadStart(holder.pid, holder.thread);
  // Another user's process may be hidden in /proc, so that nothing there proves nothing.
  if (start === null) return seen === "ours" && hasProc() ? "gone" : "unknown";
  return start === holder.start_time || holder.start_time === "" ? "alive" : "gone";
}

function processState(pid: number): "absent" | "ours" | "foreign" {
  try {
    process.kill(pid, 0);
    return "ours";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH" ? "absent" : "foreign";
  }
}

function hasProc(): boolean {
  return fs.existsSync("/proc/self/stat");
}

/** Null when there is no such thread, or it is dead and only waits for its parent. */
function threadStart(pid: number, thread: number): string | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1");
    // The name in brackets may hold anything; the fields behind it are plain. 0 is the state, 19 the start time.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : (fields[19] ?? null);
  } catch {
    return hasProc() ? null : psStart(pid);
  }
}

function psStart(pid: number): string | null {
  try {
    const argv = ["-o", "lstart=", "-p", String(pid)];
    const text = execFileSync("ps", argv, { encoding: "utf8", timeout: 1000, stdio: ["ignore", "pipe", "ignore"] });
    return text.trim() || null;
  } catch {
    return null;
  }
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function readLink(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch {
    return "";
  }
}
