/** What a person is told when the kernel behind a client changes. Pure. */
import type { DeathCause, KernelStateChange } from "../src/client/kernel-state.js";
import { turnMessages as say } from "./turn-messages.js";

/** Lines for one change; none for those that mean nothing to a person, or of which the failure itself tells. */
export function stateNotice(change: KernelStateChange): string[] {
  const notices: string[] = [];
  if (change.to === "restarting") notices.push(say.kernelRestarting(causeText(change.cause)));
  else if (change.to === "ready" && change.from !== "ready" && change.attempt > 1) {
    notices.push(say.kernelReady(change.mode === "in_process", change.resumedTurn !== null));
  } else if (change.to === "failed" && change.from !== "starting")
    notices.push(say.kernelFailed(causeText(change.cause)));
  if (change.unknownEffects.length > 0) notices.push(say.unknownEffects(change.unknownEffects.length));
  return notices;
}

function causeText(cause: DeathCause | null): string {
  if (cause === null) return say.noKernelReason;
  if (cause.signal !== null) return say.killedBy(cause.signal);
  return cause.code === null ? say.deaths[cause.kind] : say.exitCode(cause.code);
}
