/** Which configuration the kernel of a chat or a run will read. */
import { homedir } from "node:os";
import type { KernelFlags } from "../src/kernel/config/kernel-flags.js";
import type { ConfigSource } from "../src/kernel/config/load-config.js";
import { resolveShareDir } from "../src/kernel/config/share-dir.js";

export type ConfigFlags = Pick<KernelFlags, "config" | "configFile">;

/** Throws KernelError `start_failed` when there is no home folder. */
export function configSource({ config, configFile }: ConfigFlags): ConfigSource {
  if (config !== null) return { kind: "text", text: config };
  if (configFile !== null) return { kind: "file", path: configFile };
  return { kind: "default", shareDir: resolveShareDir(process.env, homedir()) };
}
