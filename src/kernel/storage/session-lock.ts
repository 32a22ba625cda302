/**
 * One writer per session. The lock file names its holder and is only ever replaced whole. The right to replace it
 * under epoch K is won by creating the claim file K with link, which one process can do; the winner reads the lock
 * again, and if it is still what it judged, renames its claim over it. A claim whose process died is passed over by
 * claiming the next epoch, never removed, so that no step depends on who removes what first.
 */
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KernelError } from "../errors.js";
import { quietly, writeNewFile } from "./checked-write.js";
import type { FileOperations } from "./file-operations.js";
import { describeSelf, judgeHolder, type LockHolder, parseHolder } from "./lock-holder.js";
import { errnoOf, storageError } from "./storage-error.js";

const POLL_MS = 20;
const WHAT = "the session lock";

export interface LockPlace {
  readonly lock: string;
  /** Prefix of the claim files, in a folder of the same file system. */
  readonly claims: string;
}

export interface LockOptions {
  readonly ops: FileOperations;
  readonly place: LockPlace;
  readonly instanceId: string;
  /** How long to wait for a living holder, ms. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

type Self = ReturnType<typeof describeSelf>;
type Attempt = { lock: SessionLock } | { holder: LockHolder } | "again";

export class SessionLock {
  readonly #ops: FileOperations;
  readonly #place: LockPlace;
  #holder: LockHolder;
  #stat: fs.Stats | undefined;
  #lost: KernelError | null = null;

  private constructor(ops: FileOperations, place: LockPlace, holder: LockHolder) {
    this.#ops = ops;
    this.#place = place;
    this.#holder = holder;
    this.#stat = fs.statSync(place.lock, { throwIfNoEntry: false });
  }

  /**
   * Becomes the holder, waiting for a living one to let go. Throws KernelError `session_locked` after the wait,
   * `storage_full` or `storage_failed` when the lock cannot be written, and the signal's reason when aborted.
   */
  static async acquire(options: LockOptions): Promise<SessionLock> {
    const self = describeSelf(options.instanceId);
    const deadline = performance.now() + options.waitMs;
    for (;;) {
      options.signal?.throwIfAborted();
      const attempt = tryAcquire(options, self, (holder) => new SessionLock(options.ops, options.place, holder));
      if (attempt !== "again" && "lock" in attempt) return attempt.lock;
      const left = deadline - performance.now();
      if (left <= 0) {
        throw lockedError(options.place.lock, attempt === "again" ? null : attempt.holder, self);
      }
      await pause(Math.min(attempt === "again" ? 1 : POLL_MS, left), options.signal);
    }
  }

  get epoch(): number {
    return this.#holder.epoch;
  }

  /** Throws KernelError `session_locked` when someone else has become the holder, or the lock was removed. Cheap. */
  verify(): void {
    if (this.#lost !== null) throw this.#lost;
    const now = fs.statSync(this.#place.lock, { throwIfNoEntry: false });
    const was = this.#stat;
    if (now !== undefined && was !== undefined && now.ino === was.ino && now.mtimeMs === was.mtimeMs) return;
    const holder = parseHolder(readLock(this.#place.lock) ?? "");
    if (holder?.instance === this.#holder.instance && holder.epoch === this.#holder.epoch && !holder.released) {
      this.#stat = now;
      return;
    }
    this.#lost = new KernelError("session_locked", "The session was taken over by another process.", {
      data: { lock: this.#place.lock, pid: holder?.pid ?? null, host: holder?.host ?? null },
    });
    throw this.#lost;
  }

  /** Goes above an epoch that the session has seen already, when the lock's own memory was lost. */
  raiseAbove(epoch: number): void {
    if (this.#holder.epoch > epoch) return;
    this.#holder = { ...this.#holder, epoch: epoch + 1 };
    this.#replace(this.#holder);
    this.#stat = fs.statSync(this.#place.lock, { throwIfNoEntry: false });
  }

  /** Lets go; the file stays to keep the epoch. Does nothing when the lock was lost. Never throws. */
  release(): void {
    quietly(() => {
      this.verify();
      try {
        this.#replace({ ...this.#holder, released: true });
      } catch {
        // A full disk must not keep the session locked; the journal knows the epoch as well.
        this.#ops.unlink(this.#place.lock);
      }
    });
  }

  /** Lets go and forgets the epoch: the session is deleted. Never throws. */
  remove(): void {
    quietly(() => {
      this.verify();
      this.#ops.unlink(this.#place.lock);
    });
  }

  #replace(holder: LockHolder): void {
    const temporary = temporaryPath(this.#place);
    writeNewFile(this.#ops, temporary, holderBytes(holder), WHAT);
    this.#ops.rename(temporary, this.#place.lock);
  }
}

function tryAcquire(options: LockOptions, self: Self, won: (holder: LockHolder) => SessionLock): Attempt {
  const { ops, place } = options;
  const found = readLock(place.lock);
  const current = found === null ? null : parseHolder(found);
  if (current !== null && judgeHolder(current, self) !== "gone") return { holder: current };
  const temporary = temporaryPath(place);
  const passed: string[] = [];
  try {
    ops.mkdir(dirname(place.claims));
    for (let epoch = (current?.epoch ?? 0) + 1; ; epoch += 1) {
      const claim = `${place.claims}.${epoch}`;
      const holder: LockHolder = { ...self, epoch, released: false };
      writeNewFile(ops, temporary, holderBytes(holder), WHAT);
      if (linkNew(ops, temporary, claim)) {
        try {
          if (readLock(place.lock) !== found) {
            quietly(() => ops.unlink(claim));
            return "again";
          }
          ops.rename(temporary, place.lock);
        } catch (error) {
          // A claim that is left standing would lock everyone out while this process lives.
          quietly(() => ops.unlink(claim));
          throw error;
        }
        for (const done of [...passed, claim]) quietly(() => ops.unlink(done));
        return { lock: won(holder) };
      }
      const claimText = readLock(claim);
      if (claimText === null) return "again";
      const rival = parseHolder(claimText);
      if (rival !== null && judgeHolder(rival, self) !== "gone") return { holder: rival };
      passed.push(claim);
    }
  } catch (error) {
    throw storageError(error, WHAT);
  } finally {
    quietly(() => ops.unlink(temporary));
  }
}

function linkNew(ops: FileOperations, from: string, to: string): boolean {
  try {
    ops.link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

function readLock(path: string): string | null {
  try {
    return fs.readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw storageError(error, WHAT);
  }
}

function temporaryPath(place: LockPlace): string {
  return `${place.claims}.${randomUUID()}`;
}

function holderBytes(holder: LockHolder): Uint8Array {
  return Buffer.from(`${JSON.stringify(holder)}\n`, "utf8");
}

function lockedError(lock: string, holder: LockHolder | null, self: Self): KernelError {
  const who = holder === null ? "another process" : `process ${holder.pid} on ${holder.host}`;
  const unknown = holder !== null && judgeHolder(holder, self) === "unknown";
  const advice = unknown ? ` It cannot be checked from here; remove ${lock} if it is surely gone.` : "";
  return new KernelError("session_locked", `The session is in use by ${who}.${advice}`, {
    data: { pid: holder?.pid ?? null, host: holder?.host ?? null, epoch: holder?.epoch ?? null, lock },
  });
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch {
    signal?.throwIfAborted();
  }
}
