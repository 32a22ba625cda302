/** Which model a session runs on: flag before environment before file. */
import { KernelError } from "../errors.js";
import type { Capability } from "../providers/provider.js";
import type { KernelConfig, ModelConfig, ProviderConfig, ProviderType, ResolvedModel } from "./config.js";
import { isCapability } from "./config-schema.js";

export interface ResolveModelOptions {
  config: KernelConfig;
  /** `model` is an alias of the configuration; null where the flag was not given. */
  flags: { model: string | null; thinking: boolean | null };
  env: Readonly<Record<string, string | undefined>>;
}

/** The window that is assumed for a model that only the environment describes. */
const ENVIRONMENT_CONTEXT_SIZE = 100_000;

/**
 * Gives the model with environment and flags applied, or null when no usable one is set: an unknown alias, or a
 * network provider without base URL or model name. Throws KernelError `config_invalid` for an environment number that
 * is none. Reads `env` only, and changes nothing.
 */
export function resolveModel({ config, flags, env }: ResolveModelOptions): ResolvedModel | null {
  const chosen = choose(config, flags.model, env);
  if (chosen === null) return null;
  const { type } = chosen.provider;
  const merged = definedOnly({ ...env, ...chosen.provider.env });
  const read = reader(type, merged);
  const provider: ProviderConfig = {
    ...chosen.provider,
    base_url: read("BASE_URL")?.value ?? chosen.provider.base_url,
    api_key: read("API_KEY")?.value ?? chosen.provider.api_key,
  };
  // A model that was named on the command line keeps what the file says about it.
  const model = chosen.fromFlag ? chosen.model : withEnvironment(chosen.model, read);
  if (!isEcho(type) && (provider.base_url === "" || model.model === "")) return null;
  const capabilities = deriveCapabilities(model);
  return {
    alias: chosen.alias,
    model,
    provider,
    capabilities,
    thinking:
      capabilities.has("always_thinking") ||
      (capabilities.has("thinking") && (flags.thinking ?? config.default_thinking)),
    env: merged,
    temperature: numberOf(read, "MODEL_TEMPERATURE", "number"),
    topP: numberOf(read, "MODEL_TOP_P", "number"),
    maxTokens: numberOf(read, "MODEL_MAX_TOKENS", "count") ?? numberOf(read, "MODEL_MAX_COMPLETION_TOKENS", "count"),
  };
}

interface Choice {
  alias: string;
  model: ModelConfig;
  provider: ProviderConfig;
  fromFlag: boolean;
}

function choose(config: KernelConfig, flag: string | null, env: ResolveModelOptions["env"]): Choice | null {
  const alias = flag ?? config.default_model;
  const model = alias !== "" && Object.hasOwn(config.models, alias) ? config.models[alias] : undefined;
  if (model !== undefined) {
    const provider = Object.hasOwn(config.providers, model.provider) ? config.providers[model.provider] : undefined;
    return provider === undefined ? null : { alias, model, provider, fromFlag: flag !== null };
  }
  const named = env.KERNEL_MODEL_NAME || env.KIMI_MODEL_NAME || "";
  // Without an alias the environment may describe the whole model; a flag then has to mean that model.
  if (alias !== "" && alias !== named) return null;
  return { alias: named, model: emptyModel(), provider: emptyProvider(), fromFlag: false };
}

type ReadSetting = (name: string) => { key: string; value: string } | null;

// Our own name counts for every network provider; the published ones for the providers they were made for.
function reader(type: ProviderType, env: Readonly<Record<string, string>>): ReadSetting {
  if (isEcho(type)) return () => null;
  const prefixes =
    type === "kimi" ? ["KERNEL_", "KIMI_"] : type.startsWith("openai_") ? ["KERNEL_", "OPENAI_"] : ["KERNEL_"];
  return (name) => {
    for (const prefix of prefixes) {
      if (prefix === "OPENAI_" && name !== "BASE_URL" && name !== "API_KEY") continue;
      const key = prefix + name;
      const value = Object.hasOwn(env, key) ? env[key]?.trim() : undefined;
      if (value !== undefined && value !== "") return { key, value };
    }
    return null;
  };
}

function withEnvironment(model: ModelConfig, read: ReadSetting): ModelConfig {
  const capabilities = read("MODEL_CAPABILITIES");
  return {
    ...model,
    model: read("MODEL_NAME")?.value ?? model.model,
    max_context_size: numberOf(read, "MODEL_MAX_CONTEXT_SIZE", "count") ?? model.max_context_size,
    capabilities:
      capabilities === null
        ? model.capabilities
        : capabilities.value
            .split(",")
            .map((name) => name.trim().toLowerCase())
            .filter(isCapability),
  };
}

function numberOf(read: ReadSetting, name: string, kind: "number" | "count"): number | null {
  const setting = read(name);
  if (setting === null) return null;
  const value = Number(setting.value);
  const valid = kind === "count" ? Number.isSafeInteger(value) && value > 0 : Number.isFinite(value) && value >= 0;
  if (valid) return value;
  const expected = kind === "count" ? "a whole number above 0" : "a number of at least 0";
  throw new KernelError("config_invalid", `Invalid environment: ${setting.key} must be ${expected}`);
}

function deriveCapabilities(model: ModelConfig): ReadonlySet<Capability> {
  const capabilities = new Set<Capability>(model.capabilities ?? []);
  const name = model.model.toLowerCase();
  const add = (...more: Capability[]): void => {
    for (const capability of more) capabilities.add(capability);
  };
  if (name.includes("thinking") || name.includes("reason")) add("thinking", "always_thinking");
  else if (name === "kimi-for-coding" || name === "kimi-code") add("thinking", "image_in", "video_in");
  return capabilities;
}

function isEcho(type: ProviderType): boolean {
  return type === "_echo" || type === "_scripted_echo";
}

function emptyModel(): ModelConfig {
  return {
    provider: "",
    model: "",
    max_context_size: ENVIRONMENT_CONTEXT_SIZE,
    capabilities: null,
    display_name: null,
  };
}

function emptyProvider(): ProviderConfig {
  return { type: "kimi", base_url: "", api_key: "", env: {}, custom_headers: {}, reasoning_key: null };
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) result[name] = value;
  return result;
}
