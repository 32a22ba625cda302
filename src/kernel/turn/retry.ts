/** When and how long to wait before a model call is tried again (wire.md 3.7). Pure. */
import type { ProviderError } from "../providers/provider.js";

const LONGEST_SERVER_WAIT_MS = 60_000;

/**
 * Milliseconds before retry `k` (1-based): exponential from 0.3 s to 5 s plus up to 0.5 s of jitter, or what the
 * server asked for when that is longer (at most a minute). null when the error will not go away or no attempt is left.
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
