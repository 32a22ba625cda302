/** The composition root: builds one kernel for one client and runs it until the client or the process ends it. */
import { randomBytes } from "node:crypto";
import { homedir, type as osType } from "node:os";
import { join } from "node:path";
import type { FramingName } from "../wire/framing.js";
import type { Transport } from "../wire/transport.js";
import { toolCallResult } from "../wire/validators/client-request.js";
import type { KernelConfig, ResolvedModel } from "./config/config.js";
import type { Logger } from "./logger.js";
import { lazyProcessGroups } from "./processes/lazy-process-groups.js";
import { toolEnvironment } from "./processes/tool-environment.js";
import { systemPrompt } from "./prompt/system-prompt.js";
import { connectClient, serveKernel } from "./server/kernel-server.js";
import { Conversation } from "./session/conversation.js";
import { Session } from "./session/session.js";
import { sessionApprovals } from "./session/session-approvals.js";
import { openSession } from "./storage/open-session.js";
import { locateSession } from "./storage/session-locate.js";
import { ExternalTools } from "./tools/external-tool.js";
import { BUILTIN_TOOL_NAMES } from "./tools/registry.js";
import { SessionToolset } from "./tools/session-toolset.js";
import type { ToolContext } from "./tools/tool.js";
import { clientToolCaller } from "./turn/client-tool.js";
import { TurnRecorder } from "./turn/turn-recorder.js";

const CLOSE_GRACE_MS = 1_500;

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
  sessionId: string;
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
  const { config, model, flags, env, shareDir, logger } = options;
  const { workDir } = flags;
  const { sessionId } = locateSession({ shareDir, workDir, sessionId: flags.session, continueLast: flags.continue });
  const log = openSession({ shareDir, workDir, sessionId, logger });
  const client = connectClient(options.transport, options.framing, logger);
  const recorder = new TurnRecorder(log, client.sink);
  const processes = lazyProcessGroups(logger);
  const additionalDirs = [...flags.addDirs, ...log.state.data.additional_dirs];
  const toolEnv = toolEnvironment(env);

  const context: ToolContext = {
    workDir,
    additionalDirs,
    shareDir,
    env: toolEnv,
    processes,
    capabilities: model?.capabilities ?? new Set(),
    allowedPrivateHosts: new Set(config.fetch.allowed_private_hosts),
    todos: {
      get: () => log.state.data.todos,
      set: (items) => log.state.update({ todos: [...items] }),
    },
  };
  const externalTools = new ExternalTools(
    BUILTIN_TOOL_NAMES,
    clientToolCaller(recorder, (answer) => {
      const parsed = toolCallResult.safeParse(answer);
      return parsed.success ? parsed.data : null;
    }),
  );
  const approvals = sessionApprovals({
    recorder,
    logger,
    places: { workDir, additionalDirs, shareDir, configFile: flags.configFile ?? join(shareDir, "config.toml") },
    homeDir: env.HOME ?? homedir(),
    path: toolEnv.PATH ?? "",
    mode: { yolo: config.default_yolo || log.state.data.approval.yolo, afk: flags.afk || log.state.data.approval.afk },
  });
  let clientInfo: { name: string; version?: string } | null = null;
  const conversation = new Conversation({
    recorder,
    config,
    toolset: new SessionToolset(context, externalTools),
    gate: approvals.gate,
    workDir,
    maxContextTokens: model?.model.max_context_size ?? 0,
    createProvider: await providerFactory(model, () => ({ logger, shareDir, client: clientInfo })),
    systemPrompt: () =>
      systemPrompt({ workDir, os: osType(), shell: "bash", date: new Date().toISOString().slice(0, 10) }),
    setYolo: approvals.setYolo,
    isYolo: () => approvals.gate.mode.yolo,
    newSourceId: () => randomBytes(16).toString("hex"),
    freshCallId: () => `call_${randomBytes(12).toString("hex")}`,
    random: Math.random,
    logger,
  });
  const session = new Session(recorder, conversation, logger);

  serveKernel(client, {
    session,
    logger,
    commands: conversation.commands,
    externalTools,
    version: options.version,
    onClient: ({ name, version }) => {
      clientInfo = version === null ? { name } : { name, version };
      logger.info({ client: clientInfo }, "client connected");
    },
    // After the reply is out, so that the first prompt finds loaded what it needs and nobody has waited for it.
    onInitialized: () => setImmediate(() => void conversation.warmUp()),
  });

  await stopRequested(client.connection.closed, options.signal);
  const turnInterrupted = session.turnRunning;
  approvals.gate.close();
  await session.close({ clean: true, graceMs: CLOSE_GRACE_MS });
  await processes.close();
  const resumable = !log.load().empty;
  await client.connection.close();
  return { sessionId, turnInterrupted, resumable };
}

/** Builds the driver at first use. Scripted providers are built now, because a missing script is a failed start. */
async function providerFactory(
  model: ResolvedModel | null,
  deps: () => Parameters<typeof import("./providers/registry.js").createProvider>[1],
) {
  if (model === null) return null;
  const registry = await import("./providers/registry.js");
  if (!registry.isLlmSet(model)) return null;
  if (!model.provider.type.startsWith("_")) return () => registry.createProvider(model, deps());
  const ready = await registry.createProvider(model, deps());
  return () => Promise.resolve(ready);
}

/** Settles at the first reason to stop: the client is gone, or the process was told to. */
function stopRequested(closed: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    void closed.then(() => resolve());
  });
}
