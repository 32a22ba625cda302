/** The step that a loop begins with: a new one, or one that an earlier process began. */
import type { StepPosition } from "../storage/turn-position.js";

/** A step of which nothing happened yet. */
export function newStep(n: number): StepPosition {
  return {
    n,
    marked: false,
    interrupted: false,
    content: [],
    toolCalls: [],
    end: null,
    statusShown: false,
    stored: false,
    outcome: null,
    calls: new Map(),
  };
}
