/**
 * The composition root: serves one client until it leaves or the process has to stop. Only what answers initialize is
 * loaded at once; the rest is `kernel-runtime.ts`.
 */
import { homedir } from "node:os";
import { EXTENSIONS } from "../wire/generated/extensions.gen.js";
import { HookList } from "./hooks/hook-list.js";
import type { ClientCapabilities, ClientName, KernelOptions, KernelOutcome, KernelRuntime } from "./kernel.js";
import { connectClient, type KernelConnection, serveKernel } from "./server/kernel-server.js";
import { SkillCatalog } from "./skills/skill-catalog.js";

const NOTHING_OPENED: KernelOutcome = { sessionId: null, turnInterrupted: false, resumable: false };

/**
 * Serves one client until it closes its side or `signal` aborts, then ends turns and processes and closes the storage.
 * Throws KernelError before anything was served when the session or the provider cannot be set up.
 */
export async function runKernel(options: KernelOptions): Promise<KernelOutcome> {
  const { logger } = options;
  const transport = options.failPoints?.transport(options.transport) ?? options.transport;
  const client = await forItsAge(connectClient(transport, options.framing, logger), options.wireCompat);
  const { connection } = client;
  const hooks = new HookList(options.config.hooks, logger);
  let clientName: ClientName | null = null;
  let capabilities: ClientCapabilities = { question: false, planMode: false, extensions: new Set() };
  const skills = skillCatalog(options);
  let loading: Promise<KernelRuntime> | null = null;
  const runtime = (): Promise<KernelRuntime> => {
    loading ??= import("./kernel-runtime.js").then(async ({ createRuntime }) => {
      const loaded = await createRuntime(
        options,
        client.sink,
        skills,
        () => clientName,
        () => capabilities,
        hooks,
      );
      if (options.unsent !== undefined) void watchReader(loaded, options.unsent);
      return loaded;
    });
    return loading;
  };
  let closing: Promise<KernelOutcome> | null = null;
  const close = (loaded: KernelRuntime): Promise<KernelOutcome> => {
    closing ??= loaded.close();
    return closing;
  };
  /** A parked kernel stays for what is unread, until its client leaves; another one may have the session meanwhile. */
  const watchReader = async (loaded: KernelRuntime, unsent: () => number): Promise<void> => {
    const watch = await import("./server/reader-watch.js");
    const resumes = () => capabilities.extensions.has("resume/1");
    const park = () => void close(loaded);
    watch.watchReader({ ...{ connection, unsent, resumes, park, logger }, env: options.env, session: loaded.session });
  };
  if (mayFailToStart(options)) await runtime();

  serveKernel(client, {
    runtime,
    skills: () => skills.list(),
    isLoading: () => loading !== null,
    logger,
    version: options.version,
    hooks,
    extensions: options.wireCompat === null ? EXTENSIONS : [],
    rss: options.rss ?? (() => 0),
    onClient: (name) => {
      clientName = name;
      logger.info({ client: name }, "client connected");
    },
    onCapabilities: (given) => {
      capabilities = { ...capabilities, ...given };
      options.onIntroduced?.();
    },
  });
  await stopRequested(Promise.race([connection.closed, connection.outputClosed]), options.signal);
  const loaded = await (loading as Promise<KernelRuntime> | null)?.catch(() => null);
  const outcome = loaded == null ? NOTHING_OPENED : await close(loaded);
  await connection.close();
  return outcome;
}

/** What an old client cannot take is kept from it, whatever wants to send it. */
async function forItsAge(client: KernelConnection, compat: KernelOptions["wireCompat"]): Promise<KernelConnection> {
  if (compat === null) return client;
  const { Wire12Sink } = await import("./server/wire-1-2-sink.js");
  return { ...client, sink: new Wire12Sink(client.sink) };
}

function skillCatalog({ flags, config, env, shareDir }: KernelOptions): SkillCatalog {
  return new SkillCatalog({
    workDir: flags.workDir,
    homeDir: env.HOME ?? homedir(),
    shareDir,
    skillsDirs: flags.skillsDirs,
    extraDirs: config.extra_skill_dirs,
    mergeAll: config.merge_all_available_skills,
  });
}

/** A named session may be missing and a script may be absent: that has to be said before anything is served. */
function mayFailToStart({ flags, model }: KernelOptions): boolean {
  return flags.session !== null || flags.continue || (model?.provider.type.startsWith("_") ?? false);
}

/** Settles at the first reason to stop: the client stopped writing or reading, or the process was told to. */
function stopRequested(closed: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    void closed.then(() => resolve());
  });
}
