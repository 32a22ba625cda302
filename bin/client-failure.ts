/** What a failure of a client or of a turn means to whoever started the command. */
import type { KernelProcessError, KernelProcessErrorCode } from "../src/client/errors.js";
import { KernelError } from "../src/kernel/errors.js";
import { type WireError, wireError } from "../src/wire/errors.js";
import { turnMessages as say } from "./turn-messages.js";

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

/** Never throws. */
export function clientFailure(error: unknown): ClientFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (isProcessError(error)) return { code: error.code, message, exitCode: exitCodeOf(error) };
  if (error instanceof KernelError && error.code === "usage") return { code: "usage", message, exitCode: EXIT_USAGE };
  const code = error instanceof Error && error.name === "WireError" ? (error as WireError).code : "internal_error";
  // The same code also says what is wrong with the one that was named.
  const advice = message === wireError("llm_not_set").message ? `. ${say.noModel}` : "";
  return { code, message: `${message}${advice}`, exitCode: EXIT_FAILED };
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
