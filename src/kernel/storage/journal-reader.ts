/** Reads and verifies a journal without changing it. Damage is reported, never thrown. */
import { decodeRecord, type JournalRecord } from "./crc-line.js";
import { fileLines, fileSize } from "./file-lines.js";
import { type JournalHeader, readHeader } from "./journal-header.js";

export interface JournalContent {
  /** `future`: written by a newer kernel, not to be touched. */
  readonly status: "absent" | "ok" | "future";
  readonly format: number;
  /** null when the first line was lost. */
  readonly header: JournalHeader | null;
  /** Good records in order, without the header. */
  readonly records: readonly JournalRecord[];
  /** Seq of the record before the first one. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly size: number;
  /** Bytes up to the end of the last good record; what follows is a torn tail. */
  readonly goodLength: number;
  /** True when anything but the tail is damaged, so that the file must not be appended to as it is. */
  readonly damaged: boolean;
  /** One plain sentence for every damage. */
  readonly repairs: readonly string[];
}

interface Reading {
  header: JournalHeader | null;
  records: JournalRecord[];
  firstSeq: number | null;
  lastSeq: number;
  goodLength: number;
  /** Bad lines since the last good record. */
  bad: { from: number; to: number } | null;
  damage: string[];
  /** Where the end of a turn begins that a later kernel writes at once, until it is seen to be whole. */
  closing: { goodLength: number; records: number; lastSeq: number } | null;
}

/** What such an end is made of, besides its last record. */
const CLOSING_KINDS: ReadonlySet<string> = new Set(["context", "event", "result"]);

/** Code of the notice that stands in front of such an end: without its last record none of it was ever done. */
export const CLOSING = "closing";

/** Verifies crc and order of every record of the file. Throws only when the file cannot be read at all. */
export function readJournal(path: string): JournalContent {
  const reading: Reading = {
    header: null,
    records: [],
    firstSeq: null,
    lastSeq: 0,
    goodLength: 0,
    bad: null,
    damage: [],
    closing: null,
  };
  const size = fileSize(path);
  for (const line of fileLines(path)) {
    const decoded = decodeRecord(line.bytes, line.ended);
    const end = line.start + line.bytes.length + (line.ended ? 1 : 0);
    if (decoded.status === "future" && reading.firstSeq === null) return futureJournal(decoded.format, size);
    if (decoded.status === "ok") takeRecord(reading, decoded.record, line.start, end);
    else reading.bad = { from: reading.bad?.from ?? line.start, to: end };
  }
  return finish(reading, size);
}

function takeRecord(reading: Reading, record: JournalRecord, start: number, end: number): void {
  if (reading.bad !== null) {
    reading.damage.push(`Bytes ${reading.bad.from} to ${reading.bad.to} of the journal are damaged and were skipped.`);
    reading.bad = null;
  }
  if (record.kind === "notice" && record.fields.code === CLOSING) {
    const { records, lastSeq, goodLength } = reading;
    reading.closing = { goodLength, records: records.length, lastSeq };
  } else if (!CLOSING_KINDS.has(record.kind)) reading.closing = null;
  reading.goodLength = end;
  if (record.kind === "header") {
    if (start !== 0) return;
    reading.header = readHeader(record.fields);
    reading.firstSeq = record.seq;
    reading.lastSeq = record.seq;
    return;
  }
  if (reading.firstSeq === null) {
    reading.damage.push("The header of the journal is missing.");
    reading.firstSeq = record.seq - 1;
    reading.lastSeq = record.seq - 1;
  }
  if (record.seq <= reading.lastSeq) {
    reading.damage.push(`Record ${record.seq} of the journal comes twice; the second one was skipped.`);
    return;
  }
  if (record.seq > reading.lastSeq + 1) {
    reading.damage.push(`Records ${reading.lastSeq + 1} to ${record.seq - 1} of the journal are lost.`);
  }
  reading.lastSeq = record.seq;
  reading.records.push(record);
}

function finish(reading: Reading, size: number): JournalContent {
  if (reading.closing !== null) {
    const { goodLength, lastSeq, records } = reading.closing;
    Object.assign(reading, { goodLength, lastSeq });
    reading.records.length = records;
  }
  const torn = size - reading.goodLength;
  const repairs = [...reading.damage];
  if (torn > 0) repairs.push(`The last ${torn} bytes of the journal were not written completely and were cut off.`);
  return {
    status: size === 0 ? "absent" : "ok",
    format: 1,
    header: reading.header,
    records: reading.records,
    firstSeq: reading.firstSeq ?? 0,
    lastSeq: reading.lastSeq,
    size,
    goodLength: reading.goodLength,
    damaged: reading.damage.length > 0 || (size > 0 && reading.header === null),
    repairs,
  };
}

function futureJournal(format: number, size: number): JournalContent {
  return {
    status: "future",
    format,
    header: null,
    records: [],
    firstSeq: 0,
    lastSeq: 0,
    size,
    goodLength: size,
    damaged: false,
    repairs: [`The session was written by a newer kernel (journal format ${format}); it can only be read here.`],
  };
}
