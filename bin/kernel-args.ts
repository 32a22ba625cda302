/** Which of the words of a command line go on to the kernel that a host starts. */
import { kernelOptions, type OptionKey } from "../src/kernel/config/kernel-flags.js";
import { type OptionSpec, readArgv } from "../src/kernel/config/read-argv.js";

/** What the host decides for itself: the mode, the session, the prompt, and how it shows the answer. */
const OF_THE_HOST: ReadonlySet<OptionKey> = new Set([
  "wire",
  "print",
  "acp",
  "quiet",
  "session",
  "continue",
  "kernel",
  "approve",
  "prompt",
  "promptOrStdin",
  "inputFormat",
  "outputFormat",
  "finalMessageOnly",
  "framing",
  "wireCompat",
  "version",
  "help",
]);
/** A kernel that takes over must not do it again. */
const ONCE: ReadonlySet<OptionKey> = new Set(["plan"]);

export interface KernelArgs {
  /** For every start. */
  args: readonly string[];
  /** For the first start only. */
  firstArgs: readonly string[];
}

/** `argv` is one that parseFlags has taken. Paths stay as they are: the kernel starts in the same folder. */
export function kernelArgs(argv: readonly string[]): KernelArgs {
  const read = readArgv<OptionKey>(argv, kernelOptions);
  if ("error" in read) throw new Error(read.error);
  const args: string[] = [];
  const firstArgs: string[] = [];
  for (const [key, on] of read.flags) {
    const { names, off }: OptionSpec = kernelOptions[key];
    const name = on ? names[0] : off?.[0];
    if (!OF_THE_HOST.has(key) && name !== undefined) (ONCE.has(key) ? firstArgs : args).push(name);
  }
  for (const [key, values] of read.values) {
    if (OF_THE_HOST.has(key)) continue;
    for (const value of values) args.push(`${kernelOptions[key].names[0]}=${value}`);
  }
  return { args, firstArgs };
}
