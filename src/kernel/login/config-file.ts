/** The configuration file of the share folder, to be changed: found, read, and replaced as a file of its owner alone. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { KernelConfig } from "../config/config.js";
import { loadConfig } from "../config/load-config.js";
import { makeFolder } from "../make-folder.js";
import { replaceFile } from "../storage/checked-write.js";
import { nodeFileOperations } from "../storage/file-operations.js";
import { readError } from "../storage/storage-error.js";
import { type ConfigEdit, editConfigText } from "./config-edit.js";

/** Gives the configuration with its defaults. Throws KernelError `config_invalid`: what cannot be read is not changed. */
export function readConfig(shareDir: string): KernelConfig {
  return loadConfig({ source: { kind: "default", shareDir } });
}

export interface ChangedFile {
  path: string;
  /** True when comments and layout could not be kept. */
  rewritten: boolean;
}

/**
 * Changes config.toml, or config.json when only that is there; makes config.toml when there is neither. The file is
 * 0600 afterwards. Throws KernelError `storage_full` or `storage_failed`; the old file is whole then.
 */
export function changeConfig(shareDir: string, edits: readonly ConfigEdit[]): ChangedFile {
  const place = configFile(shareDir);
  const before = place.exists ? readText(place.path) : "";
  const { text, rewritten } = editConfigText(before, place.format, edits);
  makeFolder(shareDir);
  // People keep their configuration elsewhere and link it.
  const path = place.exists ? realpathSync(place.path) : place.path;
  const folder = dirname(path);
  const temporary = join(folder, `.config-${randomBytes(6).toString("hex")}.new`);
  replaceFile(nodeFileOperations, { path, temporary, folder }, Buffer.from(text, "utf8"), place.path);
  return { path: place.path, rewritten };
}

function configFile(shareDir: string): { path: string; format: "toml" | "json"; exists: boolean } {
  const toml = join(shareDir, "config.toml");
  const json = join(shareDir, "config.json");
  if (existsSync(toml)) return { path: toml, format: "toml", exists: true };
  if (existsSync(json)) return { path: json, format: "json", exists: true };
  return { path: toml, format: "toml", exists: false };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw readError(error, path);
  }
}
