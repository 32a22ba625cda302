/** Calls of a host that it may give up. */
import { deferred } from "./deferred.js";
import { KernelProcessError } from "./errors.js";

export interface CallOptions {
  /** What aborting it means stands with each call. */
  signal?: AbortSignal;
}

/** Throws KernelProcessError `aborted` when the host has given the call up. */
export function refuseGivenUp(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new KernelProcessError("aborted", "The host gave the call up", { cause: signal.reason });
  }
}

/** What `work` gives; rejects with KernelProcessError `aborted` as soon as `signal` aborts. Aborted before, nothing begins. */
export async function unlessGivenUp<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal === undefined) return await work();
  refuseGivenUp(signal);
  const given = deferred<never>();
  const giveUp = (): void => {
    try {
      refuseGivenUp(signal);
    } catch (error) {
      given.reject(error);
    }
  };
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await Promise.race([work(), given.promise]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
