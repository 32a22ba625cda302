/** Takes a provider's API key out of the configuration; everything else of the provider stays. */
import { type ChangedFile, changeConfig, readConfig } from "./config-file.js";

export interface LogoutOutcome {
  /** null when there was no key to remove. */
  changed: ChangedFile | null;
  /** Other providers whose keys are still stored. */
  remaining: string[];
}

/** Throws KernelError `config_invalid`, `storage_full` or `storage_failed`; nothing is changed then. */
export function logout({ shareDir, provider }: { shareDir: string; provider: string }): LogoutOutcome {
  const { providers } = readConfig(shareDir);
  const stored = Object.entries(providers).flatMap(([name, { api_key }]) => (api_key === "" ? [] : [name]));
  const remaining = stored.filter((name) => name !== provider);
  if (!stored.includes(provider)) return { changed: null, remaining };
  const edits = [{ path: ["providers", provider], key: "api_key", value: "" }];
  return { changed: changeConfig(shareDir, edits), remaining };
}
