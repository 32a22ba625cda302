/** One turn of the conversation: the loop over steps, with compaction before and steers between them. */
import type { LoopControl } from "../config/config.js";
import { KernelError } from "../errors.js";
import type { ContentPart } from "../messages.js";
import type { StepPosition } from "../storage/turn-position.js";
import { compact, mustCompact } from "./compaction.js";
import { endsInCut } from "./continue-reply.js";
import { type DmailBox, returnToPast } from "./dmail.js";
import { requireReadable } from "./readable-content.js";
import type { SteerSource } from "./steer-queue.js";
import { runStep, type StepDeps } from "./step.js";
import { newStep } from "./step-start.js";
import { inputParts } from "./user-input.js";

/** How a turn ended that did not fail. */
export type TurnResult =
  | { status: "finished" }
  | { status: "cancelled" }
  | { status: "max_steps_reached"; steps: number };

export interface TurnDeps extends StepDeps {
  loop: LoopControl;
  steers: SteerSource;
  /** Told of each step that begins. */
  onStep?: () => void;
  /** Mail of the model to its past; null for an agent that cannot send any. */
  mail?: DmailBox | null;
  /**
   * What the model has to be told before its next step, one user message each; every text is given once. Each is put into
   * the conversation before the next is taken.
   */
  notices?: () => Iterable<ContentPart[]>;
}

/**
 * Runs the loop for one user message until the model is done, a limit is reached or the signal aborts. The caller
 * emits TurnBegin before and TurnEnd after. Throws ProviderError, KernelError or the signal's reason.
 */
export async function runTurn(
  userInput: string | ContentPart[],
  deps: TurnDeps,
  signal: AbortSignal,
): Promise<TurnResult> {
  const content = inputParts(userInput);
  requireReadable(content, deps.provider);
  // What a step that failed had sent is void.
  deps.mail?.take();
  deps.history.checkpoint(content);
  return await runSteps(newStep(1), false, deps, signal);
}

/** The loop from a step on; `begun`: the client was told that it began. Otherwise as runTurn. */
export async function runSteps(
  first: StepPosition,
  begun: boolean,
  deps: TurnDeps,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { history, steers, loop } = deps;
  for (let step = first; step.n <= loop.max_steps_per_turn; step = newStep(step.n + 1)) {
    const outcome = await interruptible(step, begun && step === first, deps, signal);
    const mail = deps.mail?.take() ?? null;
    if (mail !== null && outcome === "again") returnToPast(mail, history);
    // A steer goes in between two steps; when the turn would end here it keeps it going.
    const waiting = outcome === "again" ? steers.drain() : steers.drainOrClose();
    if (outcome !== "again" && waiting.length === 0) return { status: "finished" };
    for (const steer of waiting) {
      const parts = inputParts(steer.userInput);
      requireReadable(parts, deps.provider);
      history.appendSteer(parts, steer.id);
      deps.recorder.event("SteerInput", { user_input: steer.userInput });
    }
  }
  steers.close();
  return { status: "max_steps_reached", steps: loop.max_steps_per_turn };
}

async function interruptible(step: StepPosition, begun: boolean, deps: TurnDeps, signal: AbortSignal) {
  signal.throwIfAborted();
  const { n } = step;
  if (!begun) deps.recorder.event("StepBegin", { n });
  deps.onStep?.();
  try {
    if (!step.marked) await markStep(n, deps, signal);
    // Those of a step that was cut may not have got into the conversation.
    else if (awaitsReply(step, deps.history)) tell(deps);
    return await runStep(step, deps, signal);
  } catch (error) {
    if (!signal.aborted && !isStorageFailure(error)) deps.recorder.event("StepInterrupted", {});
    throw error;
  }
}

async function markStep(n: number, deps: TurnDeps, signal: AbortSignal): Promise<void> {
  if (mustCompact(deps.history.estimatedTokens, deps.provider.maxContextSize, deps.loop)) {
    await compact(deps, "", signal);
  }
  const checkpoint = deps.history.checkpoint();
  deps.recorder.note({ kind: "step", n, checkpoint }, false);
  tell(deps);
}

function tell({ notices, history }: TurnDeps): void {
  for (const content of notices?.() ?? []) history.appendUser(content);
}

/** Nothing of the reply is in the conversation. */
function awaitsReply({ stored, end }: StepPosition, { messages }: TurnDeps["history"]): boolean {
  return !stored && end === null && !endsInCut(messages);
}

/** Then no event can be recorded any more, and none may be delivered. */
function isStorageFailure(error: unknown): boolean {
  return error instanceof KernelError && error.code !== "llm_not_supported";
}
