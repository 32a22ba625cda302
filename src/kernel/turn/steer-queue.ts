/** User messages that arrive while a turn runs. They enter the conversation between two steps, in order. */
import type { ContentPart } from "../messages.js";

export interface Steer {
  id: string;
  /** As the client sent it, normalised. */
  userInput: string | ContentPart[];
}

export class SteerQueue {
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
