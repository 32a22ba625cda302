/**
 * The session as it is on disk, read without changing anything: the verified journal, what each published file needs
 * to be up to date, and what the model's context then is.
 */
import * as fs from "node:fs";
import { type ClosingPlan, planClosing } from "./close-open-turn.js";
import { type ContextEntry, fromContextLine } from "./context-format.js";
import { type ContextPlan, checkpointsOf, planContext } from "./context-projection.js";
import { fileLines } from "./file-lines.js";
import { repairHistory } from "./history-repair.js";
import { readPrefix } from "./journal-header.js";
import { journalOf } from "./journal-memo.js";
import type { JournalContent } from "./journal-reader.js";
import { parseObject } from "./line-json.js";
import { type ProjectionPlan, planProjection } from "./projection-plan.js";
import type { FrozenPrefix, LoadedSession } from "./session-log.js";
import type { SessionPaths } from "./share-folder.js";
import { readError } from "./storage-error.js";
import { projectWire, WIRE_HEADER } from "./wire-file.js";

export interface StoredSession {
  readonly journal: JournalContent;
  readonly wire: ProjectionPlan;
  readonly wirePath: string;
  readonly context: ContextPlan;
  /** The file that `context` is about: context.jsonl, or the legacy file when only that exists. */
  readonly contextPath: string;
  /** The context with everything that is still missing in the file. */
  readonly entries: readonly ContextEntry[];
  readonly prefix: FrozenPrefix | null;
  /** Highest epoch that the journal knows. */
  readonly epoch: number;
  /** How to end a turn that a dead kernel left open; null when none is open. */
  readonly closing: ClosingPlan | null;
  /** False when an open turn can only be closed: its records, or the conversation it stands in, are not all there. */
  readonly continuable: boolean;
  /** True when the journal belongs to a session whose folder was deleted; it is ignored then. */
  readonly staleJournal: boolean;
  readonly repairs: readonly string[];
}

/** Throws KernelError `storage_failed` when a file cannot be read at all. */
export function readStoredSession(paths: SessionPaths): StoredSession {
  try {
    return readAll(paths);
  } catch (error) {
    throw readError(error, "the session");
  }
}

function readAll(paths: SessionPaths): StoredSession {
  const { found, journal, staleJournal } = readValidJournal(paths);
  const contextPath =
    !fs.existsSync(paths.context) && fs.existsSync(paths.legacyContext) ? paths.legacyContext : paths.context;
  const wire = planWire(paths, journal);
  const context = planContext(journal, paths.dir, contextPath);
  const { entries, skipped } = readEntries(contextPath, context);
  const repairs = [...journal.repairs, ...wire.repairs, ...context.repairs];
  if (skipped > 0) repairs.push(`${skipped} line(s) of context.jsonl could not be read and were skipped.`);
  return {
    journal,
    wire,
    wirePath: paths.wire,
    context,
    contextPath,
    entries,
    prefix: newestPrefix(journal),
    epoch: newestEpoch(found),
    closing: planClosing(journal.records, entries),
    continuable: !journal.damaged && context.repairs.length === 0 && skipped === 0,
    staleJournal,
    repairs,
  };
}

/** What a turn starts from. `withClosing` adds what will be written when the open turn is closed. */
export function loadedSession(stored: StoredSession, options: { withClosing: boolean; title: boolean }): LoadedSession {
  const closing = options.withClosing ? stored.closing : null;
  const history = stored.entries.flatMap((entry) => (entry.kind === "message" ? [entry.message] : []));
  const repaired = repairHistory([...history, ...(closing?.messages ?? [])]);
  const system = stored.entries.find((entry) => entry.kind === "system");
  const usage = stored.entries.findLast((entry) => entry.kind === "usage");
  let nextCheckpoint = 0;
  for (const entry of stored.entries) {
    if (entry.kind === "checkpoint") nextCheckpoint = Math.max(nextCheckpoint, entry.id + 1);
  }
  return {
    systemPrompt: system?.content ?? null,
    messages: repaired.messages,
    nextCheckpoint,
    tokenCount: usage?.tokens ?? null,
    prefix: stored.prefix,
    empty: repaired.messages.length === 0 && !hasWireRecords(stored) && !options.title,
    repairs: [...stored.repairs, ...(closing?.repairs ?? []), ...repaired.repairs],
  };
}

/** What wire.jsonl alone needs, for a reader that wants nothing else. Throws KernelError `storage_failed`. */
export function readWirePlan(paths: SessionPaths): ProjectionPlan {
  try {
    return planWire(paths, readJournalOf(paths));
  } catch (error) {
    throw readError(error, "the session");
  }
}

/** The verified journal alone; without records when the session's folder is gone. Throws KernelError `storage_failed`. */
export function readJournalOf(paths: SessionPaths): JournalContent {
  try {
    return readValidJournal(paths).journal;
  } catch (error) {
    throw readError(error, "the session");
  }
}

function planWire(paths: SessionPaths, journal: JournalContent): ProjectionPlan {
  return planProjection({
    path: paths.wire,
    header: WIRE_HEADER,
    checkpoints: checkpointsOf(journal).map((point) => ({ seq: point.seq, length: point.wire_length })),
    firstSeq: journal.firstSeq,
    project: (afterSeq) => projectWire(journal.records.filter((record) => record.seq > afterSeq)),
  });
}

function readValidJournal(paths: SessionPaths) {
  const found = journalOf(paths);
  const staleJournal = isStale(found, paths);
  const journal: JournalContent = staleJournal ? { ...found, header: null, records: [], damaged: true } : found;
  return { found, journal, staleJournal };
}

/** A folder that was deleted took its session with it: an old journal must not bring half of it back. */
function isStale(journal: JournalContent, paths: SessionPaths): boolean {
  if (!checkpointsOf(journal).some((point) => point.wire_length > 0 || point.context_length > 0)) return false;
  return !fs.existsSync(paths.wire) && !fs.existsSync(paths.context);
}

function hasWireRecords(stored: StoredSession): boolean {
  if (stored.wire.append !== "") return true;
  for (const line of fileLines(stored.wirePath, 0, stored.wire.cutTo)) {
    if (parseObject(line.bytes.toString("utf8"))?.message !== undefined) return true;
  }
  return false;
}

function readEntries(path: string, plan: ContextPlan): { entries: ContextEntry[]; skipped: number } {
  const entries: ContextEntry[] = [];
  let skipped = 0;
  const take = (line: string) => {
    if (line.trim() === "") return;
    const entry = fromContextLine(line);
    if (entry !== null) entries.push(entry);
    else if (parseObject(line) === null) skipped += 1;
  };
  if (plan.rotate !== null) {
    for (const line of plan.rotate.split("\n")) take(line);
  } else {
    for (const line of fileLines(path, 0, plan.cutTo)) take(line.bytes.toString("utf8"));
  }
  for (const line of plan.append.split("\n")) take(line);
  return { entries, skipped };
}

function newestPrefix(journal: JournalContent): FrozenPrefix | null {
  const record = journal.records.findLast((item) => item.kind === "prefix");
  return record === undefined ? (journal.header?.prefix ?? null) : readPrefix(record.fields.prefix);
}

function newestEpoch(journal: JournalContent): number {
  const owners = journal.records.filter((record) => record.kind === "owner").map((record) => record.fields.epoch);
  return Math.max(journal.header?.epoch ?? 0, ...owners.filter((epoch) => typeof epoch === "number"));
}
