/** The entry of the thread that runs a kernel for its host; see kernel-thread.ts for the other side. */
import { once } from "node:events";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { portTransport } from "../wire/port-transport.js";
import type { ThreadData, ThreadMessage, ThreadStart } from "./kernel-thread.js";
import { runInHost } from "./run-in-host.js";

const host = parentPort as MessagePort;
const tell = (message: ThreadMessage): void => host.postMessage(message);

// Warnings of the runtime are no words for the user.
process.removeAllListeners("warning");
const bug = new Promise<never>((_, reject) => {
  process.on("uncaughtException", reject);
  process.on("unhandledRejection", reject);
});
bug.catch(() => {});
const told = once(host, "message");
tell({ kind: "ready" });
if ((workerData as ThreadData).standby) {
  const { preloadKernel } = await import("../kernel/preload-kernel.js");
  await Promise.race([preloadKernel(), told]);
}
const [{ port, args, cwd }] = (await told) as [ThreadStart];
const code = await runInHost({
  ...{ args, cwd, bug },
  // The thread's own: whoever started it gave it a copy.
  env: { ...process.env },
  transport: portTransport(port),
  // A thread gets no signals; it is terminated.
  signal: new AbortController().signal,
  say: (text) => tell({ kind: "said", text }),
});
// Whatever is left of the kernel ends here; in a thread this ends the thread.
process.exit(code);
