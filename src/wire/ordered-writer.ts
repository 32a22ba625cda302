import type { Writable } from "node:stream";

/** Unread bytes above which `ready()` asks the producers to wait. */
export const UNREAD_LIMIT_BYTES = 1024 * 1024;

interface Waiter {
  readonly promise: Promise<void>;
  readonly release: () => void;
}

/**
 * The one way out of a connection: what is written first is read first, lines never interleave, nothing is merged or
 * held back. The first error of the stream closes it once; everything written later is dropped and counted, so that a
 * peer that went away costs one event and no more. The stream stays its owner's: only `end()` ends it.
 */
export class OrderedWriter {
  /** Resolves once writing is no longer possible, with the error or null. Never rejects. */
  readonly closed: Promise<Error | null>;
  readonly #stream: Writable;
  readonly #encode: (line: string) => string;
  readonly #limit: number;
  #settleClosed: (error: Error | null) => void = () => {};
  #open = true;
  #ending: Promise<boolean> | null = null;
  #queued = 0;
  #taken = 0;
  #dropped = 0;
  #waiter: Waiter | null = null;

  constructor(stream: Writable, options: { encode: (line: string) => string; limit?: number }) {
    this.#stream = stream;
    this.#encode = options.encode;
    this.#limit = options.limit ?? UNREAD_LIMIT_BYTES;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    // The error listener stays for good: a pipe reports EPIPE again for every write that was under way.
    stream.on("error", (error: Error) => this.#close(error));
    stream.once("close", () => this.#close(null));
    if (stream.destroyed || !stream.writable) {
      this.#close(stream.errored);
    }
  }

  /** Bytes that the stream has taken and the operating system (or the peer in memory) has not. */
  get queuedBytes(): number {
    return this.#queued;
  }

  /** Bytes of whole writes that the operating system (or the peer in memory) has taken so far; only grows. */
  get takenBytes(): number {
    return this.#taken;
  }

  /** Lines that were dropped because the stream had closed. */
  get droppedLines(): number {
    return this.#dropped;
  }

  /** Whether a write would still be tried. */
  get writable(): boolean {
    return this.#open && this.#ending === null;
  }

  /**
   * Writes a line of JSON, or several with one write of the stream, in order. Never waits and never throws; false when
   * the lines were dropped.
   */
  write(lines: string | readonly string[]): boolean {
    if (!this.writable) {
      this.#dropped += typeof lines === "string" ? 1 : lines.length;
      return false;
    }
    const text = typeof lines === "string" ? this.#encode(lines) : lines.map(this.#encode).join("");
    if (text !== "") {
      const size = Buffer.byteLength(text);
      this.#queued += size;
      this.#stream.write(text, "utf8", (error) => this.#written(size, error ?? null));
    }
    return true;
  }

  /** Null while at most 1 MiB is unread; otherwise a promise that resolves when that is so again, or on close. */
  ready(): Promise<void> | null {
    if (!this.#open || this.#queued <= this.#limit) {
      return null;
    }
    if (this.#waiter === null) {
      let release = (): void => {};
      const promise = new Promise<void>((resolve) => {
        release = resolve;
      });
      this.#waiter = { promise, release };
    }
    return this.#waiter.promise;
  }

  /**
   * Takes no more lines and ends the stream behind what is queued. Resolves true when all of it was flushed, false when
   * the stream closed or `timeoutMs` passed first. May be called again; the first call's wait holds.
   */
  end(timeoutMs: number): Promise<boolean> {
    this.#ending ??= this.#open ? this.#finish(timeoutMs) : Promise.resolve(false);
    return this.#ending;
  }

  #finish(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (flushed: boolean): void => {
        clearTimeout(timer);
        resolve(flushed);
      };
      const timer = setTimeout(() => done(false), timeoutMs);
      this.#stream.end((error?: Error | null) => done((error ?? null) === null));
      this.closed.then(
        () => done(false),
        () => done(false),
      );
    });
  }

  #written(size: number, error: Error | null): void {
    if (error !== null) {
      this.#close(error);
      return;
    }
    if (!this.#open) {
      return;
    }
    this.#queued -= size;
    this.#taken += size;
    if (this.#queued <= this.#limit) {
      this.#release();
    }
  }

  #close(error: Error | null): void {
    if (!this.#open) {
      return;
    }
    this.#open = false;
    this.#queued = 0;
    this.#release();
    this.#settleClosed(error);
  }

  #release(): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter?.release();
  }
}
