/** What somebody can do about a failure, where the failure itself does not say it. */
import { homedir } from "node:os";
import type { KernelConfig } from "../src/kernel/config/config.js";
import type { KernelFlags } from "../src/kernel/config/kernel-flags.js";
import { loadConfig } from "../src/kernel/config/load-config.js";
import { resolveShareDir } from "../src/kernel/config/share-dir.js";
import { wireError } from "../src/wire/errors.js";
import { adviceMessages as say } from "./advice-messages.js";
import { configSource } from "./config-source.js";

/** What the command was started with, as far as it matters here. */
export type AdviceFlags = Pick<KernelFlags, "config" | "configFile" | "model" | "agentFile">;

const STORAGE: ReadonlySet<string> = new Set(["storage_failed", "storage_full"]);
/** Failures of a start that are the program's own; where it is not found its name is in the message. */
const WRONG_KERNEL: ReadonlySet<string> = new Set([
  "not_a_kernel",
  "version_mismatch",
  "handshake_timeout",
  "exited_early",
]);

/** Sentences for a failure with this code and message, null for none. Never throws. */
export function failureAdvice(code: string, message: string, flags: AdviceFlags): string | null {
  const { KERNEL_BIN: program = "" } = process.env;
  if (WRONG_KERNEL.has(code)) return program.trim() === "" ? null : say.wrongKernel(program.trim());
  if (code === "session_locked") return say.sessionLocked;
  if (STORAGE.has(code)) return say.shareDir(resolveShareDir(process.env, homedir()));
  // The same code also says what is wrong with the one that was named.
  if (message === wireError("llm_not_set").message) return missingModel(flags);
  return message.startsWith("No connection to ") ? say.noServer : null;
}

function missingModel(flags: AdviceFlags): string {
  // An agent file may name a model of its own.
  const config = flags.agentFile === null ? usableConfig(flags) : null;
  if (config === null) return say.noModel;
  const names = Object.keys(config.models);
  const alias = flags.model ?? config.default_model;
  const model = Object.hasOwn(config.models, alias) ? config.models[alias] : undefined;
  if (model === undefined) {
    const nothing = alias === "" ? null : say.noSuchModel(alias);
    if (names.length === 0) return nothing === null ? say.noModel : `${nothing} ${say.noModel}`;
    return nothing === null ? say.noDefault(names) : `${nothing} ${say.models(names)}`;
  }
  const isAddressed = config.providers[model.provider]?.base_url !== "";
  return isAddressed ? say.noModel : say.noAddress(model.provider, alias);
}

function usableConfig(flags: AdviceFlags): KernelConfig | null {
  try {
    return loadConfig({ source: configSource(flags) });
  } catch {
    return null;
  }
}
