/** The clock and the dice of a client, so that tests can hold both. */
export interface Timing {
  /** Milliseconds of a clock that never jumps back. */
  now(): number;
  /** Runs once after `ms`; the returned function calls it off. `background` timers never keep the host alive. */
  after(ms: number, run: () => void, background?: boolean): () => void;
  /** Runs after the input that is already waiting has been read. */
  soon(run: () => void): void;
  /** From 0 up to 1. */
  random(): number;
}

/** Some 24 days; the system takes more for nothing at all. */
const LONGEST_MS = 2 ** 31 - 1;

/** The system's own. */
export const SYSTEM_TIMING: Timing = {
  now: () => performance.now(),
  after: (ms, run, background = false) => {
    const timer = setTimeout(run, Math.min(ms, LONGEST_MS));
    if (background) timer.unref();
    return () => clearTimeout(timer);
  },
  soon: (run) => void setImmediate(run),
  random: () => Math.random(),
};

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function pause(timing: Timing, ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      callOff();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const callOff = timing.after(ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** What the promise gives, or null when it took longer than `ms`. */
export function within<T>(timing: Timing, ms: number, promise: Promise<T>): Promise<T | null> {
  let callOff = (): void => {};
  const late = new Promise<null>((resolve) => {
    callOff = timing.after(ms, () => resolve(null));
  });
  return Promise.race([promise, late]).finally(() => callOff());
}
