/** What a journal tells of the client's requests, of its turn and of those before, so that none is carried out twice. */
import { type EarlierRequest, newestRequests } from "./earlier-requests.js";
import type { JournalContent } from "./journal-reader.js";
import { asObject } from "./line-json.js";
import { readOutcome, type TurnOutcome } from "./turn-outcome.js";

/** The current or last turn, or one before it. */
export interface RecordedTurn {
  turnId: string;
  /** Of its prompt; null when the client gave none. */
  clientId: string | null;
  /** null while it has no end. */
  outcome: TurnOutcome | null;
}

/** A request that was recorded under a client's id. */
export type RecordedRequest = { kind: "prompt"; turn: RecordedTurn } | { kind: "steer" } | { kind: "cancel" };

/** Everything that a journal tells. */
export function recordedRequests({ header, records }: JournalContent): RecordedRequests {
  const requests = new RecordedRequests(header?.requests ?? []);
  for (const { kind, fields } of records) requests.take(kind, fields);
  return requests;
}

/** Fed with every record behind the header, in order. */
export class RecordedRequests {
  #turn: RecordedTurn | null = null;
  readonly #others = new Map<string, "steer" | "cancel">();
  #earlier: readonly EarlierRequest[];

  /** `earlier`: what the header keeps. */
  constructor(earlier: readonly EarlierRequest[]) {
    this.#earlier = earlier;
  }

  /** The newest turn; null before the first. */
  get lastTurn(): RecordedTurn | null {
    return this.#turn;
  }

  /** What has to be kept when the records of the newest turn go: its requests and those before, oldest first. */
  get kept(): readonly EarlierRequest[] {
    const requests: EarlierRequest[] = [...this.#earlier];
    const { clientId = null, turnId = "", outcome = null } = this.#turn ?? {};
    // Whoever asks again must not begin anew a turn that has ended, if nobody knows how.
    if (clientId !== null) requests.push({ kind: "prompt", clientId, turnId, outcome: outcome ?? readOutcome(null) });
    for (const [id, kind] of this.#others) requests.push({ kind, clientId: id });
    return newestRequests(requests);
  }

  /** The newest request that had this id; null for none that is known. */
  find(clientId: string): RecordedRequest | null {
    if (this.#turn?.clientId === clientId) return { kind: "prompt", turn: this.#turn };
    const kind = this.#others.get(clientId);
    if (kind !== undefined) return { kind };
    const earlier = this.#earlier.findLast((request) => request.clientId === clientId);
    if (earlier?.kind !== "prompt") return earlier === undefined ? null : { kind: earlier.kind };
    const { turnId, outcome } = earlier;
    return { kind: "prompt", turn: { turnId, clientId, outcome } };
  }

  /** Takes the fields of a record of this kind; ignores what is no request. */
  take(kind: string, fields: Readonly<Record<string, unknown>>): void {
    const clientId = typeof fields.client_id === "string" ? fields.client_id : null;
    if (kind === "turn") {
      this.#earlier = this.kept;
      this.#others.clear();
      this.#turn = { turnId: String(fields.turn_id), clientId, outcome: null };
    } else if ((kind === "steer" || kind === "cancel") && clientId !== null) this.#others.set(clientId, kind);
    else if (kind === "turn_end" && this.#turn !== null && this.#turn.outcome === null) {
      const extra = asObject(fields.extra);
      this.#turn = { ...this.#turn, outcome: readOutcome(extra) };
    }
  }
}
