/** Whether a process ended for lack of memory. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** How V8 and C++ end a process: abort, or an instruction that traps. Shells and `env` report them as codes. */
const FATAL_SIGNALS = ["SIGABRT", "SIGTRAP", "SIGILL"];
const FATAL_CODES = [134, 133, 132];

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
  for (const file of counterFiles(read(join(root, "proc/self/cgroup")))) {
    const count = /^oom_kill (\d+)$/m.exec(read(join(root, "sys/fs/cgroup", file)))?.[1];
    if (count !== undefined) return Number(count);
  }
  return null;
}

/** In a container the group's own path is often not mounted: its files are at the top then. */
function counterFiles(groups: string): string[] {
  const unified = /^0::(\/.*)$/m.exec(groups)?.[1];
  const memory = /^\d+:(?:.*,)?memory(?:,.*)?:(\/.*)$/m.exec(groups)?.[1];
  return [
    ...(unified === undefined ? [] : [join(unified, "memory.events"), "memory.events"]),
    ...(memory === undefined ? [] : [join("memory", memory, "memory.oom_control"), "memory/memory.oom_control"]),
  ];
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
