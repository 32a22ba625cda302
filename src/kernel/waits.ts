/** What a running turn waits for. Who waits says so here, so that a turn that waits for nothing can be told from one that works. */

export type WaitKind =
  | "model"
  | "tool"
  | "approval"
  | "question"
  | "client_tool"
  | "hook"
  | "retry"
  | "mcp"
  | "storage"
  | "client";

/** Milliseconds that each `tick` stands for. */
export const TICK_MS = 500;

/** The waits of one session, and how long its turn has been without any. */
export class Waits {
  /** In the order in which they began. */
  readonly #open = new Set<{ readonly kind: WaitKind }>();
  #waited = false;
  #idleMs = 0;

  /** Waits for the work as `kind` and settles as it does; a function is called once the wait is open. */
  async during<T>(kind: WaitKind, work: Promise<T> | (() => Promise<T>)): Promise<T> {
    const wait = { kind };
    this.#open.add(wait);
    this.#waited = true;
    this.#idleMs = 0;
    try {
      return await (typeof work === "function" ? work() : work);
    } finally {
      this.#open.delete(wait);
    }
  }

  /** Oldest first. */
  get open(): WaitKind[] {
    return [...this.#open].map(({ kind }) => kind);
  }

  /** How long a turn has run without waiting for anything, counted in ticks. */
  get idleMs(): number {
    return this.#idleMs;
  }

  /**
   * To be called every TICK_MS while somebody wants to know. It counts ticks and reads no clock: a main loop that is
   * blocked, or a clock that jumps, makes nobody idle.
   */
  tick(turnRuns: boolean): void {
    const idle = turnRuns && !this.#waited && this.#open.size === 0;
    this.#idleMs = idle ? this.#idleMs + TICK_MS : 0;
    this.#waited = this.#open.size > 0;
  }
}
