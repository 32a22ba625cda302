/** Helps with a flag that does not exist. */
import { kernelOptions } from "../src/kernel/config/kernel-flags.js";
import type { OptionSpec } from "../src/kernel/config/read-argv.js";
import { subcommandMessages as say } from "./subcommand-messages.js";

/** Only what is this near was meant. */
const MOST_EDITS = 2;

/** The sentence about a wrong command line, with the option that was probably meant. */
export function withHint(sentence: string): string {
  const wrong = /^No such option: (--[\w-]{3,})$/.exec(sentence)?.[1];
  if (wrong === undefined) return sentence;
  const specs: OptionSpec[] = Object.values(kernelOptions);
  const names = specs.flatMap(({ names, off = [] }) => [...names, ...off]).filter((name) => name.startsWith("--"));
  const [best] = names
    .map((name) => ({ name, edits: name.startsWith(wrong) ? 0 : edits(wrong, name) }))
    .sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= MOST_EDITS ? `${sentence}. ${say.didYouMean(best.name)}` : sentence;
}

/** How many letters have to be added, taken away or changed to come from one to the other. */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries()) {
      const changed = (row[j] as number) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
