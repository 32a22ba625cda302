/** What the turn needs of whoever is connected. The server implements it; the turn never imports the server. */
import type { EventStamp, GrantProposal } from "../../wire/generated/extensions.gen.js";
import type { WireRecord } from "../storage/replay.js";
import type { DeliverableRecord } from "../storage/session-log.js";

/** Where a delivery stands: the kernel's epoch, and the seq of what was delivered before in this turn (0: nothing). */
export interface DeliveryPlace {
  readonly epoch: number;
  readonly prev: number;
}

/** What stands beside the payload of a request, for clients that asked for such things; it is not recorded. */
export interface BesideRequest {
  readonly grant: GrantProposal;
}

/** A record that is sent again. */
export interface SentRecord extends WireRecord {
  /** Set when it goes to a client of seq/1 that caught up: then a request is shown, not asked. */
  readonly stamp?: EventStamp;
  readonly beside?: BesideRequest;
}

/** One client, for one session at a time. */
export interface EventSink {
  /**
   * Sends records that are already in the journal, in this order; `firstSeq` is the seq of the first, 0 for a record
   * that could not be written. Never throws.
   */
  deliver(firstSeq: number, records: readonly DeliverableRecord[], place?: DeliveryPlace): void;
  /**
   * Sends one request that is already in the journal and resolves with the client's raw result. Rejects with
   * ClientRequestError, exactly once, when the client answers with an error, goes away, or the signal aborts.
   */
  request(
    seq: number,
    record: DeliverableRecord,
    signal: AbortSignal,
    place?: DeliveryPlace,
    beside?: BesideRequest,
  ): Promise<unknown>;
  /** null while the client keeps up; else settles when it has read on or is gone. Model streams and replays wait for it. */
  ready(): Promise<void> | null;
  /** True when a request with this id is open, or was given up and may still get its one late answer. */
  isIdTaken(id: string): boolean;
}

/** `answered_error` carries the client's own sentence; `closed`: it is gone; `aborted`: we did not wait for it. */
type ClientRequestFailure = "answered_error" | "closed" | "aborted";

/** Why a request to the client has no result. */
export class ClientRequestError extends Error {
  readonly code: ClientRequestFailure;

  constructor(code: ClientRequestFailure, message: string) {
    super(message);
    this.name = "ClientRequestError";
    this.code = code;
  }
}
