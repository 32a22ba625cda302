/** What a client tells its host about the kernel behind it. */
import type { KernelMode } from "./launcher.js";

export type SupervisorState = "idle" | "starting" | "ready" | "restarting" | "failed" | "closed";

/** Why a kernel is no longer there. */
export interface DeathCause {
  kind:
    | "exit"
    | "signal"
    | "eof"
    | "write_failed"
    | "hung"
    | "lost_turn"
    | "bad_output"
    | "out_of_memory"
    | "start_failed";
  code: number | null;
  signal: string | null;
  /** At most 4 KB, secrets removed. */
  stderrTail: string;
}

/** What holds with the kernel of this moment; all false for one that knows none of the extensions. */
export interface Guarantees {
  /** A turn survives the death of its kernel. */
  resume: boolean;
  /** Every event comes once, whatever dies. */
  exactlyOnce: boolean;
  /** A kernel that hangs is found. */
  hangDetection: boolean;
}

/** Sent to the host at every change. */
export interface KernelStateChange {
  from: SupervisorState;
  to: SupervisorState;
  /** Of the kernel that this is about; null when it is about none. */
  mode: KernelMode | null;
  /** Set when a kernel died or could not be started. */
  cause: DeathCause | null;
  guarantees: Guarantees;
  /** Set when a turn goes on in the new kernel. */
  resumedTurn: string | null;
  /** Ids of the tool calls whose outcome nobody knows. */
  unknownEffects: readonly string[];
  /** Starts since the last healthy time, this one included. */
  attempt: number;
  /** How long the next start waits; null when none is planned. */
  nextRetryMs: number | null;
}
