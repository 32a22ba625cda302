/** Becomes the writer of a session: takes the lock, repairs what a dead kernel left, ends its open turn. */
import * as fs from "node:fs";
import { dirname } from "node:path";
import { KernelError } from "../errors.js";
import { quietly } from "./checked-write.js";
import type { ClosingPlan } from "./close-open-turn.js";
import { contextGeneration, rotateContextFile } from "./context-file.js";
import { toContextMessage } from "./context-format.js";
import type { ContextPlan } from "./context-projection.js";
import { recordBody } from "./crc-line.js";
import { readBytes } from "./file-lines.js";
import type { FileOperations } from "./file-operations.js";
import { repairHistory } from "./history-repair.js";
import { Journal } from "./journal.js";
import type { JournalHeader } from "./journal-header.js";
import { ProjectionFile } from "./projection-file.js";
import type { ProjectionPlan } from "./projection-plan.js";
import { readStoredSession, type StoredSession } from "./read-session.js";
import { recordedRequests } from "./recorded-requests.js";
import type { RecoveredBytes } from "./recovered-bytes.js";
import { SessionLock } from "./session-lock.js";
import type { SettledTurn } from "./session-log.js";
import { SessionWriter } from "./session-writer.js";
import type { SessionPaths } from "./share-folder.js";
import { storageError } from "./storage-error.js";

export interface AcquireOptions {
  readonly ops: FileOperations;
  readonly paths: SessionPaths;
  readonly clock: () => number;
  readonly recovered: RecoveredBytes;
  readonly instanceId: string;
  readonly lockWaitMs: number;
  /** An open turn that can be gone on with is not ended. */
  readonly keepOpenTurn: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface AcquiredSession {
  readonly writer: SessionWriter;
  readonly lock: SessionLock;
  /** What was found, from before the repair. */
  readonly found: StoredSession;
  /** True when an open turn was left as it is. */
  readonly kept: boolean;
  /** The end of an open turn that was ended; null for none. */
  readonly settled: SettledTurn | null;
}

/**
 * Throws KernelError `session_locked`, `storage_full` or `storage_failed`; then nothing is held, and whatever was
 * repaired half is repaired by the next one. The caller closes the writer's files and releases the lock.
 */
export async function acquireSession(options: AcquireOptions): Promise<AcquiredSession> {
  const { ops, paths, instanceId, lockWaitMs, signal } = options;
  const place = { lock: paths.lock, claims: paths.claims };
  const lock = await SessionLock.acquire({ ops, place, instanceId, waitMs: lockWaitMs, signal });
  try {
    return { lock, ...openForWriting(options, lock) };
  } catch (error) {
    // A folder that holds nothing was made by this attempt.
    quietly(() => fs.rmdirSync(paths.dir));
    lock.release();
    throw storageError(error, "the session");
  }
}

function openForWriting(options: AcquireOptions, lock: SessionLock): Omit<AcquiredSession, "lock"> {
  const { ops, paths, recovered } = options;
  const found = readStoredSession(paths);
  if (found.journal.status === "future") {
    throw new KernelError("storage_failed", found.journal.repairs[0] ?? "The session was written by a newer kernel.", {
      data: { format: found.journal.format },
    });
  }
  lock.raiseAbove(found.epoch);
  createFolder(ops, paths);
  const wire = new ProjectionFile(ops, paths.wire, found.wire.size, "wire.jsonl");
  const context = new ProjectionFile(ops, paths.context, found.context.size, "context.jsonl");
  let journal: Journal | null = null;
  try {
    applyPlan(wire, paths.wire, found.wire, recovered);
    const generation = applyContextPlan(options, context, found);
    const header: JournalHeader = {
      session: paths.sessionId,
      epoch: lock.epoch,
      wire_length: wire.length,
      context_length: context.length,
      context_generation: generation,
      prefix: found.prefix,
      requests: recordedRequests(found.journal).kept,
    };
    keepDamaged(paths, found, recovered);
    journal = Journal.open(ops, { path: paths.journal, reserve: paths.reserve }, found.journal, header);
    journal.append(ownerBodies(header), { sync: true, last: true });
    const writer = new SessionWriter({ ...options, lock, journal, wire, context, generation, prefix: found.prefix });
    const kept = options.keepOpenTurn && found.continuable && found.closing !== null;
    const settled = kept || found.closing === null ? null : settle(writer, found.closing);
    writer.checkpoint();
    if (!kept) addTrailingResults(writer, found);
    return { writer, found, kept, settled };
  } catch (error) {
    for (const file of [wire, context, journal]) file?.close();
    throw error;
  }
}

/** Records the end of an open turn. The caller brings the published files up to date. */
export function settle(writer: SessionWriter, { context, deliver, deliveredSeq }: ClosingPlan): SettledTurn {
  return { firstSeq: writer.closeTurn(context, deliver), records: deliver, deliveredSeq };
}

function createFolder(ops: FileOperations, paths: SessionPaths): void {
  if (fs.existsSync(paths.dir)) return;
  ops.mkdir(paths.dir);
  ops.fsyncDir(paths.workDirSessions);
  ops.fsyncDir(dirname(paths.workDirSessions));
}

function applyPlan(file: ProjectionFile, path: string, plan: ProjectionPlan, recovered: RecoveredBytes): void {
  if (plan.cutTo < plan.size) {
    if (plan.keepCut) recovered.keep(path, readBytes(path, plan.cutTo, plan.size));
    file.cut(plan.cutTo);
  }
  file.append(plan.append);
  file.sync();
}

/** Gives the number of the newest rotated context file. */
function applyContextPlan(options: AcquireOptions, file: ProjectionFile, found: StoredSession): number {
  const { ops, paths, recovered } = options;
  const plan: ContextPlan = found.context;
  if (found.contextPath !== paths.context) {
    ops.rename(found.contextPath, paths.context);
    ops.fsyncDir(paths.dir);
  }
  if (plan.rotate === null) {
    applyPlan(file, paths.context, plan, recovered);
    return contextGeneration(paths.dir);
  }
  const generation = rotateContextFile(ops, paths.context, plan.rotate);
  file.replaced(Buffer.byteLength(plan.rotate));
  file.append(plan.append);
  file.sync();
  return generation;
}

/** Keeps the bytes of the journal that are about to be cut away. */
function keepDamaged(paths: SessionPaths, found: StoredSession, recovered: RecoveredBytes): void {
  const { journal } = found;
  if (journal.status !== "ok" || found.staleJournal) return;
  const from = journal.damaged ? 0 : journal.goodLength;
  if (from < journal.size) recovered.keep(paths.journal, readBytes(paths.journal, from, journal.size));
}

function ownerBodies(header: JournalHeader): string[] {
  const { epoch, wire_length, context_length, context_generation } = header;
  return [
    recordBody("owner", { epoch }),
    recordBody("checkpoint", { wire_length, context_length, context_generation }),
  ];
}

/**
 * A history of another kernel that ends in calls without results gets them appended, which keeps the file valid. Calls
 * further up are repaired in memory at every load, until the next rotation writes the repaired history.
 */
function addTrailingResults(writer: SessionWriter, found: StoredSession): void {
  const history = found.entries.flatMap((entry) => (entry.kind === "message" ? [entry.message] : []));
  const { trailing } = repairHistory([...history, ...(found.closing?.messages ?? [])]);
  writer.addContext(trailing.map((message) => toContextMessage(message)));
}
