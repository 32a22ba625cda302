/** Signals, and a reader that went away, as a command with one task hears them. */
import type { Writable } from "node:stream";
import { signalExitCode } from "./watch-process.js";

/** What a shell shows for a writer whose reader went away. */
const BROKEN_PIPE = 141;

export interface StopWatch {
  /** Aborts with a StopCode at the first signal or when `out` cannot be written any more. */
  readonly signal: AbortSignal;
  /** Resolves with the exit code at the second signal: nobody wants to wait. */
  readonly again: Promise<number>;
}

/** Why a command ends early; `exitCode` is what it ends with. */
export class StopCode extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`stopped with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** Listens for the rest of the process's life. */
export function watchStops(out: Writable): StopWatch {
  const controller = new AbortController();
  let giveUp: (code: number) => void = () => {};
  const again = new Promise<number>((resolve) => {
    giveUp = resolve;
  });
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      const code = signalExitCode(name);
      if (controller.signal.aborted) giveUp(code);
      else controller.abort(new StopCode(code));
    });
  }
  out.on("error", () => controller.abort(new StopCode(BROKEN_PIPE)));
  return { signal: controller.signal, again };
}
