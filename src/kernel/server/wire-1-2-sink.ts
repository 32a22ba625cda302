/**
 * The sink for clients of Wire 1.2: types they do not know end their reader, so those stay here. Journal and session
 * files know nothing of it.
 */
import { jsonLine } from "../../wire/json-line.js";
import { orAbort } from "../abort.js";
import type { WireRecord } from "../storage/replay.js";
import type { DeliverableRecord } from "../storage/session-log.js";
import { ClientRequestError } from "../turn/event-sink.js";
import { asOldEvent, isOldRequest, OldTurnOrder } from "./wire-1-2-events.js";
import type { ClientSink } from "./wire-event-sink.js";

/** Stands before another sink, which its owner closes. */
export class Wire12Sink implements ClientSink {
  /** Such clients have no extensions. */
  extended = null;
  readonly #inner: ClientSink;
  readonly #order = new OldTurnOrder();
  /** Settles when no approval is open. Such clients answer approvals through one channel and mix up two at a time. */
  #openApprovals: Promise<void> | null = null;

  constructor(inner: ClientSink) {
    this.#inner = inner;
  }

  deliver(firstSeq: number, records: readonly DeliverableRecord[]): void {
    const kept = records.flatMap((record) => this.#order.take(record));
    if (kept.length > 0) this.#inner.deliver(firstSeq, kept);
  }

  async request(seq: number, record: DeliverableRecord, signal: AbortSignal): Promise<unknown> {
    if (!isOldRequest(record.type)) {
      throw new ClientRequestError("answered_error", `A client of Wire 1.2 does not know ${record.type}`);
    }
    if (record.type !== "ApprovalRequest") return await this.#ask(seq, withArguments(record), signal);
    const before = this.#openApprovals;
    const answer = before === null ? this.#ask(seq, record, signal) : this.#askAfter(before, seq, record, signal);
    // The ApprovalResponse goes out in the ticks behind the answer; the next question must not overtake it.
    const told = Promise.allSettled([before, answer]).then(() => new Promise(setImmediate));
    const open = told.then(() => {
      if (this.#openApprovals === open) this.#openApprovals = null;
    });
    this.#openApprovals = open;
    return await answer;
  }

  ready(): Promise<void> | null {
    return this.#inner.ready();
  }

  isIdTaken(id: string): boolean {
    return this.#inner.isIdTaken(id);
  }

  /** Wire 1.2 has no replay: who asks for one knows turns within turns, but maybe not every type. */
  replay(records: readonly WireRecord[]): void {
    const kept = records.flatMap((record) => {
      if (record.isRequest) return isOldRequest(record.type) ? [record] : [];
      const old = asOldEvent({ type: record.type, payload: JSON.parse(record.json), json: record.json });
      return old === null ? [] : [{ ...record, json: old.json }];
    });
    if (kept.length > 0) this.#inner.replay(kept);
  }

  async #askAfter(before: Promise<void>, seq: number, record: DeliverableRecord, signal: AbortSignal) {
    await orAbort(before, signal).catch(() => {
      throw new ClientRequestError("aborted", "The approval was settled before it was asked");
    });
    return await this.#ask(seq, record, signal);
  }

  #ask(seq: number, record: DeliverableRecord, signal: AbortSignal): Promise<unknown> {
    const step = this.#order.step();
    if (step.length > 0) this.#inner.deliver(seq, step);
    return this.#inner.request(seq, record, signal);
  }
}

/** Such clients answer null arguments with an error. */
function withArguments(record: DeliverableRecord): DeliverableRecord {
  const payload = record.payload as { arguments?: unknown };
  if (record.type !== "ToolCallRequest" || typeof payload.arguments === "string") return record;
  const filled = { ...payload, arguments: "{}" };
  return { ...record, payload: filled, json: jsonLine(filled) };
}
