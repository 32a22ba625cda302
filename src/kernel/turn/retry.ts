/** When and how long to wait before a model call is tried again. */

import { delay } from "../abort.js";
import { ProviderError } from "../providers/provider.js";

const LONGEST_SERVER_WAIT_MS = 60_000;

/**
 * Milliseconds before retry `k` (1-based): exponential from 0.3 s to 5 s plus up to 0.5 s of jitter, or what the
 * server asked for when that is longer (at most a minute). null when the error will not go away or no attempt is left.
 * Pure.
 */
export function retryDelayMs(
  error: ProviderError,
  k: number,
  maxAttempts: number,
  random: () => number,
): number | null {
  if (!error.retryable || k >= maxAttempts) return null;
  const backoff = Math.min(300 * 2 ** (k - 1), 5_000) + random() * 500;
  return Math.min(Math.max(backoff, error.retryAfterMs ?? 0), LONGEST_SERVER_WAIT_MS);
}

export interface RetryOptions {
  /** Attempts in total, the first included. */
  maxAttempts: number;
  random: () => number;
  signal: AbortSignal;
  /** Given each wait, to tell of it; settles as the wait does. */
  pause?: (wait: Promise<void>) => Promise<void>;
  /** Told before each wait; `next` is the number of the attempt to come. */
  onRetry?: (error: ProviderError, next: number, waitMs: number) => void;
}

/** Runs `attempt` until it succeeds. Throws its last error, or the signal's reason when that aborted. */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, maxAttempts, random } = options;
  for (let k = 1; ; k++) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof ProviderError)) throw error;
      const wait = retryDelayMs(error, k, maxAttempts, random);
      if (wait === null) throw error;
      options.onRetry?.(error, k + 1, wait);
      await (options.pause?.(delay(wait, signal)) ?? delay(wait, signal));
    }
  }
}
