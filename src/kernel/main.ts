/**
 * The composition root: serves one client until it leaves or the process has to stop. Only what answers initialize is
 * loaded at once; the rest is `kernel-runtime.ts`.
 */
import type { FramingName } from "../wire/framing.js";
import type { Transport } from "../wire/transport.js";
import type { KernelConfig, ResolvedModel } from "./config/config.js";
import type { ClientName, KernelRuntime } from "./kernel-runtime.js";
import type { Logger } from "./logger.js";
import { connectClient, serveKernel } from "./server/kernel-server.js";

export interface KernelOptions {
  transport: Transport;
  framing: FramingName;
  config: KernelConfig;
  /** null when no usable model is configured; prompts then answer "LLM is not set". */
  model: ResolvedModel | null;
  flags: {
    workDir: string;
    addDirs: readonly string[];
    session: string | null;
    continue: boolean;
    afk: boolean;
    configFile: string | null;
  };
  /** The environment of this kernel; never process.env itself. */
  env: Readonly<Record<string, string | undefined>>;
  shareDir: string;
  logger: Logger;
  version: string;
  /** Aborts when the process has to stop. */
  signal: AbortSignal;
}

export interface KernelOutcome {
  /** null when nothing was ever opened. */
  sessionId: string | null;
  /** True when a turn was cut short by the end. */
  turnInterrupted: boolean;
  /** True when there is something to resume. */
  resumable: boolean;
}

/**
 * Serves one client until it closes its side or `signal` aborts, then ends turns and processes and closes the storage.
 * Throws KernelError before anything was served when the session or the provider cannot be set up.
 */
export async function runKernel(options: KernelOptions): Promise<KernelOutcome> {
  const { logger } = options;
  const client = connectClient(options.transport, options.framing, logger);
  let clientName: ClientName | null = null;
  let loading: Promise<KernelRuntime> | null = null;
  const runtime = (): Promise<KernelRuntime> => {
    loading ??= import("./kernel-runtime.js").then(({ createRuntime }) =>
      createRuntime(options, client.sink, () => clientName),
    );
    return loading;
  };
  if (mayFailToStart(options)) await runtime();

  serveKernel(client, {
    runtime,
    isLoading: () => loading !== null,
    logger,
    version: options.version,
    onClient: (name) => {
      clientName = name;
      logger.info({ client: name }, "client connected");
    },
  });
  await stopRequested(client.connection.closed, options.signal);
  const loaded = await (loading as Promise<KernelRuntime> | null)?.catch(() => null);
  const outcome = (await loaded?.close()) ?? { sessionId: null, turnInterrupted: false, resumable: false };
  await client.connection.close();
  return outcome;
}

/** A named session may be missing and a script may be absent: that has to be said before anything is served. */
function mayFailToStart({ flags, model }: KernelOptions): boolean {
  return flags.session !== null || flags.continue || (model?.provider.type.startsWith("_") ?? false);
}

/** Settles at the first reason to stop: the client is gone, or the process was told to. */
function stopRequested(closed: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    void closed.then(() => resolve());
  });
}
