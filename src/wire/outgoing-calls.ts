import { WireError } from "./errors.js";
import { jsonLine } from "./json-line.js";
import { requireShort } from "./line-limit.js";
import type { OrderedWriter } from "./ordered-writer.js";
import type { RequestId } from "./parse-message.js";

/** How many given-up calls are remembered for their one late answer. */
const REMEMBERED = 1024;

/**
 * Our own calls on the wire. The library numbers its calls and would write those numbers; this puts our string id and
 * our params there instead, and knows which number an answer belongs to.
 */
export class OutgoingCalls {
  readonly #out: OrderedWriter;
  readonly #maxBytes: number;
  readonly #waiting = new Map<string, number>();
  readonly #givenUp = new Set<string>();
  #next: { readonly id: string; readonly params: object | undefined } | null = null;
  #failure: WireError | null = null;

  /** `maxBytes` is the longest line that the peer takes in. */
  constructor(out: OrderedWriter, maxBytes: number) {
    this.#out = out;
    this.#maxBytes = maxBytes;
  }

  /** Whether a new call may have this id: no other one has it or still awaits its late answer. */
  isFree(id: string): boolean {
    return !this.#waiting.has(id) && !this.#givenUp.has(id);
  }

  /**
   * Runs `send`, which makes the library send one call, and gives what it gave. Throws a WireError when that call could
   * not be written: `closed`, `unserialisable` or `line_too_long`.
   */
  sendAs<Answer extends Promise<unknown>>(id: string, params: object | undefined, send: () => Answer): Answer {
    this.#next = { id, params };
    this.#failure = null;
    const answer = send();
    this.#next = null;
    if (this.#failure !== null) {
      answer.catch(() => {});
      throw this.#failure;
    }
    return answer;
  }

  /** To be called when the library writes the call. Throws what `sendAs` will throw, so that the library forgets it. */
  write(number: number, method: string): void {
    if (this.#next === null) {
      return;
    }
    const { id, params } = this.#next;
    try {
      const line = requireShort(jsonLine({ jsonrpc: "2.0", id, method, params }), this.#maxBytes);
      if (!this.#out.write(line)) {
        throw new WireError("closed", "The connection is closed for writing");
      }
    } catch (error) {
      this.#failure =
        error instanceof WireError
          ? error
          : new WireError("unserialisable", "The params have no JSON form", { cause: error });
      throw this.#failure;
    }
    this.#waiting.set(id, number);
  }

  /** An answer came: the number of its call, once, or why there is none. Our ids are strings, so integers are unknown. */
  answered(id: RequestId): number | "late" | "unknown" {
    if (typeof id !== "string") {
      return "unknown";
    }
    const number = this.#waiting.get(id);
    if (number === undefined) {
      return this.#givenUp.delete(id) ? "late" : "unknown";
    }
    this.#waiting.delete(id);
    return number;
  }

  /** Stops waiting for a call, whose late answer may still come, and gives its number; null when nothing waited. */
  giveUp(id: string): number | null {
    const number = this.#waiting.get(id);
    if (number === undefined) {
      return null;
    }
    this.#waiting.delete(id);
    this.#remember(id);
    return number;
  }

  #remember(id: string): void {
    this.#givenUp.add(id);
    const [oldest] = this.#givenUp;
    if (this.#givenUp.size > REMEMBERED && oldest !== undefined) {
      this.#givenUp.delete(oldest);
    }
  }
}
