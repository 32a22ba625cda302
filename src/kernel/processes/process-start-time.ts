import { readFileSync } from "node:fs";

/**
 * When a process began, as the kernel's own text (clock ticks since boot, field 22 of /proc/<pid>/stat). Together with
 * the pid it names one process for ever. "" when it is gone or the platform has no /proc.
 */
export function processStartTime(pid: number): string {
  return statField(pid, 22);
}

/** Whether the process that began then still runs; a zombie does not. False when the platform has no /proc. */
export function isRunning(pid: number, startTime: string): boolean {
  return startTime !== "" && processStartTime(pid) === startTime && !/^[ZX]/.test(statField(pid, 3));
}

/** The process group of this process; 0 when the platform has no /proc. */
export function ownProcessGroup(): number {
  return Number(statField("self", 5)) || 0;
}

function statField(pid: number | "self", field: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name (field 2) may hold spaces and brackets, so count from the last bracket: field 3 follows it.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[field - 3] ?? "";
  } catch {
    return "";
  }
}
