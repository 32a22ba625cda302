/** Which driver runs which provider type. A new driver is one line here. */
import type { ProviderType, ResolvedModel } from "../config/config.js";
import { KernelError } from "../errors.js";
import type { Logger } from "../logger.js";
import type { ChatProvider } from "./provider.js";

export interface ProviderDeps {
  logger: Logger;
  shareDir: string;
  /** The client of the session, as it named itself in initialize. */
  client?: { name: string; version?: string } | null;
}

type Factory = (resolved: ResolvedModel, deps: ProviderDeps) => Promise<ChatProvider>;

const FACTORIES: Partial<Record<ProviderType, Factory>> = {
  kimi: async (model, deps) => (await import("./openai-driver.js")).createOpenAiProvider(model, deps),
  openai_legacy: async (model, deps) => (await import("./openai-driver.js")).createOpenAiProvider(model, deps),
  _echo: async (model) => (await import("./echo.js")).createEcho(model),
  _scripted_echo: async (model, deps) => (await import("./scripted-echo.js")).createScriptedEcho(model, deps.logger),
  _chaos: chaosProvider,
};

/**
 * Creates the driver of a resolved model. Loads its module only; the caller closes the provider. Throws KernelError
 * `llm_not_set` for a type without a driver or an unusable base_url, `start_failed` for a bad echo script.
 */
export async function createProvider(resolved: ResolvedModel, deps: ProviderDeps): Promise<ChatProvider> {
  const { type, base_url } = resolved.provider;
  const create = FACTORIES[type];
  if (create === undefined) {
    const known = Object.keys(FACTORIES).join(", ");
    throw new KernelError("llm_not_set", `Provider type ${type} is not supported yet; supported are ${known}.`);
  }
  if (!isLlmSet(resolved)) throw new KernelError("llm_not_set", "LLM is not set");
  if (needsServer(resolved) && !/^https?:$/.test(URL.canParse(base_url) ? new URL(base_url).protocol : "")) {
    throw new KernelError("llm_not_set", `base_url of the provider is not an http(s) address: ${base_url}`);
  }
  return create(resolved, deps);
}

/** True when the model can be asked: echo types always, all others with a base_url and a model name. */
export function isLlmSet(resolved: ResolvedModel): boolean {
  return !needsServer(resolved) || (resolved.provider.base_url !== "" && resolved.model.model !== "");
}

function needsServer(resolved: ResolvedModel): boolean {
  const given = resolved.provider.type;
  const type = given === "_chaos" ? chaosInnerType(resolved) : given;
  return type !== "_echo" && type !== "_scripted_echo";
}

function chaosInnerType(resolved: ResolvedModel): string {
  return resolved.env.KERNEL_CHAOS_PROVIDER || "kimi";
}

/** Wraps the type that KERNEL_CHAOS_PROVIDER names (default kimi), with the same model and server. */
async function chaosProvider(resolved: ResolvedModel, deps: ProviderDeps): Promise<ChatProvider> {
  const type = chaosInnerType(resolved) as ProviderType;
  if (type === "_chaos" || !Object.hasOwn(FACTORIES, type)) {
    throw new KernelError("llm_not_set", `KERNEL_CHAOS_PROVIDER names no provider type that can be wrapped: ${type}`);
  }
  const { chaosOptions, createChaos } = await import("./chaos.js");
  const inner = { ...resolved, provider: { ...resolved.provider, type } };
  return createChaos(await createProvider(inner, deps), chaosOptions(resolved.env));
}
