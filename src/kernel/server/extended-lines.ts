/** What the extensions write beside the payloads of events and requests. Loaded when a client asks for one by name. */
import type { EventStamp, ExtensionName } from "../../wire/generated/extensions.gen.js";
import { jsonLine } from "../../wire/json-line.js";
import type { DeliverableRecord } from "../storage/session-log.js";
import type { BesideRequest, DeliveryPlace, SentRecord } from "../turn/event-sink.js";

/** Of what is sent before anything was recorded. */
const NOWHERE: DeliveryPlace = { epoch: 0, prev: 0 };

/** The lines of one connection; null stands for those of plain Wire 1.10. */
export class ExtendedLines {
  readonly #stamped: boolean;
  readonly #grants: boolean;

  constructor(names: ReadonlySet<ExtensionName>) {
    this.#stamped = names.has("seq/1");
    this.#grants = names.has("grants/1");
  }

  /** As `EventSink.deliver`. Hot: called for every delta. */
  events(firstSeq: number, records: readonly DeliverableRecord[], place = NOWHERE): string[] | null {
    if (!this.#stamped) return null;
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

  /** The keys beside `type` and `payload` of a request. */
  besideRequest(seq: number, { epoch, prev } = NOWHERE, beside?: BesideRequest): object {
    return { ...(this.#stamped ? { seq, epoch, prev } : {}), ...(this.#grants ? beside : {}) };
  }

  /** A stamped request is shown, not asked: a notification. */
  sent({ type, json, isRequest, id, stamp, beside }: SentRecord): string | null {
    if (stamp !== undefined) {
      return isRequest ? requestLine("", type, json, stampText(stamp)) : eventLine(type, json, stampText(stamp));
    }
    if (!this.#grants || beside === undefined) return null;
    return requestLine(`"id":${jsonLine(id)},`, type, json, `,"grant":${jsonLine(beside.grant)}`);
  }
}

function eventLine(type: string, json: string, tail: string): string {
  return `{"jsonrpc":"2.0","method":"event","params":{"type":"${type}","payload":${json}${tail}}}`;
}

/** `id` is the member with its comma, or empty for a notification. */
function requestLine(id: string, type: string, json: string, tail: string): string {
  return `{"jsonrpc":"2.0","method":"request",${id}"params":{"type":"${type}","payload":${json}${tail}}}`;
}

function stampText({ seq, epoch, prev }: EventStamp): string {
  return `,"seq":${seq},"epoch":${epoch},"prev":${prev}`;
}
