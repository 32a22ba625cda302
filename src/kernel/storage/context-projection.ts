/** context.jsonl as a projection of the journal, its rotations included. */

import { contextGeneration, rotatedContextPath, sameFile } from "./context-file.js";
import type { JournalRecord } from "./crc-line.js";
import { fileSize } from "./file-lines.js";
import { type ProjectionLengths, readLengths } from "./journal-header.js";
import type { JournalContent } from "./journal-reader.js";
import { lineJson } from "./line-json.js";
import { type Checkpointed, type ProjectionPlan, planProjection } from "./projection-plan.js";

export interface ContextPlan extends ProjectionPlan {
  /** The file has to be replaced by this text before `append`; null when it only grows. */
  readonly rotate: string | null;
}

/** Lengths of both projections at every checkpoint, oldest first. */
export function checkpointsOf(journal: JournalContent): (ProjectionLengths & { seq: number })[] {
  const points = journal.records
    .filter((record) => record.kind === "checkpoint")
    .map((record) => ({ seq: record.seq, ...readLengths(record.fields) }));
  return journal.header === null ? points : [{ seq: journal.firstSeq, ...journal.header }, ...points];
}

/** The lines that context records add, rotations left out. */
export function projectContext(records: readonly JournalRecord[]): string {
  return records
    .filter((record) => record.kind === "context")
    .map((record) => recordLines(record))
    .join("");
}

/** The lines that a context or rotate record holds, each with its LF. */
export function recordLines(record: JournalRecord): string {
  const lines = Array.isArray(record.fields.lines) ? record.fields.lines : [];
  return lines.map((line) => `${lineJson(line)}\n`).join("");
}

/** Reads the folder, changes nothing. `path` is that of context.jsonl (or of the file that stands in for it). */
export function planContext(journal: JournalContent, dir: string, path: string): ContextPlan {
  const points = checkpointsOf(journal);
  const last = points.at(-1);
  const rotation = journal.records.findLast((record) => record.kind === "rotate" && record.seq > (last?.seq ?? 0));
  if (rotation !== undefined) return planRotation(journal, rotation, last, dir, path);
  const newest = contextGeneration(dir);
  if (last !== undefined && newest > last.context_generation && !sameFile(path, rotatedContextPath(path, newest))) {
    return adoptForeign(path, journal);
  }
  // A length from before a rotation says nothing about the file that replaced the old one.
  const current = points.filter((point) => point.context_generation === last?.context_generation);
  return {
    rotate: null,
    ...planLines(
      journal,
      path,
      current.map((point) => contextPoint(point)),
    ),
  };
}

/** A rotation was begun after the last checkpoint: finish it, or go on behind it. */
function planRotation(
  journal: JournalContent,
  rotation: JournalRecord,
  last: ProjectionLengths | undefined,
  dir: string,
  path: string,
): ContextPlan {
  const text = recordLines(rotation);
  const newest = contextGeneration(dir);
  const hadFile = last === undefined || last.context_length > 0;
  const linked = newest > (last?.context_generation ?? 0);
  const replaced = hadFile ? linked && !sameFile(path, rotatedContextPath(path, newest)) : fileSize(path) > 0;
  const point = { seq: rotation.seq, length: Buffer.byteLength(text) };
  if (replaced) return { rotate: null, ...planLines(journal, path, [point]) };
  const append = projectContext(journal.records.filter((record) => record.seq > rotation.seq));
  return { size: fileSize(path), cutTo: point.length, append, keepCut: false, repairs: [], rotate: text };
}

/** Another kernel rotated the file since: its content is what counts now. */
function adoptForeign(path: string, journal: JournalContent): ContextPlan {
  const plan = planProjection({ path, header: "", checkpoints: [], firstSeq: journal.lastSeq, project: () => "" });
  const notice = "context.jsonl was replaced by another program; its content was taken over.";
  return { ...plan, rotate: null, repairs: [notice, ...plan.repairs] };
}

function planLines(journal: JournalContent, path: string, checkpoints: readonly Checkpointed[]): ProjectionPlan {
  return planProjection({
    path,
    header: "",
    checkpoints,
    firstSeq: journal.firstSeq,
    project: (afterSeq) => projectContext(journal.records.filter((record) => record.seq > afterSeq)),
  });
}

function contextPoint(point: ProjectionLengths & { seq: number }): Checkpointed {
  return { seq: point.seq, length: point.context_length };
}
