/** What the configuration says about the kernel that a host runs. */
import { homedir } from "node:os";
import { parseFlags } from "../kernel/config/kernel-flags.js";
import { loadConfig } from "../kernel/config/load-config.js";
import { resolveShareDir } from "../kernel/config/share-dir.js";
import { configSource } from "../kernel/start-kernel.js";

/**
 * The value of `kernel` in `[runtime]` of the configuration that a kernel with these flags would read, null when there
 * is none. Never throws: flags or a configuration that cannot be used are for the kernel to refuse, in its own words.
 */
export function configuredKernel(
  args: readonly string[],
  { env, cwd }: { env: Readonly<Record<string, string | undefined>>; cwd: string },
): string | null {
  try {
    const parsed = parseFlags(["--wire", ...args], { cwd });
    if (parsed.kind !== "run") return null;
    const shareDir = resolveShareDir(env, env.HOME ?? homedir());
    return loadConfig({ source: configSource(parsed.flags, shareDir) }).runtime.kernel;
  } catch {
    return null;
  }
}
