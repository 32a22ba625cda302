/** An ordinary prompt: one turn, or with the Ralph loop as many inner turns as the model wants. */
import { runFlowTurns } from "../flows/flow-turns.js";
import { ralphFlow, ralphMoves } from "../flows/ralph.js";
import type { ContentPart } from "../messages.js";
import type { TurnPosition } from "../storage/turn-position.js";
import type { Recorder } from "../turn/recorder.js";
import { resumeTurn } from "../turn/resume-turn.js";
import { runTurn, type TurnDeps, type TurnResult } from "../turn/turn.js";
import { inputParts } from "../turn/user-input.js";

export interface PromptRun {
  userInput: string | ContentPart[];
  /** Goes behind the input without being shown. */
  tail: readonly ContentPart[];
  /** 0: no loop. -1: endless. */
  ralphIterations: number;
  /** Fresh for each turn or inner turn. Throws llm_not_set. */
  turnDeps: () => Promise<TurnDeps>;
  recorder: Recorder;
  /** Where it stood in an earlier process. */
  earlier: TurnPosition | null;
  signal: AbortSignal;
}

/** Runs it, or the rest of it, in the conversation. Throws as runTurn does. */
export async function runPrompt(run: PromptRun): Promise<TurnResult> {
  const { userInput, ralphIterations, turnDeps, earlier, signal } = run;
  const tail = earlier?.hasContext === true ? [] : run.tail;
  if (ralphIterations !== 0 || isLoop(earlier)) {
    return await runFlowTurns({
      ...{ ...run, tail },
      flow: ralphFlow(userInput),
      request: "",
      maxMoves: ralphMoves(ralphIterations),
    });
  }
  if (earlier?.hasContext === true) return await resumeTurn(earlier, await turnDeps(), signal);
  const content = tail.length === 0 ? userInput : [...inputParts(userInput), ...tail];
  return await runTurn(content, await turnDeps(), signal);
}

/** The kernel before may have been started with other flags. */
function isLoop(earlier: TurnPosition | null): boolean {
  return earlier !== null && (earlier.openInnerTurns > 0 || (earlier.flow ?? null) !== null);
}
