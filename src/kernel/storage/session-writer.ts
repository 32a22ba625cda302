/**
 * The writing side of a held session: journal first, published files at checkpoints. It keeps in memory what the files
 * still lack, so that a checkpoint reads nothing.
 */

import { quietly } from "./checked-write.js";
import { rotateContextFile } from "./context-file.js";
import { contextLine } from "./context-format.js";
import { deliverableBody, recordBody } from "./crc-line.js";
import type { FileOperations } from "./file-operations.js";
import type { Journal } from "./journal.js";
import type { JournalHeader, ProjectionLengths } from "./journal-header.js";
import { CLOSING } from "./journal-reader.js";
import { lineJson } from "./line-json.js";
import type { ProjectionFile } from "./projection-file.js";
import type { SessionLock } from "./session-lock.js";
import type { ContextRecord, DeliverableRecord, FrozenPrefix, NoteRecord } from "./session-log.js";
import type { SessionPaths } from "./share-folder.js";
import { WIRE_HEADER, WireProjector } from "./wire-file.js";

/** Records that are on the disk before anyone acts on them, whatever the caller says. */
const ALWAYS_SYNCED: ReadonlySet<string> = new Set(["answer", "intent", "result", "turn_end"]);

export interface WriterParts {
  readonly ops: FileOperations;
  readonly paths: SessionPaths;
  readonly clock: () => number;
  readonly lock: SessionLock;
  readonly journal: Journal;
  readonly wire: ProjectionFile;
  readonly context: ProjectionFile;
  /** Number of the newest rotated context file. */
  readonly generation: number;
  readonly prefix: FrozenPrefix | null;
}

export class SessionWriter {
  readonly #parts: WriterParts;
  readonly #projector = new WireProjector();
  #pendingContext: string[] = [];
  /** Text of a rotation that is recorded and not carried out yet. */
  #rotation: string | null = null;
  #generation: number;
  #prefix: FrozenPrefix | null;
  #dirty = false;
  #openTurn = false;
  #wrote = false;
  #published = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#generation = parts.generation;
    this.#prefix = parts.prefix;
  }

  get lastSeq(): number {
    return this.#parts.journal.lastSeq;
  }

  get epoch(): number {
    return this.#parts.lock.epoch;
  }

  /** True while the session holds just what its owner found in it: nothing of it need be read again. */
  get untouched(): boolean {
    return !this.#wrote;
  }

  /** True when the session is not empty for certain, because wire.jsonl got a record from here: it need not be read. */
  get published(): boolean {
    return this.#published;
  }

  /** See SessionLog.beginTurn. `requests`: those of the turns before, which the cut would take away. */
  beginTurn(turn: Extract<NoteRecord, { kind: "turn" }>, requests: JournalHeader["requests"]): void {
    const { journal } = this.#parts;
    // Its end was sent but could not be recorded: the published files get it now.
    if (this.#openTurn) this.append([unrecordedEnd()], false);
    this.checkpoint();
    this.#parts.lock.verify();
    journal.holdReserve();
    journal.cut(this.#header(requests));
    this.note(turn, false);
    this.#openTurn = true;
  }

  /** See SessionLog.append. */
  append(records: readonly DeliverableRecord[], sync: boolean): number {
    const at = this.#parts.clock();
    const synced = sync || records.some((record) => ALWAYS_SYNCED.has(record.kind));
    const last = records.some((record) => record.kind === "turn_end");
    const bodies = records.map((record) => deliverableBody(record, at));
    const seq = this.#write(bodies, synced, last);
    this.#project(records, at);
    return seq;
  }

  /** See SessionLog.note. */
  note(record: NoteRecord, sync: boolean): number {
    const body = recordBody(record.kind, { at: this.#parts.clock(), ...record });
    return this.#write([body], sync || ALWAYS_SYNCED.has(record.kind), false);
  }

  /** See SessionLog.context. */
  addContext(records: readonly ContextRecord[], steerId?: string): void {
    if (records.length === 0) return;
    this.#write([contextBody("context", records, steerId)], false, false);
    this.#pendingContext.push(...records.map((record) => contextLine(record)));
    this.#dirty = true;
  }

  /**
   * Ends a turn of a dead kernel: everything in one write behind a notice, so that it is done whole, or not at all as a
   * reader sees it, and then again. Gives the seq of the first delivered record.
   */
  closeTurn(context: readonly ContextRecord[], records: readonly DeliverableRecord[]): number {
    const at = this.#parts.clock();
    const bodies = records.map((record) => deliverableBody(record, at));
    if (context.length > 0) bodies.unshift(contextBody("context", context));
    bodies.unshift(recordBody("notice", { at, code: CLOSING, data: null }));
    const first = this.#write(bodies, true, true);
    this.#pendingContext.push(...context.map((record) => contextLine(record)));
    this.#project(records, at);
    return first + bodies.length - records.length;
  }

  /** See SessionLog.continueTurn. */
  continueTurn(): void {
    this.#parts.lock.verify();
    this.#parts.journal.holdReserve();
    this.#openTurn = true;
  }

  /** See SessionLog.checkpoint. After a failure it may be called again; nothing is written twice. */
  checkpoint(): void {
    if (!this.#dirty) return;
    const { lock, journal, wire, context, ops, paths } = this.#parts;
    lock.verify();
    // The journal must know everything that the published files are about to hold.
    journal.sync();
    this.#projector.flush();
    const text = this.#projector.text();
    if (text !== "") {
      wire.append(wire.length === 0 ? WIRE_HEADER + text : text);
      this.#published = true;
    }
    this.#projector.clear();
    if (this.#rotation !== null) {
      this.#generation = rotateContextFile(ops, paths.context, this.#rotation);
      context.replaced(Buffer.byteLength(this.#rotation));
      this.#rotation = null;
    }
    context.append(this.#pendingContext.join(""));
    this.#pendingContext = [];
    wire.sync();
    context.sync();
    // Not synced: without it the next open sees that the files already hold what it would add.
    journal.append([recordBody("checkpoint", { ...this.#lengths() })], { sync: false });
    this.#dirty = false;
  }

  /** See SessionLog.rotateContext. It throws only when nothing was rotated. */
  rotateContext(records: readonly ContextRecord[]): void {
    this.checkpoint();
    this.#write([contextBody("rotate", records)], true, false);
    this.#rotation = records.map((record) => contextLine(record)).join("");
    this.#dirty = true;
    // From here on the rotation stands: what fails now is done, or reported, by the next checkpoint.
    quietly(() => this.checkpoint());
  }

  /** See SessionLog.freeze. */
  freeze(prefix: FrozenPrefix): void {
    this.#write([recordBody("prefix", { prefix })], false, false);
    this.#prefix = prefix;
  }

  /** Gives the bytes that were kept back to the disk. Never throws. */
  dropReserve(): void {
    this.#parts.journal.dropReserve();
  }

  /** Closes the files; writes nothing. The lock stays. Never throws. */
  closeFiles(): void {
    const { journal, wire, context } = this.#parts;
    journal.close();
    wire.close();
    context.close();
  }

  #write(bodies: readonly string[], sync: boolean, last: boolean): number {
    const { lock, journal } = this.#parts;
    this.#wrote = true;
    if (sync) lock.verify();
    return journal.append(bodies, { sync, last });
  }

  #project(records: readonly DeliverableRecord[], at: number): void {
    for (const record of records) {
      this.#projector.push(record.type, record.payload, record.json, at, record.extra);
      if (record.kind === "turn_end") this.#openTurn = false;
    }
    this.#dirty = true;
  }

  #header(requests: JournalHeader["requests"]): JournalHeader {
    const { lock, paths } = this.#parts;
    return { session: paths.sessionId, epoch: lock.epoch, ...this.#lengths(), prefix: this.#prefix, requests };
  }

  #lengths(): ProjectionLengths {
    const { wire, context } = this.#parts;
    return { wire_length: wire.length, context_length: context.length, context_generation: this.#generation };
  }
}

function contextBody(kind: "context" | "rotate", records: readonly ContextRecord[], steerId?: string): string {
  const steer = steerId === undefined ? "" : `"steer_id":${lineJson(steerId)},`;
  return `"kind":"${kind}",${steer}"lines":[${records.map((record) => lineJson(record)).join(",")}]}`;
}

function unrecordedEnd(): DeliverableRecord {
  return { kind: "turn_end", type: "TurnEnd", payload: {}, json: "{}", extra: { result: null, error: "unrecorded" } };
}
