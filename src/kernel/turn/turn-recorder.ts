/** Write, then deliver: every event of a turn passes here, into the journal first and to the client second. */

import { jsonLine } from "../../wire/json-line.js";
import type { StreamPart } from "../providers/provider.js";
import type { DeliverableRecord, NoteRecord, SessionLog } from "../storage/session-log.js";
import { type WaitKind, Waits } from "../waits.js";
import { eventRecord, partRecord } from "./encode-events.js";
import type { DeliveryPlace, EventSink } from "./event-sink.js";
import type { Recorder, RequestExtras } from "./recorder.js";

/** What the client is asked is waited for under these names; hooks are, batch by batch, where they are run. */
const REQUEST_WAITS: Readonly<Record<string, WaitKind>> = {
  ApprovalRequest: "approval",
  QuestionRequest: "question",
  ToolCallRequest: "client_tool",
};

/** Over one session's log and one client; owns neither. Knows what was delivered last, and what is waited for. */
export class TurnRecorder implements Recorder {
  readonly log: SessionLog;
  readonly sink: EventSink;
  readonly waits = new Waits();
  /** Seq of what was delivered last in this turn, 0 before the first; null while only the journal knows. */
  #delivered: number | null = null;
  #inTurn = false;
  #hasEndedTurn = false;

  constructor(log: SessionLog, sink: EventSink) {
    this.log = log;
    this.sink = sink;
  }

  /** True from the turn's record to its TurnEnd. */
  get inTurn(): boolean {
    return this.#inTurn;
  }

  /** True when the session files hold the end of a turn from here, whatever became of it. */
  get hasEndedTurn(): boolean {
    return this.#hasEndedTurn;
  }

  /** Begins the journal of a turn. Throws as the log does. */
  beginTurn(turn: Extract<NoteRecord, { kind: "turn" }>): void {
    this.log.beginTurn(turn);
    this.continueFrom(0);
  }

  /** Goes on in a turn of which a client has seen everything up to this seq. */
  continueFrom(deliveredSeq: number): void {
    this.#delivered = deliveredSeq;
    this.#inTurn = true;
  }

  /** Delivers what the journal holds already: the end of a turn that was settled. */
  deliverRecorded(firstSeq: number, records: readonly DeliverableRecord[]): void {
    this.sink.deliver(firstSeq, records, this.#place(firstSeq, records.length));
    this.#inTurn = false;
  }

  event(type: string, payload: unknown, sync = false): void {
    this.#record([eventRecord(type, payload)], sync);
  }

  parts(parts: readonly StreamPart[]): void {
    this.#record(parts.map(partRecord), false);
  }

  result(payload: { tool_call_id: string; return_value: unknown }, extra?: Readonly<Record<string, unknown>>): void {
    const more = extra === undefined ? {} : { extra };
    this.#record([{ ...eventRecord("ToolResult", payload), kind: "result", ...more }], true);
  }

  request(type: string, payload: { id: string }, signal: AbortSignal, extras: RequestExtras = {}): Promise<unknown> {
    const { extra, beside } = extras;
    const plain: DeliverableRecord = { kind: "request", type, payload, json: jsonLine(payload), id: payload.id };
    const record = extra === undefined ? plain : { ...plain, extra };
    const seq = this.log.append([record]);
    const answer = this.sink.request(seq, record, signal, this.#place(seq), beside);
    const kind = REQUEST_WAITS[type];
    return kind === undefined ? answer : this.waits.during(kind, answer);
  }

  waiting<T>(kind: WaitKind, work: Promise<T>): Promise<T> {
    return this.waits.during(kind, work);
  }

  note(record: NoteRecord, sync: boolean): void {
    this.log.note(record, { sync });
  }

  checkpoint(): void {
    this.log.checkpoint();
  }

  ready(): Promise<void> | null {
    return this.sink.ready();
  }

  isIdTaken(id: string): boolean {
    return this.sink.isIdTaken(id);
  }

  /**
   * Records the end of a turn with fsync, brings the session files up to date and delivers TurnEnd. The one event
   * that is delivered although it could not be recorded: a client must never wait for ever. Returns that failure.
   */
  turnEnd(turnId: string, outcome: Readonly<Record<string, unknown>>): unknown {
    const record: DeliverableRecord = {
      ...eventRecord("TurnEnd", {}),
      kind: "turn_end",
      extra: { turn_id: turnId, ...outcome },
    };
    let failure: unknown = null;
    let seq = 0;
    try {
      seq = this.log.append([record], { sync: true });
      this.log.checkpoint();
      this.#hasEndedTurn = true;
    } catch (error) {
      failure = error;
    }
    this.#inTurn = false;
    this.sink.deliver(seq, [record], seq === 0 ? { epoch: this.log.epoch, prev: 0 } : this.#place(seq));
    return failure;
  }

  #record(records: readonly DeliverableRecord[], sync: boolean): void {
    const seq = this.log.append(records, { sync });
    this.sink.deliver(seq, records, this.#place(seq, records.length));
  }

  /** Where a delivery stands whose first record has this seq; its newest is the last one from now on. */
  #place(firstSeq: number, count = 1): DeliveryPlace {
    const prev = this.#delivered ?? this.#deliveredBefore(firstSeq);
    this.#delivered = firstSeq + count - 1;
    return { epoch: this.log.epoch, prev };
  }

  /** What is sent between two turns stands behind the last one, also when another kernel ran that. */
  #deliveredBefore(seq: number): number {
    let last = 0;
    for (const record of this.log.delivered(0)) if (record.seq < seq) last = record.seq;
    return last;
  }
}
