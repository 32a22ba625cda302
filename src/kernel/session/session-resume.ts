/** How a turn that outlived its kernel goes on, as the server needs it (extensions seq/1 and resume/1). */
import type { DeliverableRecord } from "../storage/session-log.js";
import type { TurnResult } from "../turn/turn.js";

export interface OpenTurnInfo {
  turnId: string;
  /** Of the prompt that began it. */
  clientId: string | null;
  /** Of the newest delivered record. */
  seq: number;
}

/** Where a record stands: beside every event and request for clients of seq/1. */
export interface EventStamp {
  /** 0 for what is not recorded. */
  seq: number;
  epoch: number;
  /** Seq of what was delivered before in this turn; 0 for the first. */
  prev: number;
}

export interface StampedRecord {
  stamp: EventStamp;
  record: DeliverableRecord;
}

export interface SessionResume {
  /** The turn without an end that the journal holds and that does not run here. Reads; takes nothing. */
  openTurn(): OpenTurnInfo | null;
  /**
   * Goes on with that turn; resolves and rejects as `Session.prompt` does. The turn that runs is joined, the last one
   * that ended gives its recorded outcome. `settle` ends it as it stands and rejects with `turn_interrupted`. Throws
   * KernelError `no_turn` for an id that is neither.
   */
  resume(turnId: string, action: "continue" | "settle"): Promise<TurnResult>;
  /** What was delivered behind `seq` in the current or last turn, in order; read lazily. */
  since(seq: number): Iterable<StampedRecord>;
}
