/** Commands that an earlier kernel started: what can be told of them, and how they are ended. */
import { setTimeout as delay } from "node:timers/promises";
import { groupExists, signalGroup } from "../processes/group-signals.js";
import { isProcessAlive } from "./command-task.js";
import type { TaskEnd } from "./task-entry.js";
import type { TaskRecord } from "./task-record.js";

const POLL_MS = 20;

/** How a task of a dead kernel stands: null while its process lives on, as it was told to. */
export function foundEnd(record: TaskRecord, exitCode: number | null): TaskEnd | null {
  if (exitCode !== null) return { status: exitCode === 0 ? "completed" : "failed", exitCode, reason: null };
  if (record.keep_alive && isProcessAlive(record)) return null;
  return { status: "lost", exitCode: null, reason: "The kernel that ran it is gone." };
}

/** TERM to the group, `graceMs`, KILL. Resolves when its leader is gone; never signals a number that was given anew. */
export async function killAdopted(record: TaskRecord, graceMs: number): Promise<void> {
  if (record.process === null || !isProcessAlive(record)) return;
  const { pgid } = record.process;
  signalGroup(pgid, "SIGTERM");
  for (const until = performance.now() + graceMs; performance.now() < until; ) {
    if (!isProcessAlive(record)) break;
    await delay(POLL_MS);
  }
  if (isProcessAlive(record) && groupExists(pgid)) signalGroup(pgid, "SIGKILL");
}
