/** The one encoder of events and requests: journal records in, lines of the wire out, through the connection's ordered writer. */
import type { Connection } from "../../wire/connection.js";
import { WireError } from "../../wire/errors.js";
import type { DeliverableRecord } from "../storage/session-log.js";
import {
  type BesideRequest,
  ClientRequestError,
  type DeliveryPlace,
  type EventSink,
  type SentRecord,
} from "../turn/event-sink.js";
import type { ExtendedLines } from "./extended-lines.js";

const EVENT_HEAD = '{"jsonrpc":"2.0","method":"event","params":{"type":"';
const PAYLOAD = '","payload":';

/** One client: what happens, and what has happened, goes to it. */
export interface ClientSink extends EventSink {
  /** How lines look for a client of extensions; null: as Wire 1.10 has them. */
  extended: ExtendedLines | null;
  /** Sends stored records again; nothing is expected in answer to their requests. */
  replay(records: readonly SentRecord[]): void;
}

/** The client behind one connection, which its owner closes. */
export class WireEventSink implements ClientSink {
  readonly #connection: Connection;
  extended: ExtendedLines | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  deliver(firstSeq: number, records: readonly DeliverableRecord[], place?: DeliveryPlace): void {
    this.#connection.writeLines(
      this.extended?.events(firstSeq, records, place) ?? records.map((record) => eventLine(record.type, record.json)),
    );
  }

  async request(
    seq: number,
    record: DeliverableRecord,
    signal: AbortSignal,
    place?: DeliveryPlace,
    beside?: BesideRequest,
  ): Promise<unknown> {
    const { type, payload, id } = record;
    try {
      return await this.#connection.request(
        "request",
        { type, payload, ...this.extended?.besideRequest(seq, place, beside) },
        { signal, ...(id === undefined ? {} : { id }) },
      );
    } catch (error) {
      throw asRequestError(error, signal);
    }
  }

  ready(): Promise<void> | null {
    return this.#connection.ready();
  }

  isIdTaken(id: string): boolean {
    return !this.#connection.isIdFree(id);
  }

  replay(records: readonly SentRecord[]): void {
    this.#connection.writeLines(
      records.map((record) => {
        const { type, json, isRequest, id } = record;
        return this.extended?.sent(record) ?? (isRequest ? requestLine(id, type, json) : eventLine(type, json));
      }),
    );
  }
}

function requestLine(id: string | null, type: string, json: string): string {
  return `{"jsonrpc":"2.0","method":"request","id":${JSON.stringify(id)},"params":{"type":"${type}${PAYLOAD}${json}}}`;
}

function eventLine(type: string, json: string): string {
  return `${EVENT_HEAD}${type}${PAYLOAD}${json}}}`;
}

function asRequestError(error: unknown, signal: AbortSignal): ClientRequestError {
  const message = error instanceof Error ? error.message : String(error);
  if (signal.aborted) return new ClientRequestError("aborted", message);
  // Our own `closed` carries no data; with data it is a word of the client's.
  const closed = error instanceof WireError && error.code === "closed" && error.data === null;
  if (closed) return new ClientRequestError("closed", message);
  return new ClientRequestError("answered_error", message);
}
