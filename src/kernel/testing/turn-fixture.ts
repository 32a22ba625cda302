/** One session in a temporary folder with everything a turn needs: real storage and approvals, fake model and client. */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { HookConfig, KernelConfig, LoopControl } from "../config/config.js";
import { HookList, type HookOffer } from "../hooks/hook-list.js";
import { SessionHooks } from "../hooks/session-hooks.js";
import { type Logger, silentLogger } from "../logger.js";
import { SessionPlanMode } from "../planning/session-plan-mode.js";
import { createProcessGroups } from "../processes/posix-process-groups.js";
import type { ChatProvider } from "../providers/provider.js";
import { Conversation } from "../session/conversation.js";
import { Session } from "../session/session.js";
import { sessionApprovals } from "../session/session-approvals.js";
import { sessionHookChannel } from "../session/session-hook-channel.js";
import { SessionProvider } from "../session/session-provider.js";
import type { FileOperations } from "../storage/file-operations.js";
import { openSession } from "../storage/open-session.js";
import { replaySession, type WireRecord } from "../storage/replay.js";
import type { SessionLog } from "../storage/session-log.js";
import { sessionPaths } from "../storage/share-folder.js";
import { type TempShare, tempShare } from "../storage/testing/temp-share.js";
import type { CallableTool } from "../tools/toolset.js";
import type { EventSink } from "../turn/event-sink.js";
import { History } from "../turn/history.js";
import { RepeatGuard } from "../turn/repeat-guard.js";
import { SteerQueue } from "../turn/steer-queue.js";
import type { TurnDeps } from "../turn/turn.js";
import { TurnRecorder } from "../turn/turn-recorder.js";
import { FakeProvider } from "./fake-provider.js";
import { fakeToolset } from "./fake-tools.js";
import { RecordingSink } from "./recording-sink.js";

export interface FixtureOptions {
  tools?: readonly CallableTool[];
  provider?: FakeProvider;
  /** null: no model is configured. */
  createProvider?: (() => Promise<ChatProvider>) | null;
  loop?: Partial<LoopControl>;
  ops?: FileOperations;
  sink?: EventSink;
  logger?: Logger;
  /** Of an earlier fixture, to open its session again. */
  share?: TempShare;
  systemPrompt?: string;
  lockWaitMs?: number;
  records?: () => Iterable<WireRecord>;
  planStart?: { always: boolean; new: boolean };
  /** Commands of the configuration; by default there are none. */
  hooks?: readonly HookConfig[];
  /** True for a client that goes on with turns that outlive a kernel. */
  resumes?: boolean;
  /** What the client subscribed to; by default it has not introduced itself. */
  subscriptions?: readonly HookOffer[];
}

export interface SessionFixture {
  session: Session;
  conversation: Conversation;
  planMode: SessionPlanMode;
  hooks: SessionHooks;
  log: SessionLog;
  recorder: TurnRecorder;
  sink: RecordingSink;
  provider: FakeProvider;
  share: TempShare;
  workDir: string;
  /** Roles of context.jsonl in file order, checkpoints and counts included. */
  contextRoles(): string[];
  /** Records of the journal since it was cut, by kind and type. */
  journal(): Record<string, unknown>[];
  /** Takes the lock away, as if the kernel had died here. */
  abandon(): void;
}

const LOOP: LoopControl = {
  max_steps_per_turn: 20,
  max_retries_per_step: 3,
  max_ralph_iterations: 0,
  reserved_context_size: 0,
  reserved_context_size_set: false,
  compaction_trigger_ratio: 0.85,
};

/** Gives functions that build sessions and turns; what they made is closed and removed after each test. */
export function turnFixtures() {
  const ended: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ended.splice(0).reverse()) await end();
  });

  function parts(options: FixtureOptions) {
    const share = options.share ?? tempShare();
    const workDir = join(share.shareDir, "work");
    mkdirSync(workDir, { recursive: true });
    const provider = options.provider ?? new FakeProvider();
    const sink = new RecordingSink();
    const logger = options.logger ?? silentLogger;
    const place = { shareDir: share.shareDir, workDir, sessionId: "S1" };
    const log = openSession({
      ...place,
      logger,
      lockWaitMs: options.lockWaitMs ?? 0,
      ...(options.ops === undefined ? {} : { ops: options.ops }),
    });
    const recorder = new TurnRecorder(log, options.sink ?? sink);
    const approvals = sessionApprovals({
      recorder,
      logger,
      places: { workDir, additionalDirs: [], shareDir: share.shareDir, configFile: null },
      homeDir: workDir,
      path: "",
      mode: { yolo: false, afk: false },
    });
    const list = new HookList(options.hooks ?? [], logger);
    if (options.subscriptions !== undefined) list.introduce(options.subscriptions);
    const processes = createProcessGroups({ logger });
    const hooks = new SessionHooks({
      list,
      channel: sessionHookChannel(recorder, (answer) => ({ action: "allow", reason: "", ...(answer as object) })),
      commands: { processes, env: { PATH: process.env.PATH ?? "" }, cwd: workDir },
      sessionId: "S1",
      resumed: options.share !== undefined,
      logger,
    });
    const loop = { ...LOOP, ...options.loop };
    const toolset = fakeToolset(...(options.tools ?? []));
    const paths = sessionPaths(share.shareDir, workDir, "S1");
    ended.push(async () => {
      await processes.close();
      approvals.gate.close();
      log.close({ clean: true });
      if (options.share === undefined) share.remove();
    });
    return { share, workDir, provider, sink, logger, log, recorder, approvals, hooks, loop, toolset, paths };
  }

  function session(options: FixtureOptions = {}): SessionFixture {
    const made = parts(options);
    const { share, workDir, provider, sink, logger, log, recorder, approvals, hooks, toolset, paths } = made;
    const config = { loop_control: made.loop } as KernelConfig;
    let ids = 0;
    const planMode = new SessionPlanMode({
      state: log.state,
      recorder,
      sessionId: log.sessionId,
      shareDir: share.shareDir,
      supported: () => true,
      start: options.planStart ?? { always: false, new: false },
    });
    const conversation = new Conversation({
      recorder,
      config,
      toolset,
      gate: approvals.gate,
      hooks,
      workDir,
      workspace: { workDir, additionalDirs: [], shareDir: share.shareDir, addDir: () => {} },
      findCommand: async () => null,
      promptTail: async () => [],
      mail: null,
      maxContextTokens: provider.maxContextSize,
      provider: new SessionProvider(
        options.createProvider === undefined ? async () => provider : options.createProvider,
      ),
      systemPrompt: () => options.systemPrompt ?? "SYSTEM",
      toggleMode: approvals.toggleMode,
      planMode,
      newSourceId: () => "0".repeat(32),
      freshCallId: () => `fresh_${++ids}`,
      random: () => 0,
      logger,
    });
    const records = options.records ?? (() => replaySession(paths));
    return {
      session: new Session({
        recorder,
        conversation,
        planMode,
        hooks,
        logger,
        records,
        resumes: () => options.resumes === true,
      }),
      conversation,
      planMode,
      hooks,
      log,
      recorder,
      sink,
      provider,
      share,
      workDir,
      contextRoles: () => lines(paths.context).map((line) => String(line.role)),
      journal: () => lines(paths.journal),
      abandon: () => rmSync(paths.lock),
    };
  }

  /** What runTurn needs, over a session whose log is held. */
  async function turn(options: FixtureOptions = {}) {
    const made = parts(options);
    const { workDir, provider, sink, log, recorder, approvals, hooks, loop, toolset, paths } = made;
    await log.acquire();
    log.beginTurn({ kind: "turn", turn_id: "t", client_id: null, user_input: "x" });
    const history = new History(
      { systemPrompt: "SYSTEM", messages: [], nextCheckpoint: 0, tokenCount: null },
      { append: (records, steerId) => log.context(records, steerId), rotate: (records) => log.rotateContext(records) },
    );
    let ids = 0;
    const steers = new SteerQueue();
    const deps: TurnDeps & { steers: SteerQueue } = {
      recorder,
      toolset,
      gate: approvals.gate,
      hooks,
      workDir,
      provider,
      history,
      loop,
      steers,
      maxAttempts: loop.max_retries_per_step,
      guard: new RepeatGuard(),
      origin: { sourceKind: "foreground_turn", sourceId: "0".repeat(32), agentId: null, subagentType: null },
      random: () => 0,
      freshId: () => `fresh_${++ids}`,
      planMode: () => false,
    };
    return { deps, sink, provider, log, recorder, history, journal: () => lines(paths.journal) };
  }

  return { session, turn };
}

/** The JSON lines of a file; [] when there is none. */
export function lines(path: string): Record<string, unknown>[] {
  if (!existsSync(path)) return [];
  const all = readFileSync(path, "utf8").split("\n");
  return all.filter((line) => line !== "").map((line) => JSON.parse(line));
}
