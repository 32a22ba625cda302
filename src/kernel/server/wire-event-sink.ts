/** The one encoder of events and requests: journal records in, lines of the wire out, through the connection's ordered writer. */
import type { Connection } from "../../wire/connection.js";
import { WireError } from "../../wire/errors.js";
import type { EventStamp, ExtensionName } from "../../wire/generated/extensions.gen.js";
import { jsonLine } from "../../wire/json-line.js";
import type { DeliverableRecord } from "../storage/session-log.js";
import {
  type BesideRequest,
  ClientRequestError,
  type DeliveryPlace,
  type EventSink,
  type SentRecord,
} from "../turn/event-sink.js";

const EVENT_HEAD = '{"jsonrpc":"2.0","method":"event","params":{"type":"';
const PAYLOAD = '","payload":';
/** Of what is sent before anything was recorded. */
const NOWHERE: DeliveryPlace = { epoch: 0, prev: 0 };

/** One client: what happens, and what has happened, goes to it. */
export interface ClientSink extends EventSink {
  /** Sends stored records again; nothing is expected in answer to their requests. */
  replay(records: readonly SentRecord[]): void;
}

/** The client behind one connection, which its owner closes. */
export class WireEventSink implements ClientSink {
  readonly #connection: Connection;
  #stamped = false;
  #grants = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Writes from now on what these extensions add, and nothing of the others. */
  extend(extensions: ReadonlySet<ExtensionName>): void {
    this.#stamped = extensions.has("seq/1");
    this.#grants = extensions.has("grants/1");
  }

  deliver(firstSeq: number, records: readonly DeliverableRecord[], place: DeliveryPlace = NOWHERE): void {
    this.#connection.writeLines(
      this.#stamped
        ? stampedLines(firstSeq, records, place)
        : records.map((record) => eventLine(record.type, record.json)),
    );
  }

  async request(
    seq: number,
    record: DeliverableRecord,
    signal: AbortSignal,
    { epoch, prev }: DeliveryPlace = NOWHERE,
    beside?: BesideRequest,
  ): Promise<unknown> {
    const { type, payload } = record;
    const stamp = this.#stamped ? { seq, epoch, prev } : {};
    try {
      return await this.#connection.request(
        "request",
        { type, payload, ...stamp, ...(this.#grants ? beside : {}) },
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

  replay(records: readonly SentRecord[]): void {
    this.#connection.writeLines(records.map((record) => this.#sentLine(record)));
  }

  #sentLine({ type, json, isRequest, id, stamp, beside }: SentRecord): string {
    if (!isRequest) return eventLine(type, json, stamp === undefined ? "" : stampText(stamp));
    if (stamp !== undefined) return requestLine("", type, json, stampText(stamp));
    const tail = this.#grants && beside !== undefined ? `,"grant":${jsonLine(beside.grant)}` : "";
    return requestLine(`"id":${JSON.stringify(id)},`, type, json, tail);
  }
}

/** `id` is the member with its comma, or empty for a notification. */
function requestLine(id: string, type: string, json: string, tail: string): string {
  return `{"jsonrpc":"2.0","method":"request",${id}"params":{"type":"${type}${PAYLOAD}${json}${tail}}}`;
}

function eventLine(type: string, json: string, tail = ""): string {
  return `${EVENT_HEAD}${type}${PAYLOAD}${json}${tail}}}`;
}

function stampedLines(firstSeq: number, records: readonly DeliverableRecord[], place: DeliveryPlace): string[] {
  const { epoch } = place;
  let { prev } = place;
  let seq = firstSeq;
  return records.map(({ type, json }) => {
    const line = eventLine(type, json, stampText({ seq, epoch, prev }));
    prev = seq;
    seq += 1;
    return line;
  });
}

function stampText({ seq, epoch, prev }: EventStamp): string {
  return `,"seq":${seq},"epoch":${epoch},"prev":${prev}`;
}

function asRequestError(error: unknown, signal: AbortSignal): ClientRequestError {
  const message = error instanceof Error ? error.message : String(error);
  if (signal.aborted) return new ClientRequestError("aborted", message);
  // Our own `closed` carries no data; with data it is a word of the client's.
  const closed = error instanceof WireError && error.code === "closed" && error.data === null;
  if (closed) return new ClientRequestError("closed", message);
  return new ClientRequestError("answered_error", message);
}
