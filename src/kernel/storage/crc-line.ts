/**
 * The line format of a journal: `{"seq":N,"crc":"xxxxxxxx",<body>\n`. The body begins with `"kind"` and ends with the
 * closing brace; the crc is the crc32 of its UTF-8 bytes, started with seq, so that it covers both.
 */
import { crc32 } from "node:zlib";
import { lineJson, parseObject } from "./line-json.js";
import type { DeliverableRecord } from "./session-log.js";

/** The format this kernel writes. A higher number in a header makes the journal read-only. */
export const JOURNAL_FORMAT = 1;

const PREFIX = /^\{"seq":(\d{1,15}),"crc":"([0-9a-f]{8})",/;
const PREFIX_BYTES = 64;
const PAYLOAD = ',"payload":';

const BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A record as read back. `text` is the line without its LF. */
export interface JournalRecord {
  readonly seq: number;
  readonly kind: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export type Decoded =
  | { status: "ok"; record: JournalRecord }
  /** Not ended by a LF, or nothing but zero bytes: the write never finished. */
  | { status: "torn" }
  | { status: "corrupt"; reason: "format" | "crc" | "json" }
  | { status: "future"; format: number };

/** Seals a body into one line. Hot: called for every event. */
export function encodeRecord(seq: number, body: string): string {
  return `{"seq":${seq},"crc":"${crcHex(crc32(body, seq % 0x1_0000_0000))}",${body}\n`;
}

/** The body of any record that is not delivered. `kind` goes first, whatever the key order of the fields. */
export function recordBody(kind: string, fields: Readonly<Record<string, unknown>>): string {
  const rest = lineJson({ ...fields, kind: undefined });
  return rest === "{}" ? `"kind":"${kind}"}` : `"kind":"${kind}",${rest.slice(1)}`;
}

/**
 * The body of a delivered record; its JSON text is spliced in unread and goes last, so that it can be cut out again
 * byte for byte. `at` is ms since the epoch. `type` must be a plain word.
 */
export function deliverableBody(record: DeliverableRecord, at: number): string {
  const id = record.id === undefined ? "" : `,"id":${lineJson(record.id)}`;
  const extra = record.extra === undefined ? "" : `,"extra":${lineJson(record.extra)}`;
  return `"kind":"${record.kind}","at":${at},"type":"${record.type}"${id}${extra}${PAYLOAD}${record.json}}`;
}

/** Reads one line back. Never throws. */
export function decodeRecord(line: Buffer, ended: boolean): Decoded {
  if (!ended || line.every((byte) => byte === 0)) return { status: "torn" };
  const start = line.toString("latin1", 0, PREFIX_BYTES);
  const prefix = PREFIX.exec(start);
  const future = prefix === null || start.includes('"kind":"header"') ? futureFormat(line) : null;
  if (future !== null) return { status: "future", format: future };
  if (prefix === null) return { status: "corrupt", reason: "format" };
  const [head, digits, crc] = prefix;
  const seq = Number(digits);
  if (crcHex(crc32(line.subarray(head.length), seq % 0x1_0000_0000)) !== crc)
    return { status: "corrupt", reason: "crc" };
  const text = line.toString("utf8");
  const fields = parseObject(text);
  if (fields === null || typeof fields.kind !== "string") return { status: "corrupt", reason: "json" };
  return { status: "ok", record: { seq, kind: fields.kind, fields, text } };
}

/** The JSON text of the payload exactly as it was given. */
export function payloadText(record: JournalRecord): string {
  const { text, fields } = record;
  // Only an id or an extra in front can hold the same characters, and both were written by lineJson.
  let from = text.indexOf(PAYLOAD);
  if (fields.id !== undefined || fields.extra !== undefined) {
    const id = fields.id === undefined ? "" : `,"id":${lineJson(fields.id)}`;
    const extra = fields.extra === undefined ? "" : `,"extra":${lineJson(fields.extra)}`;
    from = text.indexOf(`${id}${extra}${PAYLOAD}`) + id.length + extra.length;
  }
  return text.slice(from + PAYLOAD.length, -1);
}

function futureFormat(line: Buffer): number | null {
  const fields = parseObject(line.toString("utf8"));
  const format = fields?.kind === "header" ? fields.format : null;
  return typeof format === "number" && format > JOURNAL_FORMAT ? format : null;
}

/** Eight hex digits; by table, because this runs for every event. */
function crcHex(crc: number): string {
  return `${byteHex(crc >>> 24)}${byteHex(crc >>> 16)}${byteHex(crc >>> 8)}${byteHex(crc)}`;
}

function byteHex(value: number): string {
  return BYTES[value & 255] ?? "";
}
