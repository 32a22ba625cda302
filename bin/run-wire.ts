/** `kernel --wire`: one kernel for the client on stdin and stdout. */
import { homedir } from "node:os";
import { setFlagsFromString } from "node:v8";
import type { LoadedAgent } from "../src/kernel/agent-spec/loaded-agent.js";
import { applyFlags } from "../src/kernel/config/apply-flags.js";
import type { KernelConfig } from "../src/kernel/config/config.js";
import type { KernelFlags } from "../src/kernel/config/kernel-flags.js";
import { type ConfigSource, loadConfig } from "../src/kernel/config/load-config.js";
import { type FileLogger, openLogger } from "../src/kernel/config/open-logger.js";
import { resolveModel } from "../src/kernel/config/resolve-model.js";
import { resolveShareDir } from "../src/kernel/config/share-dir.js";
import { resolveWireCompat } from "../src/kernel/config/wire-compat.js";
import { errorMessage, KernelError } from "../src/kernel/errors.js";
import { KERNEL_VERSION } from "../src/kernel/version.js";
import { stdioTransport } from "../src/wire/transport.js";
import { guardStdio } from "./guard-stdio.js";
import { messages } from "./messages.js";
import { type ProcessWatch, StopReason, signalExitCode, watchProcess } from "./watch-process.js";

const LOG_CLOSE_MS = 1_000;

/**
 * Serves until the client closes stdin, a signal comes, or the kernel fails; everything is flushed then. Gives the exit
 * code: 0 after a normal end, 1 for a failed start or a bug, 2 for a mistake in flags or configuration, 143 when
 * SIGTERM cut a turn short.
 */
export async function runWire(flags: KernelFlags): Promise<number> {
  // The command parser is WebAssembly; V8 would spend 400 ms optimising it, at exit if there was no time before.
  setFlagsFromString("--liftoff-only");
  const env = { ...process.env };
  const shareDir = resolveShareDir(env, homedir());
  const logger = openLogger({ shareDir, level: flags.debug || flags.verbose ? "debug" : "info" });
  const stdio = guardStdio((source, text) => logger.warn({ source, text }, "text beside the protocol"));
  const complain = (error: unknown): void => stdio.say(`${errorMessage(error)}\n${messages.seeLogs(logger.file)}`);
  const watch = watchProcess(logger, complain);
  const serve = async (): Promise<number> => {
    const kernel = import("../src/kernel/main.js");
    // A mistake in the configuration is reported first.
    kernel.catch(() => {});
    const source = configSource(flags, shareDir);
    const loaded = loadConfig({ source, onWarning: (sentence) => logger.warn({}, sentence) });
    hideSecrets(logger, loaded, env);
    const config = applyFlags(loaded, flags);
    const wireCompat = resolveWireCompat(flags.wireCompat, env);
    const agent = await agentOf(flags, config);
    const model = resolveModel({ config, flags: { ...flags, model: flags.model ?? agent?.model ?? null }, env });
    if (model !== null) hideSecrets(logger, { providers: { resolved: model.provider } }, model.env);
    const failing = env.KERNEL_FAILPOINT ? await import("./failing-process.js") : null;
    const failPoints = failing?.failingProcess(env.KERNEL_FAILPOINT ?? "", env, { shareDir, ...flags }) ?? null;
    const { runKernel } = await kernel;
    const outcome = await runKernel({
      transport: stdioTransport(stdio.stdin, stdio.stdout),
      framing: flags.framing,
      wireCompat,
      config,
      model,
      agent,
      flags,
      env,
      shareDir,
      logger,
      version: KERNEL_VERSION,
      signal: watch.signal,
      rss: () => process.memoryUsage.rss(),
      failPoints,
    });
    if (outcome.resumable && outcome.sessionId !== null) stdio.say(messages.resumeHint(outcome.sessionId));
    return exitCode(watch, outcome.turnInterrupted);
  };
  const code = await Promise.race([watch.broken, serve().catch((error) => report(error, stdio.say, complain, logger))]);
  await within(LOG_CLOSE_MS, logger.close());
  return code;
}

/** Agent files need the YAML library, so their code loads only when one is asked for. */
async function agentOf(flags: KernelFlags, config: KernelConfig): Promise<LoadedAgent | null> {
  if (flags.agentFile === null && flags.agent !== "okabe") return null;
  const { selectAgent } = await import("../src/kernel/agent-spec/select-agent.js");
  return await selectAgent(flags, config);
}

function configSource(flags: KernelFlags, shareDir: string): ConfigSource {
  if (flags.config !== null) return { kind: "text", text: flags.config };
  if (flags.configFile !== null) return { kind: "file", path: flags.configFile };
  return { kind: "default", shareDir };
}

/** SIGINT is an EOF from the keyboard; the others show when they cost a turn, so that waiting hosts notice. */
function exitCode(watch: ProcessWatch, turnInterrupted: boolean): number {
  const reason: unknown = watch.signal.reason;
  if (!turnInterrupted || !(reason instanceof StopReason) || reason.stopSignal === "SIGINT") return 0;
  return signalExitCode(reason.stopSignal);
}

function report(
  error: unknown,
  say: (text: string) => void,
  complain: (error: unknown) => void,
  logger: FileLogger,
): number {
  if (error instanceof KernelError && (error.code === "usage" || error.code === "config_invalid")) {
    say(error.message);
    return 2;
  }
  logger.error({ err: error }, "the kernel could not go on");
  complain(error);
  return 1;
}

function hideSecrets(
  logger: FileLogger,
  { providers }: Pick<KernelConfig, "providers">,
  env: Readonly<Record<string, string | undefined>>,
): void {
  for (const provider of Object.values(providers)) {
    for (const secret of [provider.api_key, ...Object.values(provider.custom_headers)]) logger.hide(secret);
  }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && /KEY|TOKEN|SECRET|PASSWORD/i.test(name)) logger.hide(value);
  }
}

function within(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    work.then(done, done);
  });
}
