/** What runs in a session, as far as others need to know of it. */
import { type Steer, SteerQueue } from "../turn/steer-queue.js";
import type { TurnResult } from "../turn/turn.js";

export interface TurnActivity {
  kind: "turn";
  controller: AbortController;
  steers: SteerQueue;
  /** Set when the end is decided: a cancel that comes later changes nothing. */
  ended: boolean;
  /** Of its prompt; null when the client gave none. */
  clientId: string | null;
  /** null until a fresh turn has begun. */
  turnId: string | null;
  /** True from the moment that the journal knows the turn as the one that runs. */
  recorded: boolean;
  /** Taken before that; they are recorded together with it. */
  unrecorded: Steer[];
  /** How it ends; joined by whoever asks for the same turn. */
  result: Promise<TurnResult>;
}

export interface ReplayActivity {
  kind: "replay";
  controller: AbortController;
}

/** Reason of the abort when the client or the process asked for it. */
export class TurnCancelled extends Error {
  constructor(why: string) {
    super(`The turn was cancelled: ${why}.`);
    this.name = "TurnCancelled";
  }
}

/** A turn that is about to run; whoever starts it sets its `result`. */
export function turnActivity(turn: { clientId: string | null; turnId: string | null }): TurnActivity {
  return {
    kind: "turn",
    controller: new AbortController(),
    steers: new SteerQueue(),
    ended: false,
    recorded: false,
    unrecorded: [],
    result: new Promise(() => {}),
    ...turn,
  };
}
