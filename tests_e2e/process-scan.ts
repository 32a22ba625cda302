/** What the operating system says about processes: leftovers by a mark in their environment, and memory. Linux only. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { KernelProcess } from "./kernel-process.js";

const POLL_MS = 20;

/** Polls until `check` is true; throws with `what` after `waitMs`. */
export async function until(what: string, check: () => boolean, waitMs = 10_000): Promise<void> {
  const deadline = Date.now() + waitMs;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`not within ${waitMs} ms: ${what}`);
    await delay(POLL_MS);
  }
}

/** Living processes whose environment holds `E2E_MARK=<mark>`, as "pid command line". Zombies do not count. */
export function processesWithMark(mark: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const environment = readProc(pid, "environ");
      if (!environment.split("\0").includes(`E2E_MARK=${mark}`)) return [];
      return [`${pid} ${readProc(pid, "cmdline").replaceAll("\0", " ")}`];
    });
}

/** The id of the one child of this process that has the word in its command line; throws when it is not one. */
export function childWithArgument(word: string): number {
  const isChild = (pid: string) => Number(/^\d+ \(.*\) \S (\d+) /s.exec(readProc(pid, "stat"))?.[1]) === process.pid;
  const found = readdirSync("/proc").filter(
    (name) => /^\d+$/.test(name) && isChild(name) && readProc(name, "cmdline").split("\0").includes(word),
  );
  if (found.length !== 1) throw new Error(`${found.length} child processes have ${word} in their command line`);
  return Number(found[0]);
}

/** True while the process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  const stat = readProc(String(pid), "stat");
  return stat !== "" && !/^\d+ \(.*\) [ZX] /s.test(stat);
}

/** Waits until no process with the mark lives. */
export async function untilNoneLeft(mark: string, waitMs = 3_000): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const left = processesWithMark(mark);
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new Error(`processes left after ${waitMs} ms:\n${left.join("\n")}`);
    await delay(POLL_MS);
  }
}

/** Memory of the kernel in MiB: `VmRSS` now, or `VmHWM`, the most it ever had. */
export function memoryMiB(kernel: KernelProcess, field: "VmRSS" | "VmHWM"): number {
  const status = readProc(String(kernel.child.pid), "status");
  const line = status.split("\n").find((text) => text.startsWith(`${field}:`));
  if (line === undefined) throw new Error(`no ${field} of process ${kernel.child.pid}`);
  return Number.parseInt(line.slice(field.length + 1), 10) / 1024;
}

/** Milliseconds of processor time that the kernel has used so far, in steps of ten: what else runs does not count. */
export function processorMs(kernel: KernelProcess): number {
  const fields = readProc(String(kernel.child.pid), "stat").split(") ").at(-1)?.split(" ") ?? [];
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isInteger(ticks)) throw new Error(`no processor time of process ${kernel.child.pid}`);
  return ticks * 10;
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    // It ended meanwhile, or belongs to somebody else.
    return "";
  }
}
