/**
 * Follows one tool process from its start to its end. The command is over when its leader has exited: what it left in
 * its group ends with it (TERM, 50 ms, KILL, as on cancel), and pipes that a process outside the group still holds are
 * closed on our side after what was in them has been read.
 */
import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../logger.js";
import { drainOutput } from "./drain-output.js";
import { groupExists, signalGroup } from "./group-signals.js";
import type { ProcessExit, RunningProcess, SpawnRequest } from "./process-groups.js";
import { processStartTime } from "./process-start-time.js";

/** How long a group may take to end by itself after TERM, unless the caller gives it longer. */
const TERM_GRACE_MS = 50;
/** How long after KILL the rest of the group is awaited; zombies that nobody reaps never go. */
const KILL_SETTLE_MS = 20;
/** A leader that KILL does not end hangs in the operating system; it is given up, logged and left to the watchdog. */
const UNKILLABLE_MS = 2000;
const POLL_MS = 3;

/**
 * Takes charge of a group whose gate is still closed. Calls `onGone` once, when the leader and what it left are gone.
 * Never throws.
 */
export function superviseGroup(
  child: ChildProcess,
  pgid: number,
  request: SpawnRequest,
  logger: Logger,
  onGone: () => void,
): RunningProcess {
  const startTime = processStartTime(pgid);
  let leaderGone = false;
  /** Once true the group is never signalled again: its number may belong to someone else by then. */
  let groupGone = false;
  let ending: Promise<void> | null = null;
  let killAt = Number.POSITIVE_INFINITY;
  let settleLeader: (exit: ProcessExit) => void = () => {};
  const leaderExit = new Promise<ProcessExit>((resolve) => {
    settleLeader = resolve;
  });
  child.once("exit", (code, signal) => {
    leaderGone = true;
    settleLeader({ code, signal });
  });

  function deliver(chunk: Buffer, source: "stdout" | "stderr"): void {
    try {
      request.onOutput(chunk, source);
    } catch (error) {
      logger.error({ err: error, pgid }, "reader of a tool's output failed");
    }
  }
  for (const source of ["stdout", "stderr"] as const) {
    child[source]?.on("data", (chunk: Buffer) => deliver(chunk, source));
    child[source]?.on("error", (error) => logger.warn({ err: error, pgid, source }, "output of a tool broke off"));
  }

  /** `deadline` is asked anew in each round: it may come nearer. */
  async function groupGoneBy(deadline: () => number): Promise<boolean> {
    for (;;) {
      if (leaderGone && !groupExists(pgid)) {
        groupGone = true;
        return true;
      }
      const left = deadline() - performance.now();
      if (left <= 0) return false;
      await delay(Math.min(POLL_MS, left));
    }
  }

  async function leaderGoneWithin(limitMs: number): Promise<void> {
    const limit = new AbortController();
    const timer = delay(limitMs, undefined, { signal: limit.signal }).catch(() => {});
    await Promise.race([leaderExit, timer]);
    limit.abort();
  }

  async function end(): Promise<void> {
    signalGroup(pgid, "SIGTERM");
    if (await groupGoneBy(() => killAt)) return;
    signalGroup(pgid, "SIGKILL");
    await leaderGoneWithin(UNKILLABLE_MS);
    const settled = performance.now() + KILL_SETTLE_MS;
    if (await groupGoneBy(() => settled)) return;
    if (leaderGone) {
      groupGone = true;
      return;
    }
    logger.error({ pgid }, "tool process does not end after SIGKILL");
    child.unref();
    settleLeader({ code: null, signal: "SIGKILL" });
  }

  function kill(graceMs = TERM_GRACE_MS): Promise<void> {
    if (groupGone) return Promise.resolve();
    killAt = Math.min(killAt, performance.now() + graceMs);
    ending ??= end();
    return ending;
  }

  async function follow(): Promise<ProcessExit> {
    const exit = await leaderExit;
    if (ending === null && !groupExists(pgid)) {
      groupGone = true;
    } else {
      await kill();
    }
    if (leaderGone) onGone();
    else child.once("exit", onGone);
    await drainOutput([child.stdout, child.stderr]);
    return exit;
  }

  return {
    pgid,
    startTime,
    stdin: request.stdin === "pipe" ? child.stdin : null,
    exited: follow(),
    kill,
  };
}
