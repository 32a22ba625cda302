/** Makes each recorded event reach the host once and in order, whatever was sent twice or not at all. */
import type { EventStamp } from "./extensions.js";

interface Held {
  stamp: EventStamp;
  deliver: () => void;
}

/** A gap with more than this behind it is given up. */
const MAX_HELD = 10_000;

export class EventCursor {
  #last: number | null;
  #epoch = 0;
  /** False while all that is known is what the host says. */
  #proven: boolean;
  #replays = 0;
  /** Where the newest replay began. */
  #askedFrom = 0;
  #missing = false;
  /** The kernel fills no gap at the moment: what is held waits for the next replay. */
  #busy = false;
  readonly #held = new Map<number, Held>();
  readonly #onGap: () => void;

  /** `since` is the newest event the host has seen, null when it does not know. `onGap` is to ask for a replay. */
  constructor(since: number | null, onGap: () => void) {
    this.#last = since;
    this.#proven = since === null;
    this.#onGap = onGap;
  }

  /** The newest event that was delivered; null when there was none yet. */
  get last(): number | null {
    return this.#last;
  }

  /** Whether something is missing that no replay has been answered about. */
  get hasGap(): boolean {
    return this.#missing;
  }

  /** Takes one event; `deliver` runs now, later, or never when the host has it already. What is not recorded passes. */
  offer(stamp: EventStamp | null, deliver: () => void): void {
    if (stamp === null || stamp.seq === 0) {
      deliver();
      return;
    }
    // A replay repeats records of the kernels before; outside of one an old number is a voice from the grave.
    if (stamp.epoch < this.#epoch && this.#replays === 0) return;
    this.#epoch = Math.max(this.#epoch, stamp.epoch);
    // What a kernel sends of its own is new. If it is not, the host's cursor is not of this session.
    if (!this.#proven && this.#replays === 0 && this.#last !== null && stamp.seq <= this.#last) this.#last = null;
    if (this.#last !== null && stamp.seq <= this.#last) return;
    if (this.#last !== null && stamp.prev > this.#last) {
      this.#hold({ stamp, deliver });
      return;
    }
    this.#pass({ stamp, deliver });
    this.#release(false);
  }

  /** A replay of what follows `last` was asked for: gives that number. */
  replayBegins(): number {
    this.#replays += 1;
    this.#busy = false;
    this.#last ??= 0;
    this.#askedFrom = this.#last;
    return this.#last;
  }

  /**
   * It was answered: what it did not have will not come any more, unless it was lost meanwhile. `busy`: it was refused for
   * now, and only for now. `lost`: the kernel is gone, and what was held comes again from the next one.
   */
  replayEnds(end: "answered" | "busy" | "lost"): void {
    this.#replays -= 1;
    if (end === "lost") this.forgetHeld();
    if (this.#replays > 0 || end === "lost") return;
    this.#busy = end === "busy";
    this.#release(false);
    if (this.#busy) return;
    // Each time further on, so it comes to an end.
    if (this.#held.size > 0 && (this.#last ?? 0) > this.#askedFrom) this.#onGap();
    if (this.#replays > 0) return;
    this.#missing = false;
    this.#release(true);
  }

  /** The kernel is gone; what was held comes again from the next one. */
  forgetHeld(): void {
    this.#held.clear();
    this.#busy = false;
  }

  #hold(held: Held): void {
    this.#held.set(held.stamp.seq, held);
    this.#missing = true;
    if (this.#held.size > MAX_HELD) this.#release(true);
    else if (this.#replays === 0 && !this.#busy) this.#onGap();
  }

  #release(anyway: boolean): void {
    for (const seq of [...this.#held.keys()].sort((a, b) => a - b)) {
      const held = this.#held.get(seq) as Held;
      const last = this.#last ?? 0;
      if (seq > last && held.stamp.prev > last && !anyway) return;
      this.#held.delete(seq);
      if (seq > last) this.#pass(held);
    }
  }

  #pass({ stamp, deliver }: Held): void {
    this.#last = stamp.seq;
    this.#proven = true;
    deliver();
  }
}
