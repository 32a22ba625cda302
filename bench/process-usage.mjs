// What a living process has used, from /proc (Linux only).
import { readFileSync } from "node:fs";

/** Clock ticks of /proc/<pid>/stat in a second; fixed at 100 for user space on Linux. */
const TICKS_PER_SECOND = 100;

/** CPU in milliseconds, user and system, all threads; granularity 10 ms. */
export function cpuMs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

/** Resident memory in MB (10^6 bytes). */
export function residentMb(pid) {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  return (Number(kb) * 1024) / 1e6;
}

/** The three load averages of the machine, as one text. */
export function loadAverage() {
  return readFileSync("/proc/loadavg", "latin1").split(" ").slice(0, 3).join(" ");
}

/** Waits until the process has used no CPU for `quietMs`, or `limitMs` have passed. */
export async function settled(pid, { quietMs = 300, limitMs = 3_000 } = {}) {
  const deadline = Date.now() + limitMs;
  let last = cpuMs(pid);
  let since = Date.now();
  while (Date.now() < deadline && Date.now() - since < quietMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const used = cpuMs(pid);
    if (used !== last) since = Date.now();
    last = used;
  }
}
