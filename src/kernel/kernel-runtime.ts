/**
 * Everything behind the wire of one kernel: storage, approvals, tools, the conversation. Loaded after initialize is
 * answered, or by the first request that needs it.
 */
import { randomBytes } from "node:crypto";
import { homedir, type as osType } from "node:os";
import { join } from "node:path";
import { hookResult, questionResult, toolCallResult } from "../wire/validators/client-request.js";
import type { ResolvedModel } from "./config/config.js";
import type { HookList } from "./hooks/hook-list.js";
import { SessionHooks } from "./hooks/session-hooks.js";
import type { ClientCapabilities, ClientName, KernelOptions, KernelRuntime } from "./kernel.js";
import type { Logger } from "./logger.js";
import { PlanGuard } from "./planning/plan-guard.js";
import { SessionPlanMode } from "./planning/session-plan-mode.js";
import { lazyProcessGroups } from "./processes/lazy-process-groups.js";
import { toolEnvironment } from "./processes/tool-environment.js";
import { systemPrompt } from "./prompt/system-prompt.js";
import { ClientQuestions } from "./questions/client-questions.js";
import { Conversation } from "./session/conversation.js";
import { Session } from "./session/session.js";
import { sessionApprovals } from "./session/session-approvals.js";
import { sessionHookChannel } from "./session/session-hook-channel.js";
import { openSession } from "./storage/open-session.js";
import { replaySession } from "./storage/replay.js";
import { locateSession } from "./storage/session-locate.js";
import type { SessionLog } from "./storage/session-log.js";
import { sessionPaths } from "./storage/share-folder.js";
import { ExternalTools } from "./tools/external-tool.js";
import { BUILTIN_TOOL_NAMES } from "./tools/registry.js";
import { SessionToolset } from "./tools/session-toolset.js";
import { NO_SERVICES, type ToolContext } from "./tools/tool.js";
import { clientToolCaller } from "./turn/client-tool.js";
import type { EventSink } from "./turn/event-sink.js";
import { TurnRecorder } from "./turn/turn-recorder.js";

const CLOSE_GRACE_MS = 1_500;

/** Builds it. Throws KernelError when the session cannot be found or the scripted provider has no script. */
export async function createRuntime(
  options: KernelOptions,
  sink: EventSink,
  client: () => ClientName | null,
  clientCapabilities: () => ClientCapabilities,
  hookList: HookList,
): Promise<KernelRuntime> {
  const { config, model, flags, env, shareDir, logger } = options;
  const { workDir } = flags;
  const { sessionId, exists } = locateSession({
    shareDir,
    workDir,
    sessionId: flags.session,
    continueLast: flags.continue,
  });
  const log = openSession({ shareDir, workDir, sessionId, logger });
  const recorder = new TurnRecorder(log, sink);
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
    services: { ...NO_SERVICES },
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
  const planMode = new SessionPlanMode({
    state: log.state,
    recorder,
    sessionId,
    shareDir,
    supported: () => clientCapabilities().planMode,
    start: { always: flags.plan, new: config.default_plan_mode },
  });
  context.services.planMode = planMode;
  context.services.questions = new ClientQuestions({
    recorder,
    supported: () => clientCapabilities().question,
    unattended: () => approvals.gate.mode.afk,
    parse: (answer) => {
      const parsed = questionResult.safeParse(answer);
      return parsed.success ? parsed.data : null;
    },
    logger,
  });
  const hooks = new SessionHooks({
    list: hookList,
    channel: sessionHookChannel(recorder, (answer) => {
      const parsed = hookResult.safeParse(answer);
      return parsed.success ? { action: parsed.data.action ?? "allow", reason: parsed.data.reason ?? "" } : null;
    }),
    commands: { processes, env: toolEnv, cwd: workDir },
    sessionId,
    resumed: exists,
    logger,
  });
  const conversation = new Conversation({
    recorder,
    config,
    toolset: new PlanGuard(new SessionToolset(context, externalTools), planMode),
    gate: approvals.gate,
    hooks,
    workDir,
    maxContextTokens: model?.model.max_context_size ?? 0,
    createProvider: await providerFactory(model, () => ({ logger, shareDir, client: client() })),
    systemPrompt: () =>
      systemPrompt({ workDir, os: osType(), shell: "bash", date: new Date().toISOString().slice(0, 10) }),
    setYolo: approvals.setYolo,
    isYolo: () => approvals.gate.mode.yolo,
    setAfk: approvals.setAfk,
    isAfk: () => approvals.gate.mode.afk,
    planMode,
    newSourceId: () => randomBytes(16).toString("hex"),
    freshCallId: () => `call_${randomBytes(12).toString("hex")}`,
    random: Math.random,
    logger,
  });
  const records = () => replaySession(sessionPaths(shareDir, workDir, sessionId));
  const session = new Session({ recorder, conversation, planMode, hooks, logger, records });
  return {
    session,
    externalTools,
    warmUp: async () => {
      void hooks.start();
      await conversation.warmUp();
      // The command parser takes tens of milliseconds, and who has asked for something already does not need it first.
      if (!session.busy) await approvals.warmUp();
    },
    close: async () => {
      const turnInterrupted = session.turnRunning;
      approvals.close();
      await session.close({ clean: true, graceMs: CLOSE_GRACE_MS });
      // Everything is on disk by now: hosts that do not wait lose only these hooks.
      await hooks.end(options.signal);
      await processes.close();
      return { sessionId, turnInterrupted, resumable: isResumable(log, logger) };
    },
  };
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

/** What cannot be read cannot be resumed; a kernel that was asked to end does not fail over it. */
function isResumable(log: SessionLog, logger: Logger): boolean {
  try {
    return !log.load().empty;
  } catch (error) {
    logger.warn({ err: error }, "the session cannot be read");
    return false;
  }
}
