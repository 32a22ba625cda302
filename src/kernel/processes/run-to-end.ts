import type { ProcessExit, ProcessGroups, SpawnRequest } from "./process-groups.js";

export interface RunLimits {
  /** Cancel: the group is killed and the run rejects with the signal's reason. */
  signal: AbortSignal;
  timeoutMs: number;
  /** Aborted by a reader that has seen enough; ends the run without an error. */
  enough?: AbortSignal;
}

export interface RunEnd {
  cause: "exit" | "timeout" | "enough";
  exit: ProcessExit;
}

/**
 * Runs one process until it exits or a limit ends it. When it settles the whole group is gone and, but for a cancel,
 * all output was delivered. Throws what `spawn` throws and the signal's reason.
 */
export async function runToEnd(processes: ProcessGroups, request: SpawnRequest, limits: RunLimits): Promise<RunEnd> {
  limits.signal.throwIfAborted();
  const running = await processes.spawn(request);
  const settled = new AbortController();
  const cause = await Promise.race([
    running.exited.then(() => "exit" as const),
    aborted(limits.signal, settled.signal).then(() => "cancel" as const),
    limits.enough ? aborted(limits.enough, settled.signal).then(() => "enough" as const) : never(),
    elapsed(limits.timeoutMs, settled.signal).then(() => "timeout" as const),
  ]);
  settled.abort();
  if (cause !== "exit") await running.kill();
  if (cause === "cancel") throw limits.signal.reason;
  return { cause, exit: await running.exited };
}

/** Resolves when the signal is aborted. `release` takes the listener back. */
function aborted(signal: AbortSignal, release: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true, signal: release });
  });
}

function elapsed(ms: number, release: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    release.addEventListener("abort", () => clearTimeout(timer), { once: true });
  });
}

function never(): Promise<never> {
  return new Promise(() => {});
}
