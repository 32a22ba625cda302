/** Runs one hook command of the configuration: JSON on stdin, the answer in exit code and output. */
import { errorMessage } from "../errors.js";
import type { ProcessGroups } from "../processes/process-groups.js";
import { runToEnd } from "../processes/run-to-end.js";
import type { CommandHook } from "./hook-list.js";
import { failed, type HookFailure, type HookOutcome, judgeExit } from "./hook-verdict.js";

/** More of an output is read and dropped. */
const KEPT_BYTES = 64 * 1024;

export interface CommandHookPlace {
  processes: ProcessGroups;
  /** Environment of tool processes: without secrets. */
  env: Readonly<Record<string, string>>;
  cwd: string;
}

/**
 * Runs it with `sh -c`. When it settles the process and what it left behind are gone. Rejects only with the signal's
 * reason.
 */
export async function runCommandHook(
  hook: CommandHook,
  input: string,
  place: CommandHookPlace,
  signal: AbortSignal,
): Promise<HookOutcome | HookFailure> {
  const output = { stdout: new Head(), stderr: new Head() };
  try {
    const { cause, exit } = await runToEnd(
      place.processes,
      {
        argv: ["sh", "-c", hook.command],
        cwd: place.cwd,
        env: place.env,
        input,
        onOutput: (chunk, source) => output[source].push(chunk),
      },
      { signal, timeoutMs: hook.timeoutMs },
    );
    if (cause === "timeout") return failed(`timed out after ${hook.timeoutMs / 1000} s`);
    return judgeExit(exit, output.stdout.text(), output.stderr.text());
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return failed(`could not be run: ${errorMessage(error)}`);
  }
}

/** The first bytes of an output. */
class Head {
  readonly #chunks: Buffer[] = [];
  #left = KEPT_BYTES;

  push(chunk: Buffer): void {
    if (this.#left === 0) return;
    const kept = chunk.subarray(0, this.#left);
    this.#left -= kept.length;
    this.#chunks.push(kept);
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}
