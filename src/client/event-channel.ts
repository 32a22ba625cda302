/** Items that are let go of together. */
const BLOCK = 4_096;

/** An unbounded queue between the connection and whoever iterates a turn. Closed once; what was pushed before is still read. */
export class EventChannel<T> implements AsyncIterable<T> {
  #items: T[] = [];
  #read = 0;
  #closed = false;
  #waiting: (() => void)[] = [];

  push(item: T): void {
    if (this.#closed) return;
    this.#items.push(item);
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      while (this.#read < this.#items.length) yield this.#take();
      if (this.#closed) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** One at a time: whoever stops reading leaves the rest for the next reader. */
  #take(): T {
    const item = this.#items[this.#read] as T;
    this.#read += 1;
    // In blocks, so that a reader far behind does not move the whole rest at every read.
    if (this.#read === this.#items.length || this.#read === BLOCK) {
      this.#items = this.#items.slice(this.#read);
      this.#read = 0;
    }
    return item;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
