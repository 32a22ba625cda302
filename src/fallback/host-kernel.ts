/** A kernel in the host's own thread, for hosts that asked for it. What hangs there hangs the host. */
import { MessageChannel } from "node:worker_threads";
import { KernelProcessError } from "../client/errors.js";
import type { ExitInfo, Launched, LaunchRequest } from "../client/launcher.js";
import { secretValues } from "../client/redact.js";
import { StderrTail } from "../client/stderr-tail.js";
import { portTransport } from "../wire/port-transport.js";
import type { InProcessOptions } from "./in-process-launcher.js";
import { orderlyStop } from "./orderly-stop.js";
import { runInHost } from "./run-in-host.js";

/**
 * Starts it. `stop` and `kill` wait until the kernel has closed by itself: nothing can end it by force, and its
 * uncaught errors are those of the host. Throws KernelProcessError `aborted`.
 */
export function launchHere({ env, cwd }: InProcessOptions, { args, signal }: LaunchRequest): Launched {
  if (signal.aborted) {
    throw new KernelProcessError("aborted", "The start of the kernel was given up.", { cause: signal.reason });
  }
  // Streams in memory would deliver inside the write of the other side, and let a process end that waits for an answer.
  const { port1, port2 } = new MessageChannel();
  const transport = portTransport(port1);
  const ending = new AbortController();
  const tail = new StderrTail(secretValues(env));
  const run = runInHost({
    ...{ args, cwd },
    env: { ...env },
    transport: portTransport(port2),
    signal: ending.signal,
    bug: new Promise<never>(() => {}),
    say: (text) => tail.add(Buffer.from(`${text}\n`)),
  });
  const exited = run.then((code): ExitInfo => ({ code, signal: null, stderrTail: tail.text(), outOfMemory: false }));
  const kill = (): Promise<ExitInfo> => {
    ending.abort(new Error("The host ended the kernel."));
    return exited;
  };
  return { transport, pid: null, exited, stop: orderlyStop(transport, exited, kill), kill };
}
