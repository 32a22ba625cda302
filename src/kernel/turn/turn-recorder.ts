/** Write, then deliver: every event of a turn passes here, into the journal first and to the client second. */

import { jsonLine } from "../../wire/json-line.js";
import type { StreamPart } from "../providers/provider.js";
import type { DeliverableRecord, NoteRecord, SessionLog } from "../storage/session-log.js";
import { eventRecord, partRecord } from "./encode-events.js";
import type { EventSink } from "./event-sink.js";
import type { Recorder, RequestExtras } from "./recorder.js";

/** Over one session's log and one client; owns neither. */
export class TurnRecorder implements Recorder {
  readonly log: SessionLog;
  readonly sink: EventSink;

  constructor(log: SessionLog, sink: EventSink) {
    this.log = log;
    this.sink = sink;
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

  request(type: string, payload: { id: string }, signal: AbortSignal, extras?: RequestExtras): Promise<unknown> {
    const more = extras?.extra === undefined ? {} : { extra: extras.extra };
    const json = jsonLine(payload);
    const record: DeliverableRecord = { kind: "request", type, payload, json, id: payload.id, ...more };
    return this.sink.request(this.log.append([record]), record, signal);
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
    let seq = this.log.lastSeq + 1;
    try {
      seq = this.log.append([record], { sync: true });
      this.log.checkpoint();
    } catch (error) {
      failure = error;
    }
    this.sink.deliver(seq, [record]);
    return failure;
  }

  #record(records: readonly DeliverableRecord[], sync: boolean): void {
    const seq = this.log.append(records, { sync });
    this.sink.deliver(seq, records);
  }
}
