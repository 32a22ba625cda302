/** How a client gets a kernel to talk to: a transport, and word of its end. */
import type { Transport } from "../wire/transport.js";

export interface ExitInfo {
  /** null when a signal ended the process. */
  code: number | null;
  signal: string | null;
  /** The last bytes of stderr (at most 4 KB), for the message to the user. */
  stderrTail: string;
}

export interface Launched {
  transport: Transport;
  /** Never rejects. */
  exited: Promise<ExitInfo>;
  /** Ends the kernel: closes its stdin, then TERM, then KILL. Resolves when it is gone. Idempotent. */
  stop(): Promise<ExitInfo>;
}

export interface KernelLauncher {
  /** Throws KernelProcessError `spawn_failed`. */
  launch(): Promise<Launched>;
}
