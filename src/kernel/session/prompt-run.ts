/** An ordinary prompt: one turn, or with the Ralph loop as many inner turns as the model wants. */
import { innerTurn } from "../flows/inner-turn.js";
import { ralphFlow, ralphMoves } from "../flows/ralph.js";
import { runFlow } from "../flows/run-flow.js";
import type { ContentPart } from "../messages.js";
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
  signal: AbortSignal;
}

/** Runs it in the conversation. Throws as runTurn does. */
export async function runPrompt(run: PromptRun): Promise<TurnResult> {
  const { userInput, tail, ralphIterations, turnDeps, signal } = run;
  if (ralphIterations === 0) {
    const content = tail.length === 0 ? userInput : [...inputParts(userInput), ...tail];
    return await runTurn(content, await turnDeps(), signal);
  }
  const unsaid = [...tail];
  return await runFlow({
    flow: ralphFlow(userInput),
    request: "",
    maxMoves: ralphMoves(ralphIterations),
    turn: async (input) => innerTurn(input, unsaid.splice(0), await turnDeps(), signal),
  });
}
