/** Where sessions, logs and the configuration live. */
import path from "node:path";

/** KERNEL_SHARE_DIR, else KIMI_SHARE_DIR (so that clients of other Wire kernels find their sessions), else ~/.kernel. */
export function resolveShareDir(env: Readonly<Record<string, string | undefined>>, home: string): string {
  return path.resolve(env.KERNEL_SHARE_DIR || env.KIMI_SHARE_DIR || path.join(home, ".kernel"));
}
