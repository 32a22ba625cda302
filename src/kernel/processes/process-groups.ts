/**
 * Starts tool processes so that none outlives the kernel: each is the leader of its own group and is known to a
 * watchdog before it runs (durability.md 3 in the design notes; ADR 0007).
 */
import type { Writable } from "node:stream";

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SpawnRequest {
  /** argv; the first item is the program. */
  argv: readonly [string, ...string[]];
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** Called for every chunk in order of arrival. */
  onOutput(chunk: Buffer, source: "stdout" | "stderr"): void;
  /** Both outputs share one pipe, so that they arrive exactly as written, all as "stdout". Default false. */
  mergeOutput?: boolean;
  /**
   * The command goes on after the kernel: no watchdog, no kill on `close`. Its output goes straight to the end of this
   * file and `onOutput` is never called.
   */
  outlive?: { outputFile: string };
  /** What the program reads on stdin, then its end. Without it stdin is /dev/null. */
  input?: string;
  /** The caller writes to the program through `RunningProcess.stdin`. */
  stdin?: "pipe";
  /** Called once with the group before the command can act. */
  onStarted?(process: { pgid: number; startTime: string }): void;
}

export interface RunningProcess {
  readonly pgid: number;
  readonly startTime: string;
  /** Set when it was asked for. Errors of it are already taken care of: a broken pipe shows as the exit. */
  readonly stdin: Writable | null;
  /** Settles when the leader has exited and what it had written was read; never waits for pipes held by others. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /**
   * TERM to the group, `graceMs` (default 50), KILL to the group. Resolves when the leader is gone. May be called again;
   * the shortest grace counts.
   */
  kill(graceMs?: number): Promise<void>;
}

export interface ProcessGroups {
  /** Throws when the program cannot be started (ENOENT, EACCES, EMFILE). */
  spawn(request: SpawnRequest): Promise<RunningProcess>;
  /** Kills every living group that may not outlive the kernel and ends the watchdog. Idempotent. */
  close(): Promise<void>;
}
