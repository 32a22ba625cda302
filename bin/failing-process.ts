/** A kernel process that fails where its environment says so, for tests of its hosts. */
import type { SessionPlace } from "../src/kernel/fail-point-epoch.js";
import { type FailingKernel, failingKernel } from "../src/kernel/failing-kernel.js";

/**
 * Reads KERNEL_FAILPOINT, which is set, and KERNEL_FAILPOINT_MARKER; passes the place `spawned`. Throws KernelError
 * `usage` for places and actions that there are not.
 */
export function failingProcess(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  session: SessionPlace,
): FailingKernel {
  const failing = failingKernel({
    text,
    markerFile: env.KERNEL_FAILPOINT_MARKER || null,
    ends: { pid: process.pid, kill: () => process.kill(process.pid, "SIGKILL"), exit: () => process.exit(1) },
    session,
  });
  failing.spawned();
  return failing;
}
