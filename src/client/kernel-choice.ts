/** Which kernel a host runs, as its user said it. */

/** `auto`: a process of its own, and a thread of the host when that one cannot be had. */
export type KernelChoice = "auto" | "sidecar" | "in-process";

const CHOICES: readonly KernelChoice[] = ["auto", "sidecar", "in-process"];

export interface KernelChoiceSources {
  /** The value of `--kernel`; null or undefined when the flag is not there. */
  flag?: string | null | undefined;
  env: Readonly<Record<string, string | undefined>>;
  /** `kernel` of the section `runtime` in the configuration, as it was read; null or undefined when there is none. */
  config?: unknown;
}

/** What holds and where it was said, or one sentence for the user about a wrong value. */
export type KernelChoiceResult =
  | { ok: true; choice: KernelChoice; from: "--kernel" | "KERNEL_MODE" | "config" | "default" }
  | { ok: false; message: string };

/**
 * `--kernel`, else KERNEL_MODE, else the configuration, else `auto`. Only the first that is there is looked at, and a
 * wrong value there is never skipped. An empty KERNEL_MODE is none. Pure; never throws.
 */
export function chooseKernel({ flag, env, config }: KernelChoiceSources): KernelChoiceResult {
  if (flag !== undefined && flag !== null) return judge(flag, "--kernel", "--kernel");
  if (env.KERNEL_MODE) return judge(env.KERNEL_MODE, "KERNEL_MODE", "KERNEL_MODE");
  if (config !== undefined && config !== null) return judge(config, "config", "runtime.kernel in the configuration");
  return { ok: true, choice: "auto", from: "default" };
}

function judge(value: unknown, from: "--kernel" | "KERNEL_MODE" | "config", name: string): KernelChoiceResult {
  const choice = CHOICES.find((known) => known === value);
  if (choice !== undefined) return { ok: true, choice, from };
  return { ok: false, message: `${name} is ${JSON.stringify(value)}; it must be auto, sidecar or in-process.` };
}
