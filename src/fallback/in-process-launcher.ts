/** Runs the kernel inside the host's process: in a thread of its own, or, if asked for, in the host's. */
import type { ResourceLimits } from "node:worker_threads";
import type { KernelLauncher } from "../client/launcher.js";
import type { KernelThread } from "./kernel-thread.js";

export interface InProcessOptions {
  /** The kernel gets a copy; the host's own environment is neither read nor changed. */
  env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths in flags begin, and the default work dir. The host's own folder is not changed. */
  cwd: string;
  /** Of the thread; sizes in MB. Default: 512 MB of old generation. A kernel that needs more ends as out of memory. */
  resourceLimits?: ResourceLimits;
  /**
   * Runs in the host's own thread. A kernel that hangs there hangs the host, nothing can end it by force, and its
   * uncaught errors are those of the host. Default false.
   */
  sameThread?: boolean;
}

/**
 * A launcher of kernels inside this process; several may run at once. Nothing is loaded before the first launch. A
 * running kernel keeps the process alive until it is stopped, as a child process does.
 *
 * Tool processes of a thread that was ended by force are killed by the kernel's watchdog; they stay as zombies until
 * the host ends, because only the ended thread could reap them.
 */
export function inProcessLauncher(options: InProcessOptions): KernelLauncher {
  let standby: Promise<KernelThread> | null = null;
  const takeStandby = async (): Promise<KernelThread | null> => {
    const taken = standby;
    standby = null;
    return (await taken?.catch(() => null)) ?? null;
  };
  const dropStandby = async (): Promise<void> => void (await takeStandby())?.kill();
  const standBy = (): (() => void) => {
    standby ??= import("./thread-kernel.js").then(({ standbyThread }) => standbyThread(options));
    // A thread that cannot be had is said by the launch that needs one.
    standby.catch(() => {});
    return () => void dropStandby();
  };
  return {
    mode: "in_process",
    ...(options.sameThread === true ? {} : { standBy }),
    launch: async (request) => {
      if (options.sameThread === true) {
        const { launchHere } = await import("./host-kernel.js");
        return launchHere(options, request);
      }
      const { launchThread } = await import("./thread-kernel.js");
      return await launchThread(options, request, await takeStandby());
    },
  };
}
