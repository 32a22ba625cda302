/** SessionResume as far as the journal alone tells. Stands here until the session itself implements it. */
import { KernelError } from "../errors.js";
import { readJournal } from "../storage/journal-reader.js";
import { lineJson } from "../storage/line-json.js";
import { findOpenTurn } from "../storage/open-turn.js";
import type { DeliverableRecord } from "../storage/session-log.js";
import type { SessionResume, StampedRecord } from "./session-resume.js";

/** Reads this journal; takes nothing. */
export function journalResume(path: string): SessionResume {
  return {
    openTurn: () => {
      const open = findOpenTurn(readJournal(path).records);
      const seq = [...delivered(path)].at(-1)?.stamp.seq ?? 0;
      return open === null ? null : { turnId: open.turnId, clientId: null, seq };
    },
    resume: async () => {
      throw new KernelError("no_turn", "No agent turn is in progress");
    },
    since: function* (seq) {
      for (const record of delivered(path)) if (record.stamp.seq > seq) yield record;
    },
  };
}

function* delivered(path: string): Generator<StampedRecord, void, void> {
  const { records, header } = readJournal(path);
  let prev = 0;
  let epoch = header?.epoch ?? 0;
  for (const { seq, kind, fields } of records) {
    if (kind === "owner" && typeof fields.epoch === "number") epoch = fields.epoch;
    if (!["event", "request", "result", "turn_end"].includes(kind) || typeof fields.type !== "string") continue;
    const json = lineJson(fields.payload);
    const record = { kind: kind as DeliverableRecord["kind"], type: fields.type, payload: fields.payload, json };
    yield { stamp: { seq, epoch, prev }, record };
    prev = seq;
  }
}
