/** The entry of the thread that runs a kernel for its host; see thread-kernel.ts for the other side. */
import { parentPort, workerData } from "node:worker_threads";
import { portTransport } from "../wire/port-transport.js";
import { runInHost } from "./run-in-host.js";
import type { ThreadMessage, ThreadStart } from "./thread-kernel.js";

const { port, args, cwd } = workerData as ThreadStart;
const tell = (message: ThreadMessage): void => parentPort?.postMessage(message);

// Warnings of the runtime are no words for the user.
process.removeAllListeners("warning");
const bug = new Promise<never>((_, reject) => {
  process.on("uncaughtException", reject);
  process.on("unhandledRejection", reject);
});
bug.catch(() => {});
tell({ kind: "ready" });
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
