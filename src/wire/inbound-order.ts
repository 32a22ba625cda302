/**
 * Keeps notifications in order with calls and answers. Notifications are cheap and delivered at once; calls and answers
 * take a turn of the event loop each (`hand` queues them elsewhere, in order, and `handled` says that one was dealt
 * with). A notification behind one of those is held until it, and whoever awaited it, has run.
 */
export class InboundOrder<Message> {
  readonly #hand: (message: Message) => void;
  readonly #onIdle: () => void;
  #held: (Message | (() => void))[] = [];
  #inFlight = 0;
  #drainPlanned = false;

  /** `onIdle` is called each time everything received so far has been dealt with. */
  constructor(hand: (message: Message) => void, onIdle: () => void) {
    this.#hand = hand;
    this.#onIdle = onIdle;
  }

  /** Whether nothing is held or waiting for its turn. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.#held.length === 0 && !this.#drainPlanned;
  }

  /** Hands on a call or an answer. */
  message(message: Message): void {
    if (this.#held.length > 0) {
      this.#held.push(message);
      return;
    }
    this.#inFlight++;
    this.#hand(message);
  }

  /** Runs the delivery of a notification, now or in its turn. */
  notification(deliver: () => void): void {
    if (this.idle) {
      deliver();
    } else {
      this.#held.push(deliver);
    }
  }

  /** One handed message has been dealt with. */
  handled(): void {
    this.#inFlight--;
    if (this.#inFlight === 0 && !this.#drainPlanned) {
      this.#drainPlanned = true;
      // A turn later: whoever awaits the answer runs in a microtask, and comes before what follows it.
      setImmediate(() => this.#drain());
    }
  }

  #drain(): void {
    this.#drainPlanned = false;
    const held = this.#held;
    let at = 0;
    while (at < held.length) {
      const next = held[at];
      if (typeof next === "function") {
        if (this.#inFlight > 0) {
          break;
        }
        (next as () => void)();
      } else {
        this.#inFlight++;
        this.#hand(next as Message);
      }
      at++;
    }
    this.#held = held.slice(at);
    if (this.idle) {
      this.#onIdle();
    }
  }
}
