/** The storage of one session behind its contract: lazy until acquire, then journal, published files, state and lock. */
import { randomUUID } from "node:crypto";
import { errorMessage, KernelError } from "../errors.js";
import type { Logger } from "../logger.js";
import { type AcquiredSession, acquireSession } from "./acquire-session.js";
import { deleteSession } from "./delete-session.js";
import { type DeliveredRecord, deliveredSince } from "./delivered-records.js";
import { type FileOperations, nodeFileOperations } from "./file-operations.js";
import { loadedSession, readStoredSession } from "./read-session.js";
import type { RecordedRequest, RecordedTurn } from "./recorded-requests.js";
import { type RecoveredBytes, recoveredBytes } from "./recovered-bytes.js";
import type {
  ContextRecord,
  DeliverableRecord,
  FrozenPrefix,
  LoadedSession,
  NoteRecord,
  SessionLog,
  SettledTurn,
} from "./session-log.js";
import type { SessionState } from "./session-state.js";
import type { SessionWriter } from "./session-writer.js";
import { type SessionPaths, sessionPaths } from "./share-folder.js";
import { StateFile } from "./state-file.js";
import { parkedError } from "./storage-error.js";
import { TurnLedger } from "./turn-ledger.js";
import type { TurnPosition } from "./turn-position.js";
import { rememberIfPossible } from "./work-dirs.js";

/** Clients that kill a kernel start the next one at once; the dead one needs a moment to be gone. */
const LOCK_WAIT_MS = 3_000;

export interface OpenSessionOptions {
  readonly shareDir: string;
  /** Absolute. */
  readonly workDir: string;
  readonly sessionId: string;
  readonly logger: Logger;
  readonly ops?: FileOperations;
  /** Ms since the epoch. */
  readonly clock?: () => number;
  /** One kernel among several in a process. */
  readonly instanceId?: string;
  readonly lockWaitMs?: number;
}

/** Opens nothing and creates nothing. Throws KernelError `usage` for an id that is no file name. The caller closes it. */
export function openSession(options: OpenSessionOptions): SessionLog {
  return new StoredSessionLog(options);
}

class StoredSessionLog implements SessionLog {
  readonly sessionId: string;
  readonly dir: string;
  readonly #options: OpenSessionOptions;
  readonly #ops: FileOperations;
  readonly #paths: SessionPaths;
  readonly #recovered: RecoveredBytes;
  readonly #state: StateFile;
  readonly #turns: TurnLedger;
  #held: AcquiredSession | null = null;
  #acquiring: Promise<void> | null = null;
  /** What the acquire repaired; null before. */
  #repairs: string[] | null = null;
  #closed = false;
  #parked = false;

  constructor(options: OpenSessionOptions) {
    this.#options = options;
    this.#ops = options.ops ?? nodeFileOperations;
    this.#paths = sessionPaths(options.shareDir, options.workDir, options.sessionId);
    this.sessionId = this.#paths.sessionId;
    this.dir = this.#paths.dir;
    this.#turns = new TurnLedger(this.#paths);
    this.#recovered = recoveredBytes(this.#ops, this.#paths.recovered, this.sessionId, this.#clock);
    this.#state = new StateFile({
      ops: this.#ops,
      path: this.#paths.state,
      legacyPath: this.#paths.legacyMetadata,
      recovered: this.#recovered,
      logger: options.logger,
    });
  }

  get state(): SessionState {
    return this.#state;
  }

  get held(): boolean {
    return this.#held !== null;
  }

  get epoch(): number {
    return this.#held?.writer.epoch ?? 0;
  }

  get lastSeq(): number {
    return this.#held?.writer.lastSeq ?? readStoredSession(this.#paths).journal.lastSeq;
  }

  acquire(signal?: AbortSignal, how: { keepOpenTurn?: boolean } = {}): Promise<void> {
    if (this.#held !== null) return Promise.resolve();
    this.#acquiring ??= this.#acquire(signal, how.keepOpenTurn === true).finally(() => {
      this.#acquiring = null;
    });
    return this.#acquiring;
  }

  load(): LoadedSession {
    const stored = this.#held?.writer.untouched ? this.#held.found : readStoredSession(this.#paths);
    const title = this.#state.data.custom_title !== null;
    const loaded = loadedSession(stored, { withClosing: this.#held === null, title });
    return { ...loaded, repairs: this.#repairs ?? [...loaded.repairs, ...this.#state.notices] };
  }

  openTurn(): TurnPosition | null {
    return this.#turns.open();
  }

  continueTurn(): TurnPosition {
    this.#writer();
    return this.#turns.takeUp();
  }

  settleOpenTurn(): SettledTurn | null {
    this.#writer();
    const { turn, repairs } = this.#turns.settle();
    this.#repairs?.push(...repairs);
    return turn;
  }

  lastTurn(): RecordedTurn | null {
    return this.#turns.lastTurn;
  }

  outcomeOf(clientId: string): RecordedRequest | null {
    return this.#turns.find(clientId);
  }

  delivered(since: number): Iterable<DeliveredRecord> {
    return deliveredSince(this.#paths, since);
  }

  beginTurn(turn: Extract<NoteRecord, { kind: "turn" }>): void {
    this.settleOpenTurn();
    this.#writer().beginTurn(turn, this.#turns.kept);
    this.#turns.noted(turn);
    this.#remember(this.sessionId);
  }

  append(records: readonly DeliverableRecord[], options: { sync?: boolean } = {}): number {
    const seq = this.#writer().append(records, options.sync === true);
    this.#turns.appended(records);
    return seq;
  }

  note(record: NoteRecord, options: { sync?: boolean } = {}): number {
    const seq = this.#writer().note(record, options.sync === true);
    this.#turns.noted(record);
    return seq;
  }

  context(records: readonly ContextRecord[], steerId?: string): void {
    this.#writer().addContext(records, steerId);
  }

  checkpoint(): void {
    this.#writer().checkpoint();
  }

  rotateContext(records: readonly ContextRecord[]): void {
    this.#writer().rotateContext(records);
  }

  freeze(prefix: FrozenPrefix): void {
    this.#writer().freeze(prefix);
  }

  park(): void {
    this.#parked = true;
    this.#state.park();
    this.#held?.writer.closeFiles();
  }

  close(options: { clean: boolean }): void {
    this.#closed = true;
    const held = this.#held;
    if (held === null) return;
    if (!this.#parked) this.#finish(held, options.clean);
    this.#held = null;
    held.writer.closeFiles();
    held.lock.release();
  }

  #finish(held: AcquiredSession, clean: boolean): void {
    try {
      // Whoever lost the lock must not touch what is another kernel's now.
      held.lock.verify();
      held.writer.dropReserve();
      held.writer.checkpoint();
      if (!held.writer.published && this.load().empty) deleteSession(this.#ops, this.#paths, held.lock);
      else if (clean) this.#remember(this.sessionId);
    } catch (error) {
      const fields = { session: this.sessionId, error: errorMessage(error) };
      this.#options.logger.warn(fields, "the session was not written completely; the next start completes it");
    }
  }

  async #acquire(signal: AbortSignal | undefined, keepOpenTurn: boolean): Promise<void> {
    if (this.#parked) throw parkedError();
    if (this.#closed) throw new KernelError("storage_failed", "The session is closed.");
    const held = await acquireSession({
      ops: this.#ops,
      paths: this.#paths,
      clock: this.#clock,
      recovered: this.#recovered,
      instanceId: this.#options.instanceId ?? randomUUID(),
      lockWaitMs: this.#options.lockWaitMs ?? LOCK_WAIT_MS,
      signal,
      keepOpenTurn,
    });
    if (this.#closed || this.#parked) {
      if (!this.#parked) held.writer.dropReserve();
      held.writer.closeFiles();
      held.lock.release();
      throw this.#parked ? parkedError() : new KernelError("storage_failed", "The session is closed.");
    }
    const loaded = loadedSession(held.found, { withClosing: !held.kept, title: false });
    this.#repairs = [...loaded.repairs, ...this.#state.notices];
    this.#held = held;
    this.#turns.held(held, keepOpenTurn);
    this.#state.refresh();
    this.#state.migrate();
    this.#remember(null);
  }

  #writer(): SessionWriter {
    if (this.#parked) throw parkedError();
    if (this.#held === null) throw new KernelError("session_locked", "The session is not held by this kernel.");
    return this.#held.writer;
  }

  #remember(sessionId: string | null): void {
    const { shareDir, workDir, logger } = this.#options;
    rememberIfPossible({ ops: this.#ops, shareDir, recovered: this.#recovered, logger }, workDir, sessionId);
  }

  readonly #clock = (): number => (this.#options.clock ?? Date.now)();
}
