import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const SWEEP_MS = 500;
const POLL_MS = 5;

/** The process group that a child leads. It is signalled only while its number cannot belong to anyone else. */
export class ProcessGroup {
  readonly #pid: number;
  #leaderGone = false;
  #killed = false;

  /** `pid` of a child that was started as the leader of a group of its own. */
  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Whether SIGKILL was sent while the leader was there. */
  get killed(): boolean {
    return this.#killed;
  }

  /** Signals every process of the group. Nothing once the leader has been reaped. */
  signal(signal: "SIGTERM" | "SIGKILL"): void {
    if (this.#leaderGone) return;
    this.#killed ||= signal === "SIGKILL";
    send(this.#pid, signal);
  }

  /**
   * Call it in the `exit` event of the leader: kills what it left in its group. Resolves when nothing of the group
   * lives, at the latest after half a second. Never rejects.
   */
  async sweep(): Promise<void> {
    this.#leaderGone = true;
    if (process.platform === "win32") return;
    const deadline = performance.now() + SWEEP_MS;
    // The number stays taken for as long as the group has a member, so each round meets the same group.
    while (send(this.#pid, "SIGKILL") && performance.now() < deadline) {
      await delay(POLL_MS);
      if (onlyZombies(this.#pid)) return;
    }
  }
}

/** The dead count as members until someone reaps them, which in a container may be never. False where there is no /proc. */
function onlyZombies(group: number): boolean {
  try {
    return readdirSync("/proc").every((name) => !/^\d+$/.test(name) || !livesIn(group, name));
  } catch {
    return false;
  }
}

function livesIn(group: number, pid: string): boolean {
  try {
    // The name in brackets may hold anything; behind it: state, parent, group.
    const [state, , pgrp] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ") ?? [];
    return Number(pgrp) === group && state !== "Z" && state !== "X";
  } catch {
    // It ended meanwhile.
    return false;
  }
}

/** True when there was a process that could be signalled. */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    // ESRCH: empty. EPERM: what is left belongs to another user.
    return false;
  }
}
