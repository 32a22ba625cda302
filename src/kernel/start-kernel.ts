/**
 * From flags and an environment to a running kernel, whoever is the host: the process of `bin`, or a thread. Nothing
 * here touches the process; what loads heavy code does so by import().
 */
import { homedir } from "node:os";
import type { FramingName } from "../wire/framing.js";
import type { Transport } from "../wire/transport.js";
import type { LoadedAgent } from "./agent-spec/loaded-agent.js";
import { applyFlags } from "./config/apply-flags.js";
import type { KernelConfig } from "./config/config.js";
import type { KernelFlags } from "./config/kernel-flags.js";
import { type ConfigSource, loadConfig } from "./config/load-config.js";
import { type FileLogger, openLogger } from "./config/open-logger.js";
import { resolveModel } from "./config/resolve-model.js";
import { resolveShareDir } from "./config/share-dir.js";
import { resolveWireCompat } from "./config/wire-compat.js";
import { KernelError } from "./errors.js";
import type { ProcessEnds } from "./fail-points.js";
import type { FailingKernel } from "./failing-kernel.js";
import type { KernelOutcome } from "./kernel.js";
import { KERNEL_VERSION } from "./version.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a kernel keeps its things. The log is closed by whoever opened the place. */
export interface KernelPlace {
  shareDir: string;
  logger: FileLogger;
}

export interface StartOptions {
  flags: KernelFlags;
  /** A copy, never the live environment of the process. */
  env: Environment;
  place: KernelPlace;
  transport: Transport;
  /** Aborts when the kernel has to stop. */
  signal: AbortSignal;
  /** Bytes of memory that the kernel holds; missing where it shares them. */
  rss?: () => number;
  /** As KernelOptions has it. */
  unsent?: () => number;
  /** As KernelOptions has it. */
  onIntroduced?: () => void;
  /** How fail points end the process; missing where the kernel is only a part of one. */
  ends?: ProcessEnds;
}

/** Finds the share folder and opens its log. Throws KernelError `start_failed` when there is no home folder. */
export function openPlace(flags: KernelFlags, env: Environment): KernelPlace {
  const shareDir = resolveShareDir(env, env.HOME ?? homedir());
  return { shareDir, logger: openLogger({ shareDir, level: flags.debug || flags.verbose ? "debug" : "info" }) };
}

/**
 * Serves the client of `transport` until it leaves or `signal` aborts, then closes everything but the log. Throws
 * KernelError before anything was served when configuration, session or provider cannot be used.
 */
export async function startKernel(start: StartOptions): Promise<KernelOutcome> {
  const { flags, env, place, transport, signal, rss, unsent, onIntroduced } = start;
  const { shareDir, logger } = place;
  const kernel = import("./main.js");
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
  const framing: FramingName = flags.framing;
  const failPoints = await failPointsOf(start);
  const options = { transport, framing, wireCompat, config, model, agent, flags, env, shareDir, logger, signal };
  const ofHost = { rss, unsent, onIntroduced };
  return await (await kernel).runKernel({ ...options, ...ofHost, failPoints, version: KERNEL_VERSION });
}

/** Kernels that fail where their environment says so are for tests of hosts; all others load nothing of it. */
async function failPointsOf({ env, ends, flags, place }: StartOptions): Promise<FailingKernel | null> {
  if (!env.KERNEL_FAILPOINT) return null;
  const { failingKernel } = await import("./failing-kernel.js");
  const failing = failingKernel({
    text: env.KERNEL_FAILPOINT,
    markerFile: env.KERNEL_FAILPOINT_MARKER || null,
    ends: ends ?? null,
    session: { shareDir: place.shareDir, ...flags },
  });
  failing.spawned();
  return failing;
}

/** The exit code of a kernel that ended with this error: 2 for a mistake in flags or configuration, else 1. */
export function failureCode(error: unknown): 1 | 2 {
  return error instanceof KernelError && (error.code === "usage" || error.code === "config_invalid") ? 2 : 1;
}

/** Agent files need the YAML library, so their code loads only when one is asked for. */
async function agentOf(flags: KernelFlags, config: KernelConfig): Promise<LoadedAgent | null> {
  if (flags.agentFile === null && flags.agent !== "okabe") return null;
  const { selectAgent } = await import("./agent-spec/select-agent.js");
  return await selectAgent(flags, config);
}

/** Which configuration these flags mean. */
export function configSource(flags: KernelFlags, shareDir: string): ConfigSource {
  if (flags.config !== null) return { kind: "text", text: flags.config };
  if (flags.configFile !== null) return { kind: "file", path: flags.configFile };
  return { kind: "default", shareDir };
}

function hideSecrets(logger: FileLogger, { providers }: Pick<KernelConfig, "providers">, env: Environment): void {
  for (const provider of Object.values(providers)) {
    for (const secret of [provider.api_key, ...Object.values(provider.custom_headers)]) logger.hide(secret);
  }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && /KEY|TOKEN|SECRET|PASSWORD/i.test(name)) logger.hide(value);
  }
}
