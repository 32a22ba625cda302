/** Signals and bugs: what reaches the process from outside the protocol. */
import type { Logger } from "../src/kernel/logger.js";

export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Why the kernel was told to stop; the reason of its AbortSignal. */
export class StopReason extends Error {
  readonly stopSignal: StopSignal;

  constructor(stopSignal: StopSignal) {
    super(`stopped by ${stopSignal}`);
    this.name = "StopReason";
    this.stopSignal = stopSignal;
  }
}

export interface ProcessWatch {
  /** Aborts with a StopReason at the first signal. */
  readonly signal: AbortSignal;
  /** Resolves with the exit code when waiting any longer is pointless: a bug, a second signal, or a stop that hangs. */
  readonly broken: Promise<number>;
}

/** Hosts send SIGKILL three seconds after SIGTERM. */
const STOP_TIMEOUT_MS = 2_500;
const SIGNAL_NUMBERS: Readonly<Record<StopSignal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** The exit code by which shells name a death by this signal. */
export function signalExitCode(stopSignal: StopSignal): number {
  return 128 + SIGNAL_NUMBERS[stopSignal];
}

/** Starts to listen, for the rest of the process's life. `onBug` says what an uncaught error was to the user. */
export function watchProcess(logger: Logger, onBug: (error: unknown) => void): ProcessWatch {
  const controller = new AbortController();
  let giveUp: (code: number) => void = () => {};
  const broken = new Promise<number>((resolve) => {
    giveUp = resolve;
  });
  const stop = (stopSignal: StopSignal): void => {
    const code = signalExitCode(stopSignal);
    if (controller.signal.aborted) {
      giveUp(code);
      return;
    }
    logger.info({ signal: stopSignal }, "told to stop");
    setTimeout(() => giveUp(code), STOP_TIMEOUT_MS).unref();
    controller.abort(new StopReason(stopSignal));
  };
  for (const stopSignal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(stopSignal, stop);
  const bug = (error: unknown): void => {
    logger.error({ err: error }, "uncaught error");
    onBug(error);
    giveUp(1);
  };
  process.on("uncaughtException", bug);
  process.on("unhandledRejection", bug);
  process.on("warning", (warning) => logger.warn({ err: warning }, "warning of the runtime"));
  return { signal: controller.signal, broken };
}
