/** Which failed starts are the answer, and which may be followed by another start. */
import type { KernelProcessError, KernelProcessErrorCode } from "./errors.js";
import type { KernelLauncher } from "./launcher.js";

/** They blame the program itself, not this one run of it. */
const WRONG_PROGRAM: readonly KernelProcessErrorCode[] = ["spawn_failed", "not_a_kernel", "version_mismatch"];

/**
 * Whether nothing else may be tried after this failure. Once a kernel has lived (`everReady`) its program may be gone or
 * replaced: the session goes on elsewhere. Pure.
 */
export function isFinalFailure(
  { code }: KernelProcessError,
  { isNamed = false }: Partial<KernelLauncher>,
  everReady: boolean,
): boolean {
  if (code === "refused" || code === "aborted") return true;
  return !everReady && (code === "not_found" || (isNamed && WRONG_PROGRAM.includes(code)));
}
