/** A kernel in a thread of its own: started, watched and ended from here. */
import { MessageChannel } from "node:worker_threads";
import { KernelProcessError } from "../client/errors.js";
import type { Launched, LaunchRequest } from "../client/launcher.js";
import { portTransport } from "../wire/port-transport.js";
import type { InProcessOptions } from "./in-process-launcher.js";
import { KernelThread } from "./kernel-thread.js";
import { orderlyStop } from "./orderly-stop.js";

/** Makes a thread that will start a kernel faster than a new one. The caller launches in it or kills it. */
export function standbyThread(options: InProcessOptions): KernelThread {
  return new KernelThread(options, { standby: true });
}

/**
 * Starts a kernel in `standby`, unless that is gone, or in a new thread, and resolves when its code is loaded. Throws
 * KernelProcessError `spawn_failed`, or `aborted` when the signal aborts before that; the thread is gone by then.
 */
export async function launchThread(
  options: InProcessOptions,
  { args, signal }: LaunchRequest,
  standby: KernelThread | null,
): Promise<Launched> {
  const kept = standby?.isGone === false ? standby : null;
  if (signal.aborted) {
    await kept?.kill();
    throw aborted(signal);
  }
  const thread = kept ?? new KernelThread(options, { standby: false });
  const { port1, port2 } = new MessageChannel();
  thread.start({ port: port2, args, cwd: options.cwd });
  const transport = portTransport(port1);
  const { exited } = thread;
  const kill = () => thread.kill();
  const abort = (): void => void kill();
  signal.addEventListener("abort", abort, { once: true });
  const early = await Promise.race([thread.ready.then(() => null), exited]);
  signal.removeEventListener("abort", abort);
  // A kernel that ended at once did start, whichever of the two a busy host hears first.
  if (early !== null && (signal.aborted || !thread.isReady)) {
    await transport.close();
    if (signal.aborted) throw aborted(signal);
    throw new KernelProcessError("spawn_failed", `The kernel's thread did not start: ${early.stderrTail.trim()}`, {
      data: { ...early },
    });
  }
  return { transport, pid: null, exited, stop: orderlyStop(transport, exited, kill), kill };
}

function aborted(signal: AbortSignal): KernelProcessError {
  return new KernelProcessError("aborted", "The start of the kernel was given up.", { cause: signal.reason });
}
