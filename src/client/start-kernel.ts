/** Starts a kernel and shakes hands with it: what comes out speaks Wire 1, or was ended again. */
import { WireError } from "../wire/errors.js";
import type { InitializeParams, InitializeResult } from "../wire/generated/types.gen.js";
import { deferred } from "./deferred.js";
import { KernelProcessError } from "./errors.js";
import type { ExitInfo, KernelLauncher, Launched } from "./launcher.js";
import { LiveKernel } from "./live-kernel.js";
import { REFUSAL_CODES } from "./restart-policy.js";
import { type Timing, within } from "./timing.js";
import { WireClient, type WireListener } from "./wire-client.js";

const EXIT_GRACE_MS = 1_000;
/** Of stderr's last line, in a sentence. */
const MAX_WORDS = 300;
/** The introduction does not fit the contract, or cannot be sent at all: no other kernel would take it. */
const HOST_FAULTS: readonly string[] = ["invalid_params", "unserialisable", "line_too_long"];
/** A program that is content with having done nothing, and a shell's words for one that cannot be run. */
const WRONG_PROGRAM_CODES: ReadonlySet<number | null> = new Set([0, 126, 127]);

export interface StartOptions {
  launcher: KernelLauncher;
  args: readonly string[];
  initialize: InitializeParams;
  handshakeMs: number;
  listener: WireListener;
  timing: Timing;
  /** Gives the start up. */
  signal: AbortSignal;
}

/** Throws a KernelProcessError; then nothing of the kernel is left. */
export async function startKernel(options: StartOptions): Promise<LiveKernel> {
  const { launcher, args, listener, timing, signal } = options;
  const launched = await launcher.launch({ args, signal });
  const wire = new WireClient(launched.transport, listener);
  try {
    const info = await handshake(options, launched, wire);
    return new LiveKernel({ mode: launcher.mode, launched, wire, info, timing });
  } catch (error) {
    const failure = await explain(error, options, launched, wire);
    await launched.kill();
    await wire.close();
    throw failure;
  }
}

async function handshake(options: StartOptions, launched: Launched, wire: WireClient): Promise<InitializeResult> {
  const { timing, handshakeMs, signal } = options;
  const given = deferred<never>();
  const giveUp = (): void => given.reject(new KernelProcessError("aborted", "The start was given up"));
  const callOff = timing.after(handshakeMs, () =>
    given.reject(
      wire.onlyNoise
        ? notAKernel("it answered with something that is no JSON-RPC")
        : new KernelProcessError("handshake_timeout", `The kernel did not answer initialize within ${handshakeMs} ms`),
    ),
  );
  wire.onNoise(() => given.reject(notAKernel("it writes something that is no JSON-RPC")));
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) giveUp();
  // A pipe that someone else still holds open must not hide the end.
  void launched.exited.then(() => wire.drained(timing)).then(() => wire.close());
  try {
    return checked(await Promise.race([wire.initialize(options.initialize), given.promise]));
  } finally {
    callOff();
    signal.removeEventListener("abort", giveUp);
  }
}

function checked(info: unknown): InitializeResult {
  const version: unknown = Object(info).protocol_version;
  if (typeof version !== "string") throw notAKernel("its answer to initialize names no protocol version");
  if (!/^1\.\d+$/.test(version)) {
    throw new KernelProcessError("version_mismatch", `The kernel speaks Wire ${version}; this client speaks 1.x`, {
      data: { version },
    });
  }
  return info as InitializeResult;
}

async function explain(
  error: unknown,
  { timing }: StartOptions,
  launched: Launched,
  wire: WireClient,
): Promise<KernelProcessError> {
  if (error instanceof KernelProcessError) return error;
  if (!wire.lost(error)) {
    const { code, message: words } = error instanceof WireError ? error : { code: "", message: String(error) };
    return HOST_FAULTS.includes(code)
      ? new KernelProcessError("refused", `What this host says of itself cannot be taken: ${words}`, { cause: error })
      : notAKernel(`it answered initialize with: ${words}`, error);
  }
  const own = await within(timing, EXIT_GRACE_MS, launched.exited);
  return exitedEarly(own ?? (await launched.kill()), own !== null, wire.onlyNoise);
}

function exitedEarly(exit: ExitInfo, byItself: boolean, onlyNoise: boolean): KernelProcessError {
  const { code, signal, stderrTail, outOfMemory } = exit;
  const data = { code, signal, stderrTail, outOfMemory };
  const words = stderrTail.trim();
  const last = words === "" ? "" : `: ${words.split("\n").at(-1)?.slice(0, MAX_WORDS)}`;
  if (byItself && REFUSAL_CODES.has(code)) {
    return new KernelProcessError("refused", words || `The kernel refused to start (exit code ${code})`, { data });
  }
  if (byItself && WRONG_PROGRAM_CODES.has(code)) {
    return notAKernel(`it ended with code ${code} before it answered initialize${last}`, undefined, data);
  }
  if (onlyNoise && words === "") return notAKernel("it wrote something that is no JSON-RPC and ended", undefined, data);
  const end = !byItself ? "closed its output" : signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
  return new KernelProcessError("exited_early", `The kernel ${end} before it answered initialize${last}`, { data });
}

function notAKernel(what: string, cause?: unknown, data: Record<string, unknown> = {}): KernelProcessError {
  return new KernelProcessError("not_a_kernel", `The command is no Wire kernel: ${what}`, { cause, data });
}
