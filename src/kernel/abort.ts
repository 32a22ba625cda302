/** Small bridges between promises and AbortSignals. */

/** Settles like `promise`, but rejects with the signal's reason as soon as it aborts. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => {});
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
export function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Aborts as `signal` does, or after `ms` with a TimeoutError, whichever is first. Node 20 lets a timeout signal be collected
 * that nothing but AbortSignal.any knows, so it never comes; the timer here holds its own.
 */
export function withinTime(signal: AbortSignal | undefined, ms: number): AbortSignal {
  const limit = new AbortController();
  const late = () => limit.abort(new DOMException(`not done within ${ms} ms`, "TimeoutError"));
  setTimeout(late, ms).unref();
  return signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]);
}

/** Like orAbort, but after an abort gives the promise `graceMs` to settle by itself first: a tool that is killing its processes. */
export async function orAbortAfter<T>(promise: Promise<T>, signal: AbortSignal, graceMs: number): Promise<T> {
  try {
    return await orAbort(promise, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    await settledWithin(promise, graceMs);
    throw signal.reason;
  }
}

/** Waits for a promise and gives its outcome as a function that returns the value or throws. Never rejects. */
export async function settled<T>(promise: Promise<T>): Promise<() => T> {
  try {
    const value = await promise;
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** Resolves when the promise has settled, whichever way, or after `ms`. Never rejects. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise.then(noop, noop), late]);
  clearTimeout(timer);
}

function noop(): void {}
