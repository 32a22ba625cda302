/** The turns of a session as its journal has them: what was asked, how it ended, and a turn that outlived its kernel. */
import { KernelError } from "../errors.js";
import { type AcquiredSession, settle } from "./acquire-session.js";
import { findOpenTurn } from "./open-turn-position.js";
import { readJournalOf, readStoredSession } from "./read-session.js";
import {
  type RecordedRequest,
  type RecordedRequests,
  type RecordedTurn,
  recordedRequests,
} from "./recorded-requests.js";
import type { DeliverableRecord, NoteRecord, SettledTurn } from "./session-log.js";
import type { SessionPaths } from "./share-folder.js";
import type { TurnPosition } from "./turn-position.js";

/** Of one session. Before `held` it reads the journal each time; from then on it is told of every record. */
export class TurnLedger {
  readonly #paths: SessionPaths;
  #held: AcquiredSession | null = null;
  #requests: RecordedRequests | null = null;
  /** An open turn waits for its end or for someone to go on with it. */
  #kept = false;
  #settled: SettledTurn | null = null;

  constructor(paths: SessionPaths) {
    this.#paths = paths;
  }

  /** The session was acquired. `wantsSettled`: whoever did that has to deliver the end of a turn that was ended. */
  held(held: AcquiredSession, wantsSettled: boolean): void {
    this.#held = held;
    this.#kept = held.kept;
    this.#requests = recordedRequests(held.found.journal);
    if (held.settled !== null) this.appended(held.settled.records);
    if (wantsSettled) this.#settled = held.settled;
  }

  noted(record: NoteRecord): void {
    this.#requests?.take(record.kind, record);
  }

  appended(records: readonly DeliverableRecord[]): void {
    for (const record of records) {
      if (record.kind === "turn_end") this.#requests?.take("turn_end", { extra: record.extra });
    }
  }

  /** See SessionLog.lastTurn. */
  get lastTurn(): RecordedTurn | null {
    return this.#known().lastTurn;
  }

  /** See SessionLog.outcomeOf. */
  find(clientId: string): RecordedRequest | null {
    return this.#known().find(clientId);
  }

  /** What a cut of the journal must not take away. */
  get kept(): RecordedRequests["kept"] {
    return this.#known().kept;
  }

  /** See SessionLog.openTurn. */
  open(): TurnPosition | null {
    const held = this.#held;
    if (held !== null && !this.#kept) return null;
    const journal = held?.writer.untouched ? held.found.journal : readJournalOf(this.#paths);
    return findOpenTurn(journal.records)?.position ?? null;
  }

  /** See SessionLog.continueTurn. */
  takeUp(): TurnPosition {
    const position = this.open();
    if (this.#held === null || position === null) throw new KernelError("no_turn", "No agent turn is open");
    this.#held.writer.continueTurn();
    this.#kept = false;
    return position;
  }

  /** See SessionLog.settleOpenTurn; with what was repaired by it. */
  settle(): { turn: SettledTurn | null; repairs: readonly string[] } {
    const turn = this.#settled;
    this.#settled = null;
    if (this.#held === null || !this.#kept) return { turn, repairs: [] };
    const { found, writer } = this.#held;
    const { closing } = writer.untouched ? found : readStoredSession(this.#paths);
    if (closing === null) return { turn, repairs: [] };
    const settled = settle(this.#held.writer, closing);
    this.#kept = false;
    this.appended(settled.records);
    this.#held.writer.checkpoint();
    return { turn: settled, repairs: closing.repairs };
  }

  #known(): RecordedRequests {
    return this.#requests ?? recordedRequests(readJournalOf(this.#paths));
  }
}
