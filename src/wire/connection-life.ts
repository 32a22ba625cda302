import { WireError } from "./errors.js";

/** Why a connection is over: the first cause wins. */
export interface CloseReason {
  readonly kind: "eof" | "read_failed" | "write_failed" | "aborted" | "closed";
  readonly error: Error | null;
}

/**
 * Decides when a connection is over, once. The end of the input waits until what came before it was dealt with, so that
 * an answer in front of an EOF still counts. A failed output goes on reading for `graceMs`: a peer that died may have
 * left answers in the pipe.
 */
export class ConnectionLife {
  /** Never rejects. */
  readonly closed: Promise<CloseReason>;
  readonly #controller = new AbortController();
  readonly #graceMs: number;
  readonly #onOver: (error: WireError) => void;
  #settleClosed: (reason: CloseReason) => void = () => {};
  #cause: CloseReason | null = null;
  #inputOver = false;
  #over = false;
  #grace: NodeJS.Timeout | undefined;

  /** `onOver` is called once, before `signal` aborts and `closed` resolves, with the error for whatever is pending. */
  constructor(options: { graceMs: number; onOver: (error: WireError) => void }) {
    this.#graceMs = options.graceMs;
    this.#onOver = options.onOver;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** Aborts when the connection is over, with the error that pending calls got. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** No more input will come. Gives false when that was known already. */
  inputEnded(reason: CloseReason): boolean {
    if (this.#inputOver) {
      return false;
    }
    this.#inputOver = true;
    this.#cause ??= reason;
    return true;
  }

  /** Everything received so far was dealt with. */
  idle(): void {
    if (this.#inputOver && this.#cause !== null) {
      this.finish(this.#cause);
    }
  }

  /** Nothing can be written any more. */
  outputLost(error: Error | null): void {
    if (this.#over || this.#inputOver) {
      return;
    }
    const cause: CloseReason = { kind: "write_failed", error };
    this.#cause ??= cause;
    // The immediate lets the streams be read once more if the event loop was blocked for longer than the grace.
    this.#grace = setTimeout(() => setImmediate(() => this.finish(cause)), this.#graceMs);
  }

  /** It is over now, for the first cause seen. */
  finish(reason: CloseReason): void {
    if (this.#over) {
      return;
    }
    this.#over = true;
    clearTimeout(this.#grace);
    const cause = this.#cause ?? reason;
    const error = new WireError("closed", `The connection is closed (${cause.kind})`, {
      cause: cause.error ?? undefined,
    });
    this.#onOver(error);
    this.#controller.abort(error);
    this.#settleClosed(cause);
  }
}
