/** One kernel run from words to exit code, inside a host: what `bin` is for a process. */
import { parseFlags } from "../kernel/config/kernel-flags.js";
import { errorMessage } from "../kernel/errors.js";
import { failureCode, openPlace, startKernel } from "../kernel/start-kernel.js";
import type { Transport } from "../wire/transport.js";
import { within } from "./orderly-stop.js";

const USAGE_ERROR = 2;
const LOG_CLOSE_MS = 1_000;

export interface HostedRun {
  /** Flags without `--wire`. */
  args: readonly string[];
  /** Where relative paths begin. */
  cwd: string;
  /** A copy that belongs to this kernel. */
  env: Readonly<Record<string, string | undefined>>;
  transport: Transport;
  /** Aborts when the kernel has to stop. */
  signal: AbortSignal;
  /** Rejects with an error that nobody caught, where the host can tell. */
  bug: Promise<never>;
  /** Takes sentences for a person. */
  say(text: string): void;
}

/** Runs it to its end, closes the transport and gives the exit code as `kernel --wire` does: 0, 1 or 2. Never rejects. */
export async function runInHost({ args, cwd, env, transport, signal, bug, say }: HostedRun): Promise<number> {
  const code = await run();
  await transport.close();
  return code;

  async function run(): Promise<number> {
    const parsed = parseFlags(["--wire", ...args], { cwd });
    if (parsed.kind === "usage_error") return refuse(parsed.message);
    if (parsed.kind !== "run") return refuse("Only flags of a run make sense here.");
    let place: ReturnType<typeof openPlace>;
    try {
      place = openPlace(parsed.flags, env);
    } catch (error) {
      say(errorMessage(error));
      return 1;
    }
    const { logger } = place;
    try {
      await Promise.race([startKernel({ flags: parsed.flags, env, place, transport, signal }), bug]);
      return 0;
    } catch (error) {
      if (failureCode(error) === USAGE_ERROR) return refuse(errorMessage(error));
      logger.error({ err: error }, "the kernel could not go on");
      say(`${errorMessage(error)}\nSee logs: ${logger.file}`);
      return 1;
    } finally {
      await within(LOG_CLOSE_MS, logger.close());
    }
  }

  function refuse(sentence: string): number {
    say(sentence);
    return USAGE_ERROR;
  }
}
