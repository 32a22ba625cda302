/** Asks the client about one of its subscriptions, for as long as the subscription says. */
import type { ClientVerdict, HookChannel, HookRequestPayload } from "./hook-channel.js";

/** A late answer is ignored. Rejects only with the signal's reason. */
export async function askClientHook(
  channel: HookChannel,
  payload: HookRequestPayload,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ClientVerdict> {
  signal.throwIfAborted();
  const late = new AbortController();
  const onAbort = () => late.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => late.abort(new Error("The hook's time is over.")), timeoutMs);
  try {
    return await channel.request(payload, late.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!late.signal.aborted) throw error;
    return { action: "failed", problem: `timed out after ${timeoutMs / 1000} s` };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
