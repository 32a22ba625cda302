/** Drivers of models other than the session's own, for subagents that ask for one. */
import type { ResolvedModel } from "../config/config.js";
import { errorMessage } from "../errors.js";
import type { ChatProvider } from "../providers/provider.js";
import { AgentFailure } from "../tools/services/agents.js";

export interface ModelProvidersDeps {
  /** Alias of the session's model; null without one. */
  sessionAlias: string | null;
  /** The session's driver. */
  session(): Promise<ChatProvider>;
  /** The model of an alias; null for an unknown or unusable one. */
  resolve(alias: string): ResolvedModel | null;
  create(model: ResolvedModel): Promise<ChatProvider>;
}

/** One driver for each alias, made at first use. */
export class ModelProviders {
  readonly #deps: ModelProvidersDeps;
  readonly #made = new Map<string, Promise<ChatProvider>>();

  constructor(deps: ModelProvidersDeps) {
    this.#deps = deps;
  }

  /** null and the session's alias give its own driver. Rejects with AgentFailure for an alias that cannot be used. */
  async get(alias: string | null): Promise<ChatProvider> {
    if (alias === null || alias === this.#deps.sessionAlias) return await this.#deps.session();
    const made = this.#made.get(alias) ?? this.#make(alias);
    this.#made.set(alias, made);
    try {
      return await made;
    } catch (error) {
      this.#made.delete(alias);
      throw new AgentFailure(`Model \`${alias}\` cannot be used: ${errorMessage(error)}.`, "Model not available");
    }
  }

  /** Closes what was made. Never rejects. */
  async close(): Promise<void> {
    const made = [...this.#made.values()];
    this.#made.clear();
    await Promise.allSettled(made.map(async (provider) => (await provider).close?.()));
  }

  async #make(alias: string): Promise<ChatProvider> {
    const model = this.#deps.resolve(alias);
    if (model === null) throw new Error("it is not configured");
    return await this.#deps.create(model);
  }
}
