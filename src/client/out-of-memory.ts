/** Whether a process ended for lack of memory. */
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";

/** How V8 and C++ end a process: abort, or an instruction that traps. Shells and `env` report them as codes. */
const FATAL_SIGNALS = ["SIGABRT", "SIGTRAP", "SIGILL"];
const FATAL_CODES = [134, 133, 132];
/** Of the limit. */
const NEAR = 0.9;

export interface MemoryEvidence {
  code: number | null;
  signal: string | null;
  /** It said so itself. */
  saysNoMemory: boolean;
  /** We killed it: then SIGKILL proves nothing. */
  killedByUs: boolean;
  /** `oomKills` before its start and after its end; null where there is none. */
  oomKillsBefore: number | null;
  oomKillsAfter: number | null;
}

/** As far as can be told; false when in doubt. Pure. */
export function ranOutOfMemory(evidence: MemoryEvidence): boolean {
  const { code, signal, oomKillsBefore, oomKillsAfter } = evidence;
  const fatal = signal === null ? FATAL_CODES.includes(code ?? 0) : FATAL_SIGNALS.includes(signal);
  if (fatal && evidence.saysNoMemory) return true;
  if (evidence.killedByUs || !(signal === "SIGKILL" || code === 137)) return false;
  return oomKillsBefore !== null && oomKillsAfter !== null && oomKillsAfter > oomKillsBefore;
}

/**
 * How many processes of this process's control group the system has killed for lack of memory; null when it does not
 * tell (no Linux, no cgroups). `root` is the folder that holds `proc` and `sys`.
 */
export function oomKills(root = "/"): number | null {
  for (const file of groupFiles(root, "memory.events", "memory.oom_control")) {
    const count = /^oom_kill (\d+)$/m.exec(read(join(root, "sys/fs/cgroup", file)))?.[1];
    if (count !== undefined) return Number(count);
  }
  return null;
}

/** Bytes that this process's control group may have, at most those of the machine. `root` as above. */
export function memoryLimit(root = "/"): number {
  for (const file of groupFiles(root, "memory.max", "memory.limit_in_bytes")) {
    const limit = /^(\d+)$/m.exec(read(join(root, "sys/fs/cgroup", file)))?.[1];
    if (limit !== undefined) return Math.min(Number(limit), totalmem());
  }
  return totalmem();
}

/** Whether this is so near to the limit that an end without a reason is one for lack of memory. */
export function nearLimit(bytes: number, limit: number): boolean {
  return bytes >= NEAR * limit;
}

/** In a container the group's own path is often not mounted: its files are at the top then. */
function groupFiles(root: string, unifiedName: string, olderName: string): string[] {
  const groups = read(join(root, "proc/self/cgroup"));
  const unified = /^0::(\/.*)$/m.exec(groups)?.[1];
  const memory = /^\d+:(?:.*,)?memory(?:,.*)?:(\/.*)$/m.exec(groups)?.[1];
  return [
    ...(unified === undefined ? [] : [join(unified, unifiedName), unifiedName]),
    ...(memory === undefined ? [] : [join("memory", memory, olderName), join("memory", olderName)]),
  ];
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
