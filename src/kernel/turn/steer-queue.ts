/** User messages that arrive while a turn runs. They enter the conversation between two steps, in order. */
import type { ContentPart } from "../messages.js";

export interface Steer {
  id: string;
  /** As the client sent it, normalised. */
  userInput: string | ContentPart[];
}

/** What a turn needs of the queue. */
export interface SteerSource {
  drain(): Steer[];
  drainOrClose(): Steer[];
  close(): void;
}

/** The queue as a turn inside a turn sees it: its end is not the end of the turn that the client steers. */
export function innerSteers(queue: SteerSource): SteerSource {
  return { drain: () => queue.drain(), drainOrClose: () => queue.drain(), close: () => {} };
}

/** The one of a turn: open until the turn looks for the last time. */
export class SteerQueue implements SteerSource {
  #items: Steer[] = [];
  #open = true;

  /** False after the final drain: the turn will not look again, so the client must be told. */
  get isOpen(): boolean {
    return this.#open;
  }

  push(steer: Steer): void {
    this.#items.push(steer);
  }

  /** Everything that waits, oldest first. */
  drain(): Steer[] {
    return this.#items.splice(0);
  }

  /** Takes what waits; when there is nothing, no later steer is accepted. */
  drainOrClose(): Steer[] {
    if (this.#items.length === 0) this.#open = false;
    return this.drain();
  }

  close(): void {
    this.#open = false;
  }

  /** The turn goes on after all and will look again. */
  reopen(): void {
    this.#open = true;
  }
}
