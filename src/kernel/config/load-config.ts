/** Finds, reads and checks the configuration. */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { errorMessage, KernelError } from "../errors.js";
import type { Capability } from "../providers/provider.js";
import type { BackgroundConfig, HookConfig, KernelConfig, LoopControl, ModelConfig, ProviderConfig } from "./config.js";
import { type ConfigInput, checkShape, type IgnoredKey, ignoredKeys, isCapability } from "./config-schema.js";
import { type ParsedText, parseConfigText } from "./config-text.js";

/** `default` is config.toml of the share folder, or the older config.json when there is no config.toml. */
export type ConfigSource =
  | { kind: "text"; text: string }
  | { kind: "file"; path: string }
  | { kind: "default"; shareDir: string };

export interface LoadConfigOptions {
  source: ConfigSource;
  /** Called for what is tolerated but worth a line in the log: unknown keys, a file that others can read. */
  onWarning?: (sentence: string) => void;
  /** Called for each key that is tolerated without an effect, in addition. */
  onIgnoredKey?: (key: IgnoredKey) => void;
}

/**
 * Gives the configuration with every default filled in. A default file that does not exist gives the defaults and is
 * not created. Throws KernelError `config_invalid` with one sentence that names the source and the key.
 */
export function loadConfig({ source, onWarning = () => {}, onIgnoredKey = () => {} }: LoadConfigOptions): KernelConfig {
  const tell = { onWarning, onIgnoredKey };
  if (source.kind === "text") {
    return toConfig(parseConfigText(source.text, "either"), "Invalid configuration text", tell);
  }
  const file = source.kind === "file" ? source.path : defaultConfigFile(source.shareDir);
  if (file === null) return fillDefaults({}, onWarning);
  const name = `Invalid configuration file ${file}`;
  const text = readText(file, name);
  const format = path.extname(file).toLowerCase() === ".json" ? "json" : "toml";
  warnIfOpen(file, onWarning);
  return toConfig(parseConfigText(text, format), name, tell);
}

function toConfig(
  parsed: ParsedText,
  name: string,
  { onWarning, onIgnoredKey }: Required<Omit<LoadConfigOptions, "source">>,
): KernelConfig {
  const fail = (reason: string): never => {
    throw new KernelError("config_invalid", `${name}: ${reason}`);
  };
  if ("reason" in parsed) return fail(parsed.reason);
  const checked = checkShape(parsed.document);
  if ("reason" in checked) return fail(checked.reason);
  for (const key of ignoredKeys(parsed.document)) {
    const { name, isLater } = key;
    onWarning(
      `Configuration: ${isLater ? `${name} has no effect in this version` : `unknown key ${name} is ignored`}.`,
    );
    onIgnoredKey(key);
  }
  const config = fillDefaults(checked.input, onWarning);
  if (config.default_model !== "" && !Object.hasOwn(config.models, config.default_model)) {
    return fail(`Default model ${config.default_model} not found in models`);
  }
  for (const model of Object.values(config.models)) {
    if (!Object.hasOwn(config.providers, model.provider)) {
      return fail(`Provider ${model.provider} not found in providers`);
    }
  }
  return config;
}

function fillDefaults(input: ConfigInput, onWarning: (sentence: string) => void): KernelConfig {
  return {
    default_model: input.default_model ?? "",
    default_thinking: input.default_thinking ?? false,
    default_yolo: input.default_yolo ?? false,
    default_plan_mode: input.default_plan_mode ?? false,
    models: mapTable(input.models, (model, alias) => toModel(model, alias, onWarning)),
    providers: mapTable(input.providers, toProvider),
    loop_control: toLoopControl(input.loop_control ?? {}),
    merge_all_available_skills: input.merge_all_available_skills ?? true,
    extra_skill_dirs: input.extra_skill_dirs ?? [],
    background: toBackground(input.background ?? {}),
    hooks: (input.hooks ?? []).map(toHook),
    fetch: { allowed_private_hosts: input.fetch?.allowed_private_hosts ?? [] },
    mcp: {
      client: {
        tool_call_timeout_ms: input.mcp?.client?.tool_call_timeout_ms ?? 60_000,
        connect_timeout_ms: input.mcp?.client?.connect_timeout_ms ?? 30_000,
        loading_wait_ms: input.mcp?.client?.loading_wait_ms ?? 3_000,
      },
    },
    runtime: { kernel: input.runtime?.kernel ?? null },
  };
}

type Entry<K extends "models" | "providers"> = NonNullable<ConfigInput[K]>[string];

function toModel(model: Entry<"models">, alias: string, onWarning: (sentence: string) => void): ModelConfig {
  return {
    provider: model.provider,
    model: model.model,
    max_context_size: model.max_context_size,
    capabilities: toCapabilities(model.capabilities ?? null, alias, onWarning),
    display_name: model.display_name ?? null,
  };
}

function toCapabilities(
  given: Entry<"models">["capabilities"],
  alias: string,
  onWarning: (sentence: string) => void,
): Capability[] | null {
  if (given === null || given === undefined) return null;
  const names = Array.isArray(given) ? given : Object.keys(given).filter((name) => given[name] === true);
  for (const name of names) {
    if (!isCapability(name)) onWarning(`Configuration: unknown capability ${name} of model ${alias} is ignored.`);
  }
  return [...new Set(names.filter(isCapability))];
}

function toProvider(provider: Entry<"providers">): ProviderConfig {
  return {
    type: provider.type,
    base_url: provider.base_url,
    api_key: provider.api_key,
    env: { ...provider.env },
    custom_headers: { ...provider.custom_headers },
    reasoning_key: provider.reasoning_key ?? null,
    ...(provider.assistant_prefill === undefined ? {} : { assistant_prefill: provider.assistant_prefill }),
  };
}

function toHook(hook: NonNullable<ConfigInput["hooks"]>[number]): HookConfig {
  return {
    event: hook.event,
    command: hook.command,
    matcher: hook.matcher ?? "",
    timeout: hook.timeout ?? 30,
    on_error: hook.on_error ?? "allow",
  };
}

function toLoopControl(input: NonNullable<ConfigInput["loop_control"]>): LoopControl {
  return {
    max_steps_per_turn: input.max_steps_per_turn ?? input.max_steps_per_run ?? 1000,
    max_retries_per_step: input.max_retries_per_step ?? 3,
    max_ralph_iterations: input.max_ralph_iterations ?? 0,
    reserved_context_size: input.reserved_context_size ?? 50_000,
    reserved_context_size_set: input.reserved_context_size !== undefined,
    compaction_trigger_ratio: input.compaction_trigger_ratio ?? 0.85,
  };
}

function toBackground(input: NonNullable<ConfigInput["background"]>): BackgroundConfig {
  return {
    max_running_tasks: input.max_running_tasks ?? 4,
    read_max_bytes: input.read_max_bytes ?? 30_000,
    notification_tail_lines: input.notification_tail_lines ?? 20,
    notification_tail_chars: input.notification_tail_chars ?? 3_000,
    wait_poll_interval_ms: input.wait_poll_interval_ms ?? 500,
    kill_grace_period_ms: input.kill_grace_period_ms ?? 2_000,
    keep_alive_on_exit: input.keep_alive_on_exit ?? false,
    agent_task_timeout_s: input.agent_task_timeout_s ?? 900,
  };
}

function mapTable<A, B>(
  table: Record<string, A> | undefined,
  convert: (value: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(table ?? {}).map(([key, value]) => [key, convert(value, key)]));
}

export function defaultConfigFile(shareDir: string): string | null {
  for (const name of ["config.toml", "config.json"]) {
    const file = path.join(shareDir, name);
    try {
      if (statSync(file, { throwIfNoEntry: false }) === undefined) continue;
    } catch {
      // Something other than "not there": reading it says what.
    }
    return file;
  }
  return null;
}

const unreadable: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a file stands in its path where a folder should be",
};

function readText(file: string, name: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : errorMessage(error);
    const reason = unreadable[code] ?? code;
    throw new KernelError("config_invalid", `${name}: it cannot be read: ${reason}`, { cause: error });
  }
}

// The file may hold keys. Windows has no such bits.
function warnIfOpen(file: string, onWarning: (sentence: string) => void): void {
  if (process.platform === "win32") return;
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o077) !== 0) onWarning(`Configuration: others can read ${file}; run chmod 600 on it.`);
}
