/** What a failure of a client or of a turn means to whoever started the command. */
import type { KernelProcessError, KernelProcessErrorCode } from "../src/client/errors.js";
import { KernelError } from "../src/kernel/errors.js";
import type { WireError } from "../src/wire/errors.js";
import { type AdviceFlags, failureAdvice } from "./failure-advice.js";

export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** EX_TEMPFAIL: the turn is still open, and the session can go on with it. */
export const EXIT_RESUMABLE = 75;

export interface ClientFailure {
  /** String code for programs. */
  code: string;
  message: string;
  exitCode: number;
}

/** By name: in the bundle the library has classes of its own. */
export function isProcessError(error: unknown): error is KernelProcessError {
  return error instanceof Error && error.name === "KernelProcessError";
}

/** `flags` are those of the command; what they have to do with the failure is said in the message. Never throws. */
export function clientFailure(error: unknown, flags: AdviceFlags): ClientFailure {
  const message = error instanceof Error ? error.message : String(error);
  const failure = (code: string, exitCode: number): ClientFailure => {
    const advice = failureAdvice(code, message, flags);
    return { code, message: advice === null ? message : `${message.replace(/\.?$/, ".")} ${advice}`, exitCode };
  };
  if (isProcessError(error)) return failure(error.code, exitCodeOf(error));
  if (error instanceof KernelError && error.code === "usage") return failure("usage", EXIT_USAGE);
  const isOfWire = error instanceof Error && error.name === "WireError";
  return failure(isOfWire ? (error as WireError).code : "internal_error", EXIT_FAILED);
}

/** After these the turn is over; after all others it waits in the session for a kernel that can be had. */
const TURN_OVER: ReadonlySet<KernelProcessErrorCode> = new Set([
  "turn_broken",
  "turn_quarantined",
  "closed",
  "aborted",
]);

function exitCodeOf({ code }: KernelProcessError): number {
  if (code === "refused") return EXIT_USAGE;
  return TURN_OVER.has(code) ? EXIT_FAILED : EXIT_RESUMABLE;
}
