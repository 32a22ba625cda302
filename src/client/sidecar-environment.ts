/** The environment of a kernel process. */
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * They change which code a Node process runs, or belong to the host's own process. NODE_V8_COVERAGE and
 * NODE_COMPILE_CACHE are not among them: these are set on purpose.
 */
const INJECTORS = [
  "NODE_OPTIONS",
  "NODE_PATH",
  "NODE_REPL_EXTERNAL_MODULE",
  "NODE_PRESERVE_SYMLINKS",
  "NODE_PRESERVE_SYMLINKS_MAIN",
  "NODE_INSPECT_RESUME_ON_START",
  "NODE_DEBUG",
  "NODE_DEBUG_NATIVE",
  "NODE_CHANNEL_FD",
  "NODE_CHANNEL_SERIALIZATION_MODE",
  "NODE_UNIQUE_ID",
  "VSCODE_INSPECTOR_OPTIONS",
];

/**
 * The host's environment without what would change how Node runs the kernel. KERNEL_SHARE_DIR and KIMI_SHARE_DIR name
 * the same folder, our own default when none is set: kernels of others know only the second and have another default, and
 * whoever takes over from them must find their session. `program` is what is started.
 */
export function sidecarEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  program: string,
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !INJECTORS.includes(name.toUpperCase())) kept[name] = value;
  }
  const home = kept.HOME ?? homedir();
  const share = kept.KERNEL_SHARE_DIR || kept.KIMI_SHARE_DIR || (home ? join(home, ".kernel") : undefined);
  if (share) {
    kept.KERNEL_SHARE_DIR ||= share;
    kept.KIMI_SHARE_DIR ||= share;
  }
  // An editor's own program is Node only when it is told so.
  if (program === process.execPath && process.versions.electron !== undefined) kept.ELECTRON_RUN_AS_NODE = "1";
  return kept;
}
