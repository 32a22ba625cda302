/** A kernel in a thread of its own: started, watched and ended from here. */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { KernelProcessError } from "../client/errors.js";
import type { ExitInfo, Launched, LaunchRequest } from "../client/launcher.js";
import { secretValues } from "../client/redact.js";
import { StderrTail } from "../client/stderr-tail.js";
import { portTransport } from "../wire/port-transport.js";
import type { InProcessOptions } from "./in-process-launcher.js";
import { orderlyStop } from "./orderly-stop.js";

/** Enough for a session of any length; a tool result above it is cut long before. */
const DEFAULT_LIMITS = { maxOldGenerationSizeMb: 512 };

/** What the thread is given. */
export interface ThreadStart {
  port: MessagePort;
  args: readonly string[];
  cwd: string;
}

/** What the thread says beside the wire. */
export type ThreadMessage = { kind: "ready" } | { kind: "said"; text: string };

/**
 * Starts the thread and resolves when its code is loaded. Throws KernelProcessError `spawn_failed`, or `aborted` when the
 * signal aborts before that; the thread is gone by then.
 */
export async function launchThread(options: InProcessOptions, request: LaunchRequest): Promise<Launched> {
  const { args, signal } = request;
  if (signal.aborted) throw aborted(signal);
  const { port1, port2 } = new MessageChannel();
  const start: ThreadStart = { port: port2, args, cwd: options.cwd };
  const worker = new Worker(new URL("./kernel-worker.js", import.meta.url), {
    workerData: start,
    transferList: [port2],
    name: "kernel",
    env: threadEnvironment(options.env),
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { ...DEFAULT_LIMITS, ...options.resourceLimits },
  });
  const transport = portTransport(port1);
  const tail = new StderrTail(secretValues(options.env));
  const note = (text: string): void => tail.add(Buffer.from(text));
  let outOfMemory = false;
  let terminated = false;
  // Nothing may be written to the host's own streams, and an unread pipe would stop the thread.
  worker.stdout.resume();
  worker.stderr.on("data", (chunk: Buffer) => tail.add(chunk));
  const exited = new Promise<ExitInfo>((resolve) => {
    worker.on("error", (error: NodeJS.ErrnoException) => {
      outOfMemory ||= error.code === "ERR_WORKER_OUT_OF_MEMORY";
      note(`${error.message}\n`);
    });
    worker.once("exit", (code) => {
      resolve({ code: terminated || outOfMemory ? null : code, signal: null, stderrTail: tail.text(), outOfMemory });
    });
  });
  const kill = (): Promise<ExitInfo> => {
    terminated = true;
    void worker.terminate();
    return exited;
  };
  const ready = new Promise<void>((resolve) => {
    worker.on("message", (message: ThreadMessage) => {
      if (message.kind === "said") note(`${message.text}\n`);
      else resolve();
    });
  });
  const abort = (): void => void kill();
  signal.addEventListener("abort", abort, { once: true });
  const early = await Promise.race([ready.then(() => null), exited]);
  signal.removeEventListener("abort", abort);
  if (early !== null) {
    await transport.close();
    if (signal.aborted) throw aborted(signal);
    throw new KernelProcessError("spawn_failed", `The kernel's thread did not start: ${early.stderrTail.trim()}`, {
      data: { ...early },
    });
  }
  return { transport, pid: null, exited, stop: orderlyStop(transport, exited, kill), kill };
}

/** A copy. What would change how Node runs the thread is not passed on. */
function threadEnvironment(env: InProcessOptions["env"]): Record<string, string> {
  const { NODE_OPTIONS: _dropped, ...kept } = env;
  return Object.fromEntries(
    Object.entries(kept).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function aborted(signal: AbortSignal): KernelProcessError {
  return new KernelProcessError("aborted", "The start of the kernel was given up.", { cause: signal.reason });
}
