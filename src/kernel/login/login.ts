/** Stores a provider's API key, after the provider has taken it. There is no account service behind it. */
import type { KernelConfig } from "../config/config.js";
import type { ConfigEdit } from "./config-edit.js";
import { type ChangedFile, changeConfig, readConfig } from "./config-file.js";
import { LoginError } from "./login-error.js";
import { type LoginTarget, loginTarget } from "./login-target.js";
import { type ListedModel, listModels } from "./model-list.js";

export interface LoginOptions {
  shareDir: string;
  provider: string;
  /** null where the flag was not given. */
  baseUrl: string | null;
  /** Id of the model to use from now on. */
  model: string | null;
  apiKey: string;
  /** For the question to the server. */
  timeoutMs: number;
  /** Told before the server is asked, as that takes a while. */
  onAsking: (host: string) => void;
}

export interface LoginOutcome extends ChangedFile {
  provider: string;
  /** How many models the key gives. */
  models: number;
  /** Alias of the model that is used from now on. */
  defaultModel: string;
  /** True when the login chose it. */
  modelChosen: boolean;
  /** The new model whose size had to be assumed, in tokens, because the server did not say; null when it did. */
  assumed: { model: string; contextSize: number } | null;
}

/** As for a model that only the environment describes. */
const ASSUMED_CONTEXT_SIZE = 100_000;

/** Throws LoginError, or KernelError `config_invalid`, `storage_full`, `storage_failed`; nothing is changed then. */
export async function login(options: LoginOptions): Promise<LoginOutcome> {
  const { shareDir, apiKey } = options;
  const target = loginTarget(readConfig(shareDir), options);
  options.onAsking(new URL(target.baseUrl).host);
  const listed = await listModels(target, apiKey, options.timeoutMs);
  // Read again: another program may have written meanwhile.
  const config = readConfig(shareDir);
  const model = chooseModel(config, target.provider, listed, options.model);
  const edits = [...providerEdits(config, target, apiKey), ...(model?.edits ?? [])];
  return {
    ...changeConfig(shareDir, edits),
    provider: target.provider,
    models: listed.length,
    defaultModel: model?.isDefault === true ? model.alias : config.default_model,
    modelChosen: model?.isDefault ?? false,
    assumed:
      model?.isNew === true && model.contextSize === null
        ? { model: model.alias, contextSize: ASSUMED_CONTEXT_SIZE }
        : null,
  };
}

function providerEdits(config: KernelConfig, target: LoginTarget, apiKey: string): ConfigEdit[] {
  const path = ["providers", target.provider];
  const old = Object.hasOwn(config.providers, target.provider) ? config.providers[target.provider] : undefined;
  const edits: ConfigEdit[] = [];
  if (old?.type !== target.type) edits.push({ path, key: "type", value: target.type });
  if (old?.base_url !== target.baseUrl) edits.push({ path, key: "base_url", value: target.baseUrl });
  return [...edits, { path, key: "api_key", value: apiKey }];
}

interface Choice {
  alias: string;
  contextSize: number | null;
  /** True when the configuration did not have it. */
  isNew: boolean;
  isDefault: boolean;
  edits: ConfigEdit[];
}

/** The named model becomes the default. Without a name a provider that has no model yet gets one, and a default that is there stays. */
function chooseModel(
  config: KernelConfig,
  provider: string,
  listed: readonly ListedModel[],
  named: string | null,
): Choice | null {
  const own = Object.entries(config.models).filter(([, model]) => model.provider === provider);
  const isDefault = named !== null || config.default_model === "";
  const id = named ?? own[0]?.[1].model ?? (listed[0] as ListedModel).id;
  const found = listed.find((model) => model.id === id);
  if (named !== null && found === undefined) throw new LoginError("model_not_listed", { provider, model: named });
  if (!isDefault && own.length > 0) return null;
  const existing = own.find(([, model]) => model.model === id)?.[0];
  const alias = existing ?? freeAlias(config, provider, id);
  const edits: ConfigEdit[] = [];
  if (existing === undefined && found !== undefined) edits.push(...modelEdits(alias, provider, found));
  if (isDefault) edits.push({ path: [], key: "default_model", value: alias });
  return { alias, contextSize: found?.contextSize ?? null, isNew: existing === undefined, isDefault, edits };
}

function freeAlias(config: KernelConfig, provider: string, id: string): string {
  return Object.hasOwn(config.models, id) ? `${provider}/${id}` : id;
}

function modelEdits(alias: string, provider: string, { id, contextSize, capabilities }: ListedModel): ConfigEdit[] {
  const path = ["models", alias];
  return [
    { path, key: "provider", value: provider },
    { path, key: "model", value: id },
    { path, key: "max_context_size", value: contextSize ?? ASSUMED_CONTEXT_SIZE },
    ...(capabilities.length === 0 ? [] : [{ path, key: "capabilities", value: capabilities }]),
  ];
}
