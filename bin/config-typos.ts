/** Tells whoever starts a chat or a run of a key in the configuration that was probably meant to be another one. */
import { loadConfig } from "../src/kernel/config/load-config.js";
import { type ConfigFlags, configSource } from "./config-source.js";
import { nearestWord } from "./nearest-word.js";
import { turnMessages as say } from "./turn-messages.js";

/**
 * One sentence for each. Keys that are near to none of ours belong to other programs: the log has them. Nothing for a
 * configuration that cannot be used: that is for the kernel to say.
 */
export function configTypos(flags: ConfigFlags): string[] {
  const typos: string[] = [];
  try {
    loadConfig({
      source: configSource(flags),
      onIgnoredKey: ({ name, isLater, known }) => {
        const meant = isLater ? null : nearestWord(name.split(".").at(-1) as string, known);
        if (meant !== null) typos.push(say.configTypo(name, meant));
      },
    });
  } catch {
    return [];
  }
  return typos;
}
