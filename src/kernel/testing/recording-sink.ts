/** A fake client behind the turn: it keeps what it is sent and answers requests as the test says. */
import type { DeliverableRecord } from "../storage/session-log.js";
import { ClientRequestError, type EventSink } from "../turn/event-sink.js";

export interface Sent {
  kind: DeliverableRecord["kind"];
  type: string;
  payload: Record<string, unknown>;
  seq: number;
}

/** A request that waits in a RecordingSink. */
export interface OpenRequest {
  type: string;
  payload: Record<string, unknown>;
  answer(result: unknown): void;
  fail(error: ClientRequestError): void;
}

/** Requests stay open until the test answers them. */
export class RecordingSink implements EventSink {
  readonly sent: Sent[] = [];
  readonly taken = new Set<string>();
  /** Requests that nobody answered yet. */
  readonly open: OpenRequest[] = [];
  /** Called for each request, when it is sent; null leaves it open. */
  onRequest: ((request: OpenRequest) => void) | null = null;
  behind: Promise<void> | null = null;
  #wake: (() => void)[] = [];

  deliver(firstSeq: number, records: readonly DeliverableRecord[]): void {
    for (const [index, record] of records.entries()) this.#keep(record, firstSeq + index);
  }

  request(seq: number, record: DeliverableRecord, signal: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const close = () => {
        const at = this.open.indexOf(request);
        if (at >= 0) this.open.splice(at, 1);
      };
      const request: OpenRequest = {
        type: record.type,
        payload: record.payload as Record<string, unknown>,
        answer: (result) => {
          close();
          resolve(result);
        },
        fail: (error) => {
          close();
          reject(error);
        },
      };
      const onAbort = () => request.fail(new ClientRequestError("aborted", "The request was cancelled"));
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      this.open.push(request);
      this.#keep(record, seq);
      this.onRequest?.(request);
    });
  }

  ready(): Promise<void> | null {
    return this.behind;
  }

  isIdTaken(id: string): boolean {
    return this.taken.has(id);
  }

  /** Types in the order of sending, requests with a mark. */
  types(): string[] {
    return this.sent.map(({ kind, type }) => (kind === "request" ? `request:${type}` : type));
  }

  /** Payloads of one type. */
  payloads(type: string): Record<string, unknown>[] {
    return this.sent.filter((item) => item.type === type).map((item) => item.payload);
  }

  /** Resolves when `count` messages of a type were sent; the test's own time limit bounds it. */
  async seen(type: string, count = 1): Promise<void> {
    while (this.payloads(type).length < count) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #keep(record: DeliverableRecord, seq: number): void {
    this.sent.push({ kind: record.kind, type: record.type, payload: structuredClone(record.payload) as never, seq });
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Answers every approval with these decisions in turn, then with the last one; other requests stay open. */
export function approving(...decisions: Record<string, unknown>[]): (request: OpenRequest) => void {
  let next = 0;
  return (request) => {
    if (request.type !== "ApprovalRequest") return;
    const decision = decisions[Math.min(next, decisions.length - 1)] ?? { response: "approve" };
    next += 1;
    request.answer({ request_id: request.payload.id, ...decision });
  };
}
