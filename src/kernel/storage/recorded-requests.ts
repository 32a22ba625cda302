/** What the journal of the current or last turn tells of the client's requests, so that none is carried out twice. */
import { asObject } from "./line-json.js";
import { readOutcome, type TurnOutcome } from "./turn-outcome.js";

/** The current or last turn. */
export interface RecordedTurn {
  turnId: string;
  /** Of its prompt; null when the client gave none. */
  clientId: string | null;
  /** null while it has no end. */
  outcome: TurnOutcome | null;
}

/** A request that was recorded under a client's id. */
export type RecordedRequest = { kind: "prompt"; turn: RecordedTurn } | { kind: "steer" } | { kind: "cancel" };

/** Fed with every record, in order. */
export class RecordedRequests {
  #turn: RecordedTurn | null = null;
  readonly #others = new Map<string, "steer" | "cancel">();

  /** The newest turn; null before the first. */
  get lastTurn(): RecordedTurn | null {
    return this.#turn;
  }

  /** The request of the newest turn that had this id; null for none. */
  find(clientId: string): RecordedRequest | null {
    if (this.#turn?.clientId === clientId) return { kind: "prompt", turn: this.#turn };
    const kind = this.#others.get(clientId);
    return kind === undefined ? null : { kind };
  }

  /** Takes the fields of a record of this kind; ignores what is no request. */
  take(kind: string, fields: Readonly<Record<string, unknown>>): void {
    const clientId = typeof fields.client_id === "string" ? fields.client_id : null;
    if (kind === "turn") {
      this.#others.clear();
      this.#turn = { turnId: String(fields.turn_id), clientId, outcome: null };
    } else if ((kind === "steer" || kind === "cancel") && clientId !== null) this.#others.set(clientId, kind);
    else if (kind === "turn_end" && this.#turn !== null && this.#turn.outcome === null) {
      const extra = asObject(fields.extra);
      this.#turn = { ...this.#turn, outcome: readOutcome(extra) };
    }
  }
}
