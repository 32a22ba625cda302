/** Tells a server that sends much from one that never stops. */

/** Far above what answers need: an answer itself is at most 16 MiB. */
const MAX_BYTES = 64 * 1024 * 1024;
const WINDOW_MS = 10_000;

export class FloodGuard {
  readonly #now: () => number;
  #windowStart: number;
  #bytes = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#windowStart = now();
  }

  /** Counts what has come. True when it is more than 64 MiB within 10 s. */
  isFlood(bytes: number): boolean {
    const now = this.#now();
    if (now - this.#windowStart > WINDOW_MS) {
      this.#windowStart = now;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    return this.#bytes > MAX_BYTES;
  }
}
