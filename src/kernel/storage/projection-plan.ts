/**
 * Compares a published file with what the journal says it holds and decides how to bring it up to date. Reads only.
 * What another kernel appended to a session that was closed in order is kept; bytes that contradict the journal are
 * cut away and kept aside.
 */
import { basename } from "node:path";
import { fileLines, fileSize, readBytes } from "./file-lines.js";
import { parseObject } from "./line-json.js";

const TAIL_BYTES = 64 * 1024;

/** At the record `seq` the file was synced with `length` bytes. */
export interface Checkpointed {
  readonly seq: number;
  readonly length: number;
}

export interface ProjectionPlan {
  /** Size of the file as it was found. */
  readonly size: number;
  /** Keep the file up to here ... */
  readonly cutTo: number;
  /** ... and append this. */
  readonly append: string;
  /** True when the bytes that are cut are not simply written again. */
  readonly keepCut: boolean;
  readonly repairs: readonly string[];
}

export interface PlanRequest {
  readonly path: string;
  /** Oldest first; empty when no length is known. */
  readonly checkpoints: readonly Checkpointed[];
  /** First line of a new file; "" when it has none. */
  readonly header: string;
  /** The text that the records after a seq add. */
  project(afterSeq: number): string;
  /** Seq to project from when no length is known. */
  readonly firstSeq: number;
}

/** Never throws for what it finds in the file; throws when the file cannot be read. */
export function planProjection(request: PlanRequest): ProjectionPlan {
  const { path, checkpoints } = request;
  const size = fileSize(path);
  const name = basename(path);
  const newest = checkpoints.at(-1);
  if (newest === undefined) return planUnknown(request, size, name);
  const base = checkpoints.findLast((point) => point.length <= size);
  if (base === undefined) {
    const oldest = checkpoints[0] ?? newest;
    const end = lastLineEnd(path, size);
    const text = projectFrom(request, oldest.seq, end);
    const lost = `${name} has ${size} bytes where ${oldest.length} were recorded; what is older than the last turn is lost.`;
    return { size, cutTo: end, append: text, keepCut: end < size, repairs: [lost] };
  }
  const repairs: string[] = [];
  if (base !== newest) repairs.push(`${name} was shorter than recorded; it was completed from the journal.`);
  const missing = projectFrom(request, base.seq, base.length);
  if (size === base.length) return { size, cutTo: size, append: missing, keepCut: false, repairs };
  return planExcess(path, size, base.length, missing, repairs);
}

/** What is missing behind `length` bytes of the file. */
function projectFrom(request: PlanRequest, afterSeq: number, length: number): string {
  const text = request.project(afterSeq);
  return text !== "" && length === 0 ? request.header + text : text;
}

/** The file is longer than recorded: our own unfinished write, another kernel's work, or damage. */
function planExcess(path: string, size: number, known: number, missing: string, repairs: string[]): ProjectionPlan {
  const expected = Buffer.from(missing, "utf8");
  const excess = readBytes(path, known, size);
  if (excess.equals(expected.subarray(0, excess.length))) {
    return { size, cutTo: known, append: missing, keepCut: false, repairs };
  }
  const name = basename(path);
  // Our own write may be whole and only the record of it missing.
  const ours = known + expected.length;
  if (excess.subarray(0, expected.length).equals(expected)) {
    const foreign = foreignEnd(path, ours, size);
    if (foreign.end > ours) {
      repairs.push(`${name} was continued by another program; its ${foreign.end - ours} bytes were taken over.`);
      if (foreign.end < size) repairs.push(`The last ${size - foreign.end} bytes of ${name} were cut off.`);
      return { size, cutTo: foreign.end, append: foreign.unended ? "\n" : "", keepCut: true, repairs };
    }
  }
  repairs.push(`${size - known} bytes at the end of ${name} do not belong to the recorded session and were cut off.`);
  return { size, cutTo: known, append: missing, keepCut: true, repairs };
}

/** No length is known: take what is there and add what it does not end with yet. */
function planUnknown(request: PlanRequest, size: number, name: string): ProjectionPlan {
  const foreign = foreignEnd(request.path, 0, size);
  const missing = request.project(request.firstSeq);
  const repairs: string[] = [];
  if (foreign.end < size) {
    repairs.push(`The last ${size - foreign.end} bytes of ${name} were not written completely and were cut off.`);
  }
  const already = overlap(request.path, foreign.end, missing);
  if (already !== null) return { size, cutTo: already, append: missing, keepCut: foreign.end < size, repairs };
  const append = projectFrom(request, request.firstSeq, foreign.end);
  return { size, cutTo: foreign.end, append: foreign.unended ? `\n${append}` : append, keepCut: true, repairs };
}

/** Where the missing text already begins in the file, when the file ends with a beginning of it. */
function overlap(path: string, size: number, missing: string): number | null {
  const expected = Buffer.from(missing, "utf8");
  const firstLine = expected.subarray(0, expected.indexOf(10) + 1);
  if (firstLine.length === 0) return null;
  const from = Math.max(0, size - expected.length);
  const tail = readBytes(path, from, size);
  for (let at = tail.indexOf(firstLine); at !== -1; at = tail.indexOf(firstLine, at + 1)) {
    if (at > 0 && tail[at - 1] !== 10) continue;
    const rest = tail.subarray(at);
    if (rest.equals(expected.subarray(0, rest.length))) return from + at;
  }
  return null;
}

/**
 * End of the last line that is a JSON object. `unended` is true when only its LF is missing. Looked for from the end:
 * the file may be long, and almost always its last line is sound.
 */
function foreignEnd(path: string, from: number, size: number): { end: number; unended: boolean } {
  for (let window = TAIL_BYTES; ; window *= 4) {
    const start = Math.max(from, size - window);
    const lines = [...fileLines(path, start, size)];
    // A window begins inside a line; a larger one sees all of it.
    if (start > from) lines.shift();
    const last = lines.findLast((line) => parseObject(line.bytes.toString("utf8")) !== null);
    if (last !== undefined) {
      return { end: last.start + last.bytes.length + (last.ended ? 1 : 0), unended: !last.ended };
    }
    if (start === from) return { end: from, unended: false };
  }
}

function lastLineEnd(path: string, size: number): number {
  let end = 0;
  for (const line of fileLines(path, 0, size)) if (line.ended) end = line.start + line.bytes.length + 1;
  return end;
}
