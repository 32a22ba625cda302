/** What a host knows before it starts a kernel: which session, and with which words. */
import { homedir } from "node:os";
import type { KernelFlags } from "../src/kernel/config/kernel-flags.js";
import { loadConfig } from "../src/kernel/config/load-config.js";
import { resolveShareDir } from "../src/kernel/config/share-dir.js";
import { locateSession } from "../src/kernel/storage/session-locate.js";
import { KERNEL_VERSION } from "../src/kernel/version.js";
import { configSource } from "./config-source.js";
import type { OpenOptions } from "./host-client.js";
import { kernelArgs } from "./kernel-args.js";

/**
 * The start that the command line asks for. The session is chosen here, so that every kernel of this client works on
 * the same. Throws KernelError `usage` when there is none to continue.
 */
export function hostSession(
  flags: KernelFlags,
  argv: readonly string[],
): Pick<OpenOptions, "session" | "args" | "firstArgs" | "kernel" | "cwd" | "env" | "client"> {
  const env = { ...process.env };
  const { workDir, session } = flags;
  const shareDir = resolveShareDir(env, homedir());
  const { sessionId } = locateSession({ shareDir, workDir, sessionId: session, continueLast: flags.continue });
  const client = { name: "wire-kernel", version: KERNEL_VERSION };
  const cwd = process.cwd();
  // Else the library loads its own copy of what reads configurations, before it can start anything.
  const saysNothing = !env.KERNEL_MODE && configNamesNoKernel(flags);
  const kernel = flags.kernel ?? (saysNothing ? "auto" : null);
  return { ...kernelArgs(argv), session: sessionId, kernel, cwd, env, client };
}

/** True also for a configuration that cannot be used: that is for the kernel to say. */
function configNamesNoKernel(flags: KernelFlags): boolean {
  try {
    return loadConfig({ source: configSource(flags) }).runtime.kernel === null;
  } catch {
    return true;
  }
}
