/** What the turn needs of whoever is connected. The server implements it; the turn never imports the server. */
import type { DeliverableRecord } from "../storage/session-log.js";

export interface EventSink {
  /** Sends records that are already in the journal, in this order; `firstSeq` is the seq of the first. Never throws. */
  deliver(firstSeq: number, records: readonly DeliverableRecord[]): void;
  /**
   * Sends one request that is already in the journal and resolves with the client's raw result. Rejects with
   * ClientRequestError, exactly once, when the client answers with an error, goes away, or the signal aborts.
   */
  request(seq: number, record: DeliverableRecord, signal: AbortSignal): Promise<unknown>;
  /** null while the client keeps up; else settles when it has read on or is gone. Model streams and replays wait for it. */
  ready(): Promise<void> | null;
  /** True when a request with this id is open, or was given up and may still get its one late answer. */
  isIdTaken(id: string): boolean;
}

export class ClientRequestError extends Error {
  readonly reason: "answered_error" | "closed" | "aborted";

  constructor(reason: "answered_error" | "closed" | "aborted", message: string) {
    super(message);
    this.name = "ClientRequestError";
    this.reason = reason;
  }
}
