/** Helps with a flag that does not exist. */
import { kernelOptions } from "../src/kernel/config/kernel-flags.js";
import type { OptionSpec } from "../src/kernel/config/read-argv.js";
import { nearestWord } from "./nearest-word.js";
import { subcommandMessages as say } from "./subcommand-messages.js";

/** The sentence about a wrong command line, with the option that was probably meant. */
export function withHint(sentence: string): string {
  const wrong = /^No such option: (--[\w-]{3,})$/.exec(sentence)?.[1];
  if (wrong === undefined) return sentence;
  const specs: OptionSpec[] = Object.values(kernelOptions);
  const names = specs.flatMap(({ names, off = [] }) => [...names, ...off]).filter((name) => name.startsWith("--"));
  const meant = nearestWord(wrong, names);
  return meant === null ? sentence : `${sentence}. ${say.didYouMean(meant)}`;
}
