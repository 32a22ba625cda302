/** What a client was sent in the current or last turn, read back from the journal with where each record stands. */
import { type JournalRecord, payloadText } from "./crc-line.js";
import { asObject } from "./line-json.js";
import { readJournalOf } from "./read-session.js";
import type { DeliverableRecord } from "./session-log.js";
import type { SessionPaths } from "./share-folder.js";
import { isDelivered } from "./wire-file.js";

export interface DeliveredRecord {
  readonly seq: number;
  /** Of the kernel that delivered it. */
  readonly epoch: number;
  /** Seq of what was delivered before it in the turn; 0 for the first. */
  readonly prev: number;
  readonly record: DeliverableRecord;
}

/**
 * Everything behind `since`, in order. The file is read when the first one is asked for. Throws KernelError
 * `storage_failed` when it cannot be read.
 */
export function* deliveredSince(paths: SessionPaths, since: number): Generator<DeliveredRecord, void, void> {
  const journal = readJournalOf(paths);
  let epoch = journal.header?.epoch ?? 0;
  let prev = 0;
  for (const record of journal.records) {
    if (record.kind === "owner" && typeof record.fields.epoch === "number") epoch = record.fields.epoch;
    if (record.kind === "turn") prev = 0;
    if (!isDelivered(record)) continue;
    if (record.seq > since) yield { seq: record.seq, epoch, prev, record: deliverable(record) };
    prev = record.seq;
  }
}

function deliverable(record: JournalRecord): DeliverableRecord {
  const { type, payload, id, extra } = record.fields;
  return {
    kind: record.kind as DeliverableRecord["kind"],
    type: String(type),
    payload,
    json: payloadText(record),
    ...(typeof id === "string" ? { id } : {}),
    ...(extra === undefined ? {} : { extra: asObject(extra) ?? {} }),
  };
}
