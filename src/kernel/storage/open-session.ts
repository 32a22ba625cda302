/** The storage of one session behind its contract: lazy until acquire, then journal, published files, state and lock. */
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { errorMessage, KernelError } from "../errors.js";
import type { Logger } from "../logger.js";
import { type AcquiredSession, acquireSession } from "./acquire-session.js";
import { quietly } from "./checked-write.js";
import { type FileOperations, nodeFileOperations } from "./file-operations.js";
import { loadedSession, readStoredSession } from "./read-session.js";
import { type RecoveredBytes, recoveredBytes } from "./recovered-bytes.js";
import type {
  ContextRecord,
  DeliverableRecord,
  FrozenPrefix,
  LoadedSession,
  NoteRecord,
  SessionLog,
} from "./session-log.js";
import type { SessionState } from "./session-state.js";
import type { SessionWriter } from "./session-writer.js";
import { type SessionPaths, sessionPaths } from "./share-folder.js";
import { StateFile } from "./state-file.js";
import { rememberSession } from "./work-dirs.js";

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
  #held: AcquiredSession | null = null;
  #acquiring: Promise<void> | null = null;
  /** What the acquire repaired; null before. */
  #repairs: string[] | null = null;
  #closed = false;

  constructor(options: OpenSessionOptions) {
    this.#options = options;
    this.#ops = options.ops ?? nodeFileOperations;
    this.#paths = sessionPaths(options.shareDir, options.workDir, options.sessionId);
    this.sessionId = this.#paths.sessionId;
    this.dir = this.#paths.dir;
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

  acquire(signal?: AbortSignal): Promise<void> {
    if (this.#held !== null) return Promise.resolve();
    this.#acquiring ??= this.#acquire(signal).finally(() => {
      this.#acquiring = null;
    });
    return this.#acquiring;
  }

  load(): LoadedSession {
    const stored = readStoredSession(this.#paths);
    const title = this.#state.data.custom_title !== null;
    const loaded = loadedSession(stored, { withClosing: this.#held === null, title });
    return { ...loaded, repairs: this.#repairs ?? [...loaded.repairs, ...this.#state.notices] };
  }

  beginTurn(turn: Extract<NoteRecord, { kind: "turn" }>): void {
    this.#writer().beginTurn(turn);
    this.#remember(this.sessionId);
  }

  append(records: readonly DeliverableRecord[], options: { sync?: boolean } = {}): number {
    return this.#writer().append(records, options.sync === true);
  }

  note(record: NoteRecord, options: { sync?: boolean } = {}): number {
    return this.#writer().note(record, options.sync === true);
  }

  context(records: readonly ContextRecord[]): void {
    this.#writer().addContext(records);
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

  close(options: { clean: boolean }): void {
    this.#closed = true;
    const held = this.#held;
    if (held === null) return;
    try {
      // Whoever lost the lock must not touch what is another kernel's now.
      held.lock.verify();
      held.writer.dropReserve();
      held.writer.checkpoint();
      if (this.load().empty) this.#deleteEmpty(held);
      else if (options.clean) this.#remember(this.sessionId);
    } catch (error) {
      this.#warn(error, "the session was not written completely; the next start completes it from the journal");
    }
    this.#held = null;
    held.writer.closeFiles();
    held.lock.release();
  }

  async #acquire(signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed) throw new KernelError("storage_failed", "The session is closed.");
    const held = await acquireSession({
      ops: this.#ops,
      paths: this.#paths,
      clock: this.#clock,
      recovered: this.#recovered,
      instanceId: this.#options.instanceId ?? randomUUID(),
      lockWaitMs: this.#options.lockWaitMs ?? LOCK_WAIT_MS,
      signal,
    });
    if (this.#closed) {
      held.writer.dropReserve();
      held.writer.closeFiles();
      held.lock.release();
      throw new KernelError("storage_failed", "The session is closed.");
    }
    const loaded = loadedSession(held.found, { withClosing: true, title: false });
    this.#repairs = [...loaded.repairs, ...this.#state.notices];
    this.#held = held;
    this.#state.refresh();
    this.#state.migrate();
    this.#remember(null);
  }

  #writer(): SessionWriter {
    if (this.#held === null) throw new KernelError("session_locked", "The session is not held by this kernel.");
    return this.#held.writer;
  }

  /** The lock goes last: nobody can begin the session anew while its files are taken away. */
  #deleteEmpty(held: AcquiredSession): void {
    const { context, wire, state, legacyMetadata, dir, journal } = this.#paths;
    for (const path of [context, wire, state, legacyMetadata]) quietly(() => this.#ops.unlink(path));
    quietly(() => fs.rmdirSync(dir));
    quietly(() => this.#ops.unlink(journal));
    held.lock.remove();
  }

  /** A list that cannot be written costs a client its shortcut, never a turn. */
  #remember(sessionId: string | null): void {
    try {
      const { shareDir, workDir } = this.#options;
      rememberSession({ ops: this.#ops, shareDir, recovered: this.#recovered }, workDir, sessionId);
    } catch (error) {
      this.#warn(error, "kimi.json could not be written");
    }
  }

  #warn(error: unknown, message: string): void {
    this.#options.logger.warn({ session: this.sessionId, error: errorMessage(error) }, message);
  }

  readonly #clock = (): number => (this.#options.clock ?? Date.now)();
}
