/** What a host knows before it starts a kernel: which session, and with which words. */
import { homedir } from "node:os";
import type { KernelFlags } from "../src/kernel/config/kernel-flags.js";
import { resolveShareDir } from "../src/kernel/config/share-dir.js";
import { locateSession } from "../src/kernel/storage/session-locate.js";
import { KERNEL_VERSION } from "../src/kernel/version.js";
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
  return { ...kernelArgs(argv), session: sessionId, kernel: flags.kernel, cwd: process.cwd(), env, client };
}
