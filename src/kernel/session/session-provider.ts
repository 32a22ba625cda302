/** The model driver of a session: built at first use, kept, closed once. */
import type { ChatProvider } from "../providers/provider.js";
import { llmNotSet } from "../turn/turn-error.js";

export class SessionProvider {
  readonly #create: (() => Promise<ChatProvider>) | null;
  #provider: Promise<ChatProvider> | null = null;

  /** `create` is null when no usable model is configured. */
  constructor(create: (() => Promise<ChatProvider>) | null) {
    this.#create = create;
  }

  /**
   * The driver. One that could not be built is tried again at the next call: the cause may be gone by then. Rejects
   * with KernelError `llm_not_set` without a usable model.
   */
  get(): Promise<ChatProvider> {
    if (this.#create === null) return Promise.reject(llmNotSet());
    this.#provider ??= this.#create().catch((error: unknown) => {
      this.#provider = null;
      throw error;
    });
    return this.#provider;
  }

  /** Builds the driver and lets it load what its first request needs. May reject. */
  async warmUp(): Promise<void> {
    if (this.#create !== null) await (await this.get()).warmUp?.();
  }

  /** Closes the driver, if there is one. Never rejects. */
  async close(): Promise<void> {
    const provider = await this.#provider?.catch(() => null);
    await provider?.close?.().catch(() => {});
  }
}
