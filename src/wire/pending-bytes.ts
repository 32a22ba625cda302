const FIRST_SIZE = 4096;
const NOTHING = Buffer.alloc(0);

/**
 * The bytes of a message that has not ended yet. Doubles its room, so that a message costs linear time and at most
 * twice its size, however small the pieces are.
 */
export class PendingBytes {
  #room: Buffer = NOTHING;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies a piece behind what is there. */
  append(piece: Buffer): void {
    const needed = this.#length + piece.length;
    if (needed > this.#room.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#room.length * 2, FIRST_SIZE));
      this.#room.copy(grown, 0, 0, this.#length);
      this.#room = grown;
    }
    piece.copy(this.#room, this.#length);
    this.#length = needed;
  }

  /** Gives everything, followed by `last`, and starts empty. Copies nothing when all of it is `last`. */
  take(last: Buffer): Buffer {
    if (this.#length === 0) {
      return last;
    }
    this.append(last);
    const whole = this.#room.subarray(0, this.#length);
    this.clear();
    return whole;
  }

  clear(): void {
    this.#room = NOTHING;
    this.#length = 0;
  }
}
