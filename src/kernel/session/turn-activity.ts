/** What runs in a session, as far as others need to know of it. */
import type { NoteRecord } from "../storage/session-log.js";
import { SteerQueue } from "../turn/steer-queue.js";
import type { TurnResult } from "../turn/turn.js";
import { noTurn } from "./session-errors.js";

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
  /** What was asked before the journal knows the turn as the one that runs; null from that moment on. */
  early: EarlyRequests | null;
  /** How it ends; joined by whoever asks for the same turn. */
  result: Promise<TurnResult>;
}

/** Steers and cancels that are recorded together with their turn. */
export class EarlyRequests {
  readonly #notes: EarlyNote[] = [];
  /** Resolves when what was asked is on record; rejects with `no_turn` when the turn has ended before. */
  readonly recorded: Promise<void>;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor() {
    this.recorded = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // It may be that nobody asks.
    this.recorded.catch(() => {});
  }

  /** True when there is a cancel that has to be on record before it is answered. */
  get mustBeRecorded(): boolean {
    return this.#notes.some(({ kind }) => kind === "cancel");
  }

  /** Under an id of the client that was given before it adds nothing. True when it was added. */
  add(note: EarlyNote): boolean {
    const { client_id } = note;
    if (client_id !== null && this.#notes.some((known) => known.client_id === client_id)) return false;
    this.#notes.push(note);
    return true;
  }

  /** Writes all of them. Throws as `write` does, and then they count as not recorded. */
  record(write: (note: EarlyNote) => void): void {
    for (const note of this.#notes.splice(0)) write(note);
    this.#resolve();
  }

  /** The turn is over. */
  giveUp(): void {
    this.#reject(noTurn());
  }
}

type EarlyNote = Extract<NoteRecord, { kind: "steer" | "cancel" }>;

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
    early: new EarlyRequests(),
    result: new Promise(() => {}),
    ...turn,
  };
}
