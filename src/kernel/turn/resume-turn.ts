/** The rest of a turn whose kernel died: the same loop, from where the records of that kernel end. */
import { asObject, parseObject } from "../storage/line-json.js";
import type { StepPosition, TurnPosition } from "../storage/turn-position.js";
import type { DmailBox } from "./dmail.js";
import { callKey, type RepeatGuard } from "./repeat-guard.js";
import { newStep } from "./step-start.js";
import { runSteps, type TurnDeps, type TurnResult } from "./turn.js";

/**
 * Goes on with a turn whose user message is in the conversation (`hasContext`). Resolves and throws as runTurn does;
 * the caller has closed what brackets were open, and emits TurnEnd.
 */
export async function resumeTurn(
  { step, earlierCalls }: Pick<TurnPosition, "step" | "earlierCalls">,
  deps: TurnDeps,
  signal: AbortSignal,
): Promise<TurnResult> {
  refill(deps.guard, earlierCalls);
  deps.mail?.take();
  if (step === null) return await runSteps(newStep(1), false, deps, signal);
  if (step.interrupted) return await runSteps(newStep(step.n + 1), false, deps, signal);
  if (step.returned !== true) sendAgain(step, deps.mail ?? null);
  return await runSteps(step, true, deps, signal);
}

function refill(guard: RepeatGuard, earlierCalls: TurnPosition["earlierCalls"]): void {
  for (const calls of earlierCalls) {
    for (const call of calls) guard.count(callKey(call.name, call.arguments));
    guard.endStep();
  }
}

/** A mail that waited for the end of the step was only in memory. */
function sendAgain({ toolCalls, calls }: StepPosition, mail: DmailBox | null): void {
  for (const { id, function: fn } of toolCalls) {
    const result = asObject(calls.get(id)?.result?.returnValue);
    if (mail === null || fn.name !== "SendDMail" || result?.is_error !== false) continue;
    const args = parseObject(fn.arguments ?? "");
    if (typeof args?.checkpoint_id !== "number" || typeof args.message !== "string") continue;
    mail.send({ checkpointId: args.checkpoint_id, message: args.message });
  }
}
