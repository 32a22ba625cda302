/** Which kernels a host may run, first choice first. */
import { KernelProcessError } from "../client/errors.js";
import { chooseKernel, type KernelChoice } from "../client/kernel-choice.js";
import type { KernelLauncher } from "../client/launcher.js";
import { locateKernel } from "../client/locate-kernel.js";
import { sidecarLauncher } from "../client/sidecar-launcher.js";
import { folderFailure } from "../client/start-failure.js";
import { type InProcessOptions, inProcessLauncher } from "./in-process-launcher.js";

export interface LadderOptions {
  /** The user's word, as of `--kernel`. Otherwise KERNEL_MODE, `kernel` in `[runtime]` of the configuration, `auto`. */
  kernel?: KernelChoice | null;
  /** Of the kernel, and where KERNEL_BIN and KERNEL_MODE are looked for. Default: a copy of the process's own. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Where the kernel runs, and where relative paths begin. Default: the process's own. */
  cwd?: string;
  /** Program and arguments of the sidecar; it is not looked for then. */
  command?: readonly [string, ...string[]];
  /** How a kernel in this process runs, when one does. */
  inProcess?: Pick<InProcessOptions, "resourceLimits" | "sameThread">;
  /**
   * What holds in a kernel that takes over inside this process, where nothing protects the host: `ask` (default) approves
   * nothing by itself, whatever flags and session say; `same` carries yolo and afk over. A kernel that was chosen to run
   * in this process from the start does what its flags say.
   */
  fallbackApprovals?: "ask" | "same";
}

/**
 * `auto`: a process of its own, and a thread of this one when that one cannot be had. Flags in `args` say which
 * configuration counts. Throws KernelProcessError: `refused` for a choice that does not exist, `spawn_failed` for a folder
 * that does not, and what `locateKernel` throws where the choice leaves nothing else or KERNEL_BIN was set on purpose.
 */
export async function kernelLadder(
  options: LadderOptions,
  args: readonly string[],
): Promise<[KernelLauncher, ...KernelLauncher[]]> {
  const { env = { ...process.env }, cwd = process.cwd(), kernel, inProcess, fallbackApprovals = "ask" } = options;
  const said = chooseKernel({ flag: kernel, env, config: null });
  const chosen = said.ok && said.from === "default" ? await configured() : said;
  if (!chosen.ok) throw new KernelProcessError("refused", chosen.message);
  // No rung can start there, and one of them would not notice.
  const wrongFolder = folderFailure(cwd);
  if (wrongFolder !== null) throw wrongFolder;
  const own = inProcessLauncher({ ...inProcess, env, cwd });
  if (chosen.choice === "in-process") return [own];
  const sidecar = findSidecar(chosen.choice === "auto");
  if (sidecar === null) return [own];
  if (chosen.choice === "sidecar") return [sidecar];
  return [sidecar, fallbackApprovals === "same" ? own : asking(own)];

  async function configured() {
    const { configuredKernel } = await import("./configured-kernel.js");
    return chooseKernel({ env, config: configuredKernel(args, { env, cwd }) });
  }

  function findSidecar(optional: boolean): KernelLauncher | null {
    if (options.command !== undefined) return sidecarLauncher({ command: options.command, cwd, env });
    try {
      const { command, source } = locateKernel({ env, cwd });
      return { ...sidecarLauncher({ command, cwd, env }), isNamed: source === "KERNEL_BIN" };
    } catch (error) {
      const absent = error instanceof KernelProcessError && error.code === "not_found" && !env.KERNEL_BIN?.trim();
      if (optional && absent) return null;
      throw error;
    }
  }
}

/** The kernel's own flag, because a session may have stored what no flag says. */
function asking(launcher: KernelLauncher): KernelLauncher {
  return { ...launcher, launch: ({ args, signal }) => launcher.launch({ args: [...args, "--ask-always"], signal }) };
}
