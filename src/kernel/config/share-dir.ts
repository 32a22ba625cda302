/** Where sessions, logs and the configuration live. */
import path from "node:path";
import { KernelError } from "../errors.js";

/**
 * KERNEL_SHARE_DIR, else KIMI_SHARE_DIR (so that clients of other Wire kernels find their sessions), else `.kernel` in
 * the home folder. Absolute. Throws KernelError `start_failed` when all three are missing.
 */
export function resolveShareDir(env: Readonly<Record<string, string | undefined>>, home: string | undefined): string {
  const named = env.KERNEL_SHARE_DIR || env.KIMI_SHARE_DIR;
  if (named) return path.resolve(named);
  if (home) return path.resolve(home, ".kernel");
  throw new KernelError(
    "start_failed",
    "There is no home folder; set KERNEL_SHARE_DIR to say where sessions are kept.",
  );
}
