/** A turn inside the turn: brackets of its own around the same loop. Only flows and the Ralph loop have them. */
import type { ContentPart } from "../messages.js";
import type { TurnPosition } from "../storage/turn-position.js";
import { resumeTurn } from "../turn/resume-turn.js";
import { innerSteers } from "../turn/steer-queue.js";
import { runTurn, type TurnDeps, type TurnResult } from "../turn/turn.js";
import { inputParts } from "../turn/user-input.js";
import { wholeReply } from "../turn/whole-reply.js";
import type { InnerTurn } from "./run-flow.js";

export interface InnerInput {
  input: string | ContentPart[];
  /** Goes behind the input without being shown. */
  tail: readonly ContentPart[];
  /** Where the turn around it stood, for an inner turn that an earlier process began. */
  earlier: TurnPosition | null;
}

/** Runs it in the conversation of `deps`. Throws as runTurn does, after its TurnEnd. */
export async function innerTurn(inner: InnerInput, deps: TurnDeps, signal: AbortSignal): Promise<InnerTurn> {
  const { recorder, history } = deps;
  const { input, earlier } = inner;
  let steps = 0;
  const own: TurnDeps = {
    ...deps,
    steers: innerSteers(deps.steers),
    onStep: () => {
      steps += 1;
    },
  };
  if (earlier === null) recorder.event("TurnBegin", { user_input: input });
  try {
    const result = await (earlier === null ? begin(inner, own, signal) : goOn(inner, earlier, own, signal));
    return { result, steps, reply: wholeReply(history.messages) };
  } finally {
    for (let open = earlier?.openInnerTurns ?? 1; open > 0; open -= 1) recorder.event("TurnEnd", {});
  }
}

function begin({ input, tail }: InnerInput, deps: TurnDeps, signal: AbortSignal): Promise<TurnResult> {
  return runTurn(tail.length === 0 ? input : [...inputParts(input), ...tail], deps, signal);
}

async function goOn(
  inner: InnerInput,
  earlier: TurnPosition,
  deps: TurnDeps,
  signal: AbortSignal,
): Promise<TurnResult> {
  if (earlier.openInnerTurns === 0) return { status: "finished" };
  if (earlier.inner === null || earlier.inner.said) return await resumeTurn(earlier, deps, signal);
  // Its message did not get into the conversation.
  return await begin({ ...inner, input: earlier.inner.userInput }, deps, signal);
}
