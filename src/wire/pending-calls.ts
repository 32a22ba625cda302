import { WireError } from "./errors.js";

/** How one call is started and, when nobody wants its answer any more, given up. */
export interface CallSteps {
  /** Sends the call; the promise is its answer. Throws a WireError when it cannot be sent. */
  start(): Promise<unknown>;
  giveUp(): void;
}

/** Our calls that wait for an answer. Each settles exactly once: answered, cancelled, or failed with all the others. */
export class PendingCalls {
  readonly #failers = new Map<string, (error: WireError) => void>();

  /** Starts a call under an id that no other pending call has. Rejects with what `start` failed with, or `cancelled`. */
  open(id: string, signal: AbortSignal | undefined, steps: CallSteps): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        if (this.#failers.get(id) === fail) {
          this.#failers.delete(id);
          signal?.removeEventListener("abort", onAbort);
          act();
        }
      };
      const fail = (error: unknown): void => settle(() => reject(error));
      const onAbort = (): void => {
        steps.giveUp();
        fail(cancelled(signal));
      };
      this.#failers.set(id, fail);
      signal?.addEventListener("abort", onAbort, { once: true });
      try {
        steps.start().then((result) => settle(() => resolve(result)), fail);
      } catch (error) {
        fail(error);
      }
    });
  }

  /** Rejects everything that is pending. */
  failAll(error: WireError): void {
    for (const fail of [...this.#failers.values()]) {
      fail(error);
    }
  }
}

/** The error of a call whose signal aborted. */
export function cancelled(signal: AbortSignal | undefined): WireError {
  return new WireError("cancelled", "The request was cancelled", { cause: signal?.reason });
}
