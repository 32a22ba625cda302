/**
 * Everything behind the wire of one kernel: storage, approvals, tools, the conversation. Loaded after initialize is
 * answered, or by the first request that needs it.
 */
import { randomBytes } from "node:crypto";
import { homedir, type as osType } from "node:os";
import { join } from "node:path";
import { hookResult, toolCallResult } from "../wire/validators/client-request.js";
import type { PromptFacts } from "./agent-spec/prompt-template.js";
import type { ResolvedModel } from "./config/config.js";
import type { HookList } from "./hooks/hook-list.js";
import { SessionHooks } from "./hooks/session-hooks.js";
import type { ClientCapabilities, ClientName, KernelOptions, KernelRuntime } from "./kernel.js";
import type { Logger } from "./logger.js";
import { openMcp } from "./mcp/open-mcp.js";
import { lazyProcessGroups } from "./processes/lazy-process-groups.js";
import { toolEnvironment } from "./processes/tool-environment.js";
import { promptTail } from "./prompt/prompt-tail.js";
import { promptFacts, sessionPrompt } from "./prompt/session-prompt.js";
import { skillLines } from "./prompt/skill-note.js";
import { approvalRecord } from "./session/approval-requests.js";
import { Conversation } from "./session/conversation.js";
import { parkingSink } from "./session/parking-sink.js";
import { Session } from "./session/session.js";
import { sessionApprovals } from "./session/session-approvals.js";
import { sessionHookChannel } from "./session/session-hook-channel.js";
import { SessionProvider } from "./session/session-provider.js";
import { sessionAgents } from "./session-agents.js";
import { sessionPlanning } from "./session-planning.js";
import type { SkillCatalog } from "./skills/skill-catalog.js";
import { findSkillCommand } from "./slash/skill-commands.js";
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
import { DmailBox } from "./turn/dmail.js";
import type { EventSink } from "./turn/event-sink.js";
import { TurnRecorder } from "./turn/turn-recorder.js";

const CLOSE_GRACE_MS = 1_500;

/** Builds it. Throws KernelError when the session cannot be found or the scripted provider has no script. */
export async function createRuntime(
  options: KernelOptions,
  sink: EventSink,
  skills: SkillCatalog,
  client: () => ClientName | null,
  clientCapabilities: () => ClientCapabilities,
  hookList: HookList,
): Promise<KernelRuntime> {
  const { config, model, flags, env, shareDir, logger, agent, failPoints } = options;
  const { workDir } = flags;
  const { sessionId, exists } = locateSession({
    shareDir,
    workDir,
    sessionId: flags.session,
    continueLast: flags.continue,
  });
  const opened = openSession({ shareDir, workDir, sessionId, logger });
  const log = failPoints?.log(opened) ?? opened;
  const resumes = () => clientCapabilities().extensions.has("resume/1");
  const mayReturn = () => resumes() && !options.signal.aborted;
  const recorder = new TurnRecorder(log, parkingSink(sink, mayReturn));
  const processes = lazyProcessGroups(logger);
  const additionalDirs = [...new Set([...flags.addDirs, ...log.state.data.additional_dirs])];
  const mail = agent?.toolNames?.includes("SendDMail") === true ? new DmailBox() : null;
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
    services: { ...NO_SERVICES, dmail: mail },
  };
  const listedSkills = agent === null ? "" : skillLines(await skills.list(), workDir);
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
    mode: {
      yolo: !flags.askAlways && (config.default_yolo || log.state.data.approval.yolo),
      afk: !flags.askAlways && (flags.afk || log.state.data.approval.afk),
    },
  });
  const { planMode, guard: planGuard } = sessionPlanning({
    ...{ options, recorder, context, gate: approvals.gate },
    capabilities: clientCapabilities,
  });
  const guard = failPoints?.guard(planGuard) ?? planGuard;
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
  const facts = (): PromptFacts => {
    const date = new Date().toISOString().slice(0, 10);
    return promptFacts({ workDir, additionalDirs, os: osType(), shell: "bash", date, skills: listedSkills });
  };
  const isReserved = (name: string) => BUILTIN_TOOL_NAMES.has(name) || externalTools.find(name) !== null;
  const mcp = openMcp(options, { processes, env: toolEnv, isReserved });
  const toolset = new SessionToolset(context, externalTools, agent, mcp?.joined ?? null);
  const freshCallId = () => `call_${randomBytes(12).toString("hex")}`;
  let turnSourceId = "";
  const createProvider = await providerFactory(model, () => ({ logger, shareDir, client: client() }));
  const provider = new SessionProvider(failPoints?.provider(createProvider) ?? createProvider);
  const records = () => replaySession(sessionPaths(shareDir, workDir, sessionId));
  const agents = sessionAgents({
    options,
    recorder,
    gate: approvals.gate,
    hooks,
    processes,
    context,
    toolset,
    guard,
    provider: () => provider.get(),
    client,
    turnSourceId: () => turnSourceId,
    freshCallId,
    records,
    facts,
  });
  const conversation: Conversation = new Conversation({
    recorder,
    config,
    toolset: guard(toolset),
    joinTools: async (listed, signal) => {
      if (mcp !== null) await recorder.waiting("mcp", mcp.beforeTurn({ recorder, signal, sessionId, listed }));
    },
    background: agents.notices,
    gate: approvals.gate,
    hooks,
    workDir,
    workspace: {
      workDir,
      additionalDirs,
      shareDir,
      env: toolEnv,
      addDir: (dir) => {
        log.state.update({ additional_dirs: [...log.state.data.additional_dirs, dir] });
        additionalDirs.push(dir);
      },
    },
    findCommand: (name) => findSkillCommand(name, skills),
    promptTail: promptTail(skills, context, agent?.systemPrompt == null),
    mail,
    maxContextTokens: model?.model.max_context_size ?? 0,
    provider,
    systemPrompt: () => sessionPrompt(agent, facts()),
    toggleMode: approvals.toggleMode,
    planMode,
    newSourceId: () => {
      turnSourceId = randomBytes(16).toString("hex");
      return turnSourceId;
    },
    freshCallId,
    random: Math.random,
    logger,
  });
  let isClosing = false;
  const session = new Session({ recorder, conversation, planMode, hooks, logger, records, resumes });
  return {
    session,
    externalTools,
    resume: session,
    waits: recorder.waits,
    turnRuns: () => session.turnRunning || (session.busy && recorder.inTurn),
    openApprovals: () => approvals.gate.pending().map(approvalRecord),
    warmUp: async () => {
      mcp?.start();
      void hooks.start();
      // A client that wanted no more than the answer to initialize may have left; what it said meanwhile is read first.
      await new Promise(setImmediate);
      if (isClosing) return;
      await conversation.warmUp();
      await approvals.warmUp(() => session.busy);
    },
    close: async () => {
      isClosing = true;
      if (failPoints != null) await failPoints.closing();
      const turnInterrupted = session.turnRunning;
      // First of all: from here on nothing that ends because of the end is taken for an answer.
      const parked = mayReturn() && session.park();
      approvals.close();
      // Tasks end while the turn does: their ends belong into the session.
      const stopped = options.signal.aborted;
      await session.close({ clean: true, graceMs: CLOSE_GRACE_MS, beside: agents.close(), stopped });
      // Everything is on disk by now: hosts that do not wait lose only these hooks.
      await hooks.end(options.signal);
      await mcp?.close();
      await processes.close();
      // Reading a long session takes a while: only where nothing else tells what is in it.
      const resumable = parked || recorder.hasEndedTurn || isResumable(log, logger);
      return { sessionId, turnInterrupted, resumable };
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
