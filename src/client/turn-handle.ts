/** One turn as its host holds it. */
import type { Event, PromptResult } from "../wire/generated/types.gen.js";
import { EventChannel } from "./event-channel.js";
import { TurnProgress } from "./turn-progress.js";
import type { Envelope } from "./wire-client.js";

/**
 * Iterate for the events, await `result` for the end. It runs whether or not anybody looks. What nobody has read yet is
 * kept; what one reader has taken no other gets. Leaving the loop leaves the turn running.
 */
export interface Turn extends AsyncIterable<Event> {
  /** Of the prompt, or of the turn that was resumed. */
  readonly id: string;
  /** Rejects with the kernel's WireError, or with a KernelProcessError. Settles after the last event. */
  readonly result: Promise<PromptResult>;
}

/** A turn that runs: events go in, the host reads them; `result` is the runner's. */
export class TurnHandle implements Turn {
  readonly id: string;
  readonly result: Promise<PromptResult>;
  readonly progress = new TurnProgress();
  readonly #channel = new EventChannel<Event>();

  /** `run` gives the result; the events end with it. */
  constructor(id: string, run: (turn: TurnHandle) => Promise<PromptResult>) {
    this.id = id;
    this.result = run(this).finally(() => this.#channel.close());
    this.result.catch(() => {});
  }

  push(event: Envelope): void {
    this.progress.see(event);
    this.#channel.push(event as Event);
  }

  [Symbol.asyncIterator](): AsyncIterator<Event> {
    return this.#channel[Symbol.asyncIterator]();
  }
}
