/** Positions of a dead kernel's turn, written by hand. For tests. */
import type { CallPosition, StepPosition, TurnPosition } from "../storage/turn-position.js";
import { newStep } from "../turn/step-start.js";

/** A turn of the prompt "go" whose message is in the conversation. */
export function turnPosition(change: Partial<TurnPosition> = {}): TurnPosition {
  return {
    turnId: "t",
    clientId: null,
    userInput: "go",
    deliveredSeq: 1,
    begun: true,
    cancelled: false,
    openBrackets: [],
    openInnerTurns: 0,
    inner: null,
    promptHook: null,
    stopHook: null,
    steers: [],
    unshownSteers: [],
    earlierCalls: [],
    hasContext: true,
    step: null,
    ...change,
  };
}

/** A step whose checkpoint is in the conversation. */
export function stepPosition(change: Partial<StepPosition> = {}): StepPosition {
  return { ...newStep(1), marked: true, ...change };
}

/** A step whose stream has ended with these calls, none of them begun but those of `calls`. */
export function endedStep(
  toolCalls: StepPosition["toolCalls"],
  calls: Record<string, Partial<CallPosition>> = {},
  change: Partial<StepPosition> = {},
): StepPosition {
  return stepPosition({
    toolCalls,
    end: { usage: null, messageId: null, finishReason: "tool_calls" },
    statusShown: true,
    calls: new Map(toolCalls.map(({ id }) => [id, callPosition(calls[id])])),
    ...change,
  });
}

export function callPosition(change: Partial<CallPosition> = {}): CallPosition {
  return { result: null, hook: null, approval: null, request: null, intent: null, ...change };
}
