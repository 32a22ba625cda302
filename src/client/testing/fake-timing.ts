/** Fake clock, for waits that no test can sit through. */
import { SYSTEM_TIMING, type Timing } from "../timing.js";

/** The real clock with short waits for those of half a second and more that are not in `kept` (ms). */
export function hasty(...kept: number[]): Timing {
  return {
    ...SYSTEM_TIMING,
    random: () => 0.5,
    after: (ms, run, background) => {
      return SYSTEM_TIMING.after(ms < 500 || kept.includes(ms) ? ms : ms / 100, run, background);
    },
  };
}

/** Stands still until it is moved. */
export class FakeTiming implements Timing {
  /** Runs before what `soon` was given, as input does. */
  beforeSoon = (): void => {};
  #now = 0;
  readonly #timers = new Map<object, { at: number; run: () => void }>();

  /** Timers that were not called off and did not run. */
  get waiting(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const key = {};
    this.#timers.set(key, { at: this.#now + ms, run });
    return () => void this.#timers.delete(key);
  }

  soon(run: () => void): void {
    this.beforeSoon();
    run();
  }

  random(): number {
    return 0.5;
  }

  /** Lets time pass; every timer runs at its moment. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at);
      if (next === undefined || next[1].at > end) break;
      const [key, { at, run }] = next;
      this.#timers.delete(key);
      this.#now = Math.max(this.#now, at);
      run();
    }
    this.#now = end;
  }

  /** Lets time pass at once: timers come late, as after a sleep of the machine. */
  jump(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }
}
