/** What a person is told when the kernel behind a client changes. Pure. */
import type { DeathCause, KernelStateChange } from "../src/client/kernel-state.js";
import { turnMessages as say } from "./turn-messages.js";

/** Lines for one change; none for those that mean nothing to a person. A first start that fails has words of its own. */
export function stateNotice(change: KernelStateChange): string[] {
  const notices: string[] = [];
  const { cause } = change;
  if (cause?.kind === "start_failed" && change.nextRetryMs !== null) {
    notices.push(say.kernelNotStarted(cause.code === null && cause.signal === null ? null : causeText(cause)));
  } else if (change.to === "restarting") notices.push(say.kernelRestarting(causeText(change.cause)));
  else if (change.to === "ready" && change.from !== "ready" && change.attempt > 1) {
    notices.push(say.kernelReady(change.mode === "in_process", change.resumedTurn !== null));
  } else if (change.to === "failed" && change.from !== "starting")
    notices.push(say.kernelFailed(causeText(change.cause)));
  if (change.unknownEffects.length > 0) notices.push(say.unknownEffects(change.unknownEffects.length));
  return notices;
}

function causeText(cause: DeathCause | null): string {
  if (cause === null) return say.noKernelReason;
  // What was ended for its behaviour: the signal was only our own.
  const isOwn = cause.kind !== "signal" && cause.kind !== "start_failed";
  if (cause.signal !== null) return isOwn ? say.deaths[cause.kind] : say.killedBy(cause.signal);
  return cause.code === null ? say.deaths[cause.kind] : say.exitCode(cause.code);
}
