/** Pulls the body of a reply, one read of everything that has arrived at a time. Not pulling pauses the socket. */
import type { IncomingMessage } from "node:http";
import { ProviderError } from "./provider.js";

export interface IdleTimeouts {
  /** Until the first byte of the body, from the sending of the request. 0 = none. */
  firstByteMs: number;
  /** Between reads; comments count as life. 0 = none. */
  idleMs: number;
}

export class BodyReader {
  readonly #incoming: IncomingMessage;
  readonly #signal: AbortSignal;
  #wake: (() => void) | null = null;
  #ended = false;
  #failure: Error | null = null;
  readonly #onAbort = (): void => this.close();

  /** The signal closes the socket at once. The caller calls `release` or `close` when done. */
  constructor(incoming: IncomingMessage, signal: AbortSignal) {
    this.#incoming = incoming;
    this.#signal = signal;
    const wake = (): void => {
      const waiting = this.#wake;
      this.#wake = null;
      waiting?.();
    };
    incoming.on("readable", wake);
    incoming.once("end", () => {
      this.#ended = true;
      wake();
    });
    incoming.on("error", (error: Error) => {
      this.#failure = error;
      wake();
    });
    incoming.once("close", () => {
      if (!this.#ended) this.#failure ??= new Error("the connection was closed");
      wake();
    });
    if (incoming.destroyed) this.#failure = incoming.errored ?? new Error("the connection was closed");
    if (signal.aborted) this.close();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * The next bytes, null at the proper end. Waits at most `timeoutMs` (0 = for ever). Throws the signal's reason,
   * ProviderError APITimeoutError, or the socket's error.
   */
  async read(timeoutMs: number): Promise<Buffer | null> {
    for (;;) {
      this.#signal.throwIfAborted();
      const bytes = this.#incoming.read() as Buffer | null;
      if (bytes !== null) return bytes;
      if (this.#ended) return null;
      if (this.#failure !== null) throw this.#failure;
      await this.#wait(timeoutMs);
    }
  }

  /** Lets the rest of the body run off so that the connection can be used again; closes it when that takes long. */
  release(graceMs = 1000): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    if (this.#ended || this.#incoming.destroyed) return;
    const timer = setTimeout(() => this.#incoming.destroy(), graceMs);
    timer.unref();
    this.#incoming.once("close", () => clearTimeout(timer));
    this.#incoming.removeAllListeners("readable");
    this.#incoming.resume();
  }

  /** Closes the connection. */
  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#incoming.destroy();
  }

  #wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs > 0
          ? setTimeout(() => {
              this.#wake = null;
              this.close();
              reject(silence(timeoutMs));
            }, timeoutMs)
          : undefined;
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The error for a server that has been silent for `ms` milliseconds. */
export function silence(ms: number): ProviderError {
  return new ProviderError(`The model server was silent for ${Math.round(ms / 100) / 10} s.`, {
    errorType: "APITimeoutError",
    code: "idle_timeout",
    retryable: true,
  });
}
