/** Signals, and a reader that went away, as a command with one task hears them. */
import type { Writable } from "node:stream";
import { signalExitCode } from "./watch-process.js";

/** What a shell shows for a writer whose reader went away. */
const BROKEN_PIPE = 141;
const FAILED = 1;

/** Whether output could not be written because nobody reads it any more. */
export function isReaderGone(error: Error): boolean {
  return "code" in error && error.code === "EPIPE";
}

/** The exit code of a command whose output could not be written. */
export function lostOutputCode(error: Error): number {
  return isReaderGone(error) ? BROKEN_PIPE : FAILED;
}

export interface StopWatch {
  /** Aborts with a StopCode at the first signal or when `out` cannot be written any more. */
  readonly signal: AbortSignal;
  /** Resolves with the exit code at the second signal: nobody wants to wait. */
  readonly again: Promise<number>;
}

/** Why a command ends early; `exitCode` is what it ends with, `bySignal` whether somebody told it to. */
export class StopCode extends Error {
  readonly exitCode: number;
  readonly bySignal: boolean;

  constructor(exitCode: number, bySignal: boolean) {
    super(`stopped with ${exitCode}`);
    this.exitCode = exitCode;
    this.bySignal = bySignal;
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
      else controller.abort(new StopCode(code, true));
    });
  }
  out.on("error", (error: Error) => controller.abort(new StopCode(lostOutputCode(error), false)));
  return { signal: controller.signal, again };
}
