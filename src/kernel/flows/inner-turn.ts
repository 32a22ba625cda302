/** A turn inside the turn: brackets of its own around the same loop. Only flows and the Ralph loop have them. */
import type { ContentPart } from "../messages.js";
import { innerSteers } from "../turn/steer-queue.js";
import { runTurn, type TurnDeps } from "../turn/turn.js";
import { inputParts } from "../turn/user-input.js";
import type { InnerTurn } from "./run-flow.js";

/**
 * Runs it in the conversation of `deps`. `tail` goes behind the input without being shown. Throws as runTurn does, after
 * its TurnEnd.
 */
export async function innerTurn(
  input: string | ContentPart[],
  tail: readonly ContentPart[],
  deps: TurnDeps,
  signal: AbortSignal,
): Promise<InnerTurn> {
  const { recorder, history } = deps;
  let steps = 0;
  const own: TurnDeps = {
    ...deps,
    steers: innerSteers(deps.steers),
    onStep: () => {
      steps += 1;
    },
  };
  recorder.event("TurnBegin", { user_input: input });
  try {
    const content = tail.length === 0 ? input : [...inputParts(input), ...tail];
    const result = await runTurn(content, own, signal);
    return { result, steps, reply: lastReply(history.messages.at(-1)) };
  } finally {
    recorder.event("TurnEnd", {});
  }
}

/** A conversation that ends with results ended because a call was rejected or repeated: nothing was decided. */
function lastReply(last: TurnDeps["history"]["messages"][number] | undefined): string | null {
  if (last?.role !== "assistant" || last.tool_calls.length > 0) return null;
  return last.content.map((part) => (part.type === "text" ? part.text : "")).join("");
}
