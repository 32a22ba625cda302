/** How a client gets a kernel to talk to: a transport, and word of its end. */
import type { Transport } from "../wire/transport.js";

/** Where a kernel runs: in a process of its own, or in a thread of the host. */
export type KernelMode = "sidecar" | "in_process";

export interface ExitInfo {
  /** Exit code; null when a signal or the host ended it, and for a thread. */
  code: number | null;
  signal: string | null;
  /** The last bytes of stderr (at most 4 KB, secrets removed), for the message to the user. */
  stderrTail: string;
  /** True when it ended for lack of memory, as far as can be told. */
  outOfMemory: boolean;
}

export interface LaunchRequest {
  /** Flags of the kernel, without `--wire`. */
  args: readonly string[];
  /** Gives up the start; what was started is ended. */
  signal: AbortSignal;
}

export interface Launched {
  transport: Transport;
  /** null for a thread. */
  pid: number | null;
  /** Settles when the kernel is gone for certain: reaped, nothing of it can write any more. Never rejects. */
  exited: Promise<ExitInfo>;
  /** Ends it in good order: EOF, then TERM, then KILL of its group. Resolves when it is gone. Idempotent. */
  stop(): Promise<ExitInfo>;
  /** Ends it at once, whatever it does, stopped processes included. Resolves when it is gone. Idempotent. */
  kill(): Promise<ExitInfo>;
}

export interface KernelLauncher {
  readonly mode: KernelMode;
  /** Named by the user: when what it starts first turns out to be no kernel, that is the answer; nothing else is tried. */
  readonly isNamed?: boolean;
  /**
   * Makes ready what a launch would need, because one may come soon. Gives a function that lets go of it when none came.
   * Missing where there is nothing to make ready. Never throws.
   */
  standBy?(): () => void;
  /** Throws KernelProcessError. */
  launch(request: LaunchRequest): Promise<Launched>;
}
