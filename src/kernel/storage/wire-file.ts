/** wire.jsonl as a projection of the journal: which messages it holds and how a line looks. */
import { type JournalRecord, payloadText } from "./crc-line.js";
import { asObject } from "./line-json.js";
import { type MergedRecord, PartMerger } from "./part-merge.js";
import type { DeliverableRecord } from "./session-log.js";

/** The first line of every new wire.jsonl. */
export const WIRE_HEADER = '{"type":"metadata","protocol_version":"1.10"}\n';

/** Clients expect these not to be in the file: a replay must not ask again what was answered. */
const NOT_RECORDED: ReadonlySet<string> = new Set(["ApprovalRequest", "ApprovalResponse", "HookRequest"]);

const DELIVERED: ReadonlySet<string> = new Set(["event", "request", "result", "turn_end"]);

/** True for a record that a client received. */
export function isDelivered(record: JournalRecord): boolean {
  return DELIVERED.has(record.kind);
}

/** One line of wire.jsonl. `at` is ms, the file holds seconds; always with decimals, for readers that want a float. */
export function wireLine(record: MergedRecord): string {
  return `{"timestamp":${(record.at / 1000).toFixed(3)},"message":{"type":"${record.type}","payload":${record.json}}}\n`;
}

/** Turns delivered messages into lines of wire.jsonl, merged. */
export class WireProjector {
  readonly #merger = new PartMerger();
  #lines: string[] = [];

  /** `extra.again`: a request that is there already was sent once more. */
  push(type: string, payload: unknown, json: string, at: number, extra?: DeliverableRecord["extra"]): void {
    if (NOT_RECORDED.has(type) || extra?.again === true) return;
    for (const record of this.#merger.push(type, payload, json, at)) this.#lines.push(wireLine(record));
  }

  /** Ends the open run; after it `text` holds everything that was pushed. */
  flush(): void {
    for (const record of this.#merger.flush()) this.#lines.push(wireLine(record));
  }

  /** The finished lines that were not cleared yet. */
  text(): string {
    return this.#lines.join("");
  }

  clear(): void {
    this.#lines = [];
  }
}

/**
 * The lines that records of a journal add to wire.jsonl. A checkpoint ends a run, as it did when the file was written,
 * so that the same records always give the same bytes.
 */
export function projectWire(records: readonly JournalRecord[]): string {
  const projector = new WireProjector();
  for (const record of records) {
    const { type, payload, at, extra } = record.fields;
    if (record.kind === "checkpoint") projector.flush();
    if (!isDelivered(record) || typeof type !== "string") continue;
    projector.push(type, payload, payloadText(record), typeof at === "number" ? at : 0, asObject(extra) ?? {});
  }
  projector.flush();
  return projector.text();
}
