/** The one encoder of events and requests: journal records in, lines of the wire out, through the connection's ordered writer. */
import type { Connection } from "../../wire/connection.js";
import { WireError } from "../../wire/errors.js";
import type { WireRecord } from "../storage/replay.js";
import type { DeliverableRecord } from "../storage/session-log.js";
import { ClientRequestError, type EventSink } from "../turn/event-sink.js";

const EVENT_HEAD = '{"jsonrpc":"2.0","method":"event","params":{"type":"';
const PAYLOAD = '","payload":';

/** One client: what happens, and what has happened, goes to it. */
export interface ClientSink extends EventSink {
  /** Sends stored records again; nothing is expected in answer to their requests. */
  replay(records: readonly WireRecord[]): void;
}

/** The client behind one connection, which its owner closes. */
export class WireEventSink implements ClientSink {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  deliver(_firstSeq: number, records: readonly DeliverableRecord[]): void {
    this.#connection.writeLines(records.map((record) => eventLine(record.type, record.json)));
  }

  async request(_seq: number, record: DeliverableRecord, signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#connection.request(
        "request",
        { type: record.type, payload: record.payload },
        { signal, ...(record.id === undefined ? {} : { id: record.id }) },
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

  replay(records: readonly WireRecord[]): void {
    this.#connection.writeLines(
      records.map(({ type, json, isRequest, id }) => (isRequest ? requestLine(id, type, json) : eventLine(type, json))),
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
