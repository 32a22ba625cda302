/** What one turn of a session does: a slash command, or the loop with the model. Owns history, provider and prefix. */
import type { ApprovalGate } from "../approval/approval-gate.js";
import type { ApprovalMode } from "../approval/policy.js";
import type { KernelConfig } from "../config/config.js";
import { errorMessage } from "../errors.js";
import { innerTurn } from "../flows/inner-turn.js";
import type { SessionHooks } from "../hooks/session-hooks.js";
import type { Logger } from "../logger.js";
import type { ContentPart } from "../messages.js";
import { planReminders } from "../planning/plan-reminder.js";
import type { SessionPlanMode } from "../planning/session-plan-mode.js";
import { frozenPrefix, prefixChange } from "../prompt/prefix.js";
import type { PromptTail } from "../prompt/prompt-tail.js";
import { builtinCommands, findCommand } from "../slash/builtin-commands.js";
import { parseSlash } from "../slash/parse-slash.js";
import { FINISHED, type SlashCommand, type SlashContext, type Workspace } from "../slash/slash-command.js";
import type { FrozenPrefix } from "../storage/session-log.js";
import type { TurnPosition } from "../storage/turn-position.js";
import type { Toolset } from "../tools/toolset.js";
import { compact } from "../turn/compaction.js";
import type { DmailBox } from "../turn/dmail.js";
import { type ContextSink, discardContext, History } from "../turn/history.js";
import { RepeatGuard } from "../turn/repeat-guard.js";
import type { SteerQueue } from "../turn/steer-queue.js";
import { runTurn, type TurnDeps, type TurnResult } from "../turn/turn.js";
import type { TurnRecorder } from "../turn/turn-recorder.js";
import { inputText } from "../turn/user-input.js";
import type { BackgroundWork } from "./background-work.js";
import { runPrompt } from "./prompt-run.js";
import type { SessionProvider } from "./session-provider.js";
import { titleFrom } from "./title.js";

export interface ConversationDeps {
  recorder: TurnRecorder;
  config: KernelConfig;
  toolset: Toolset;
  gate: ApprovalGate;
  hooks: SessionHooks;
  workDir: string;
  workspace: Workspace;
  /** Commands beside the built-in ones, by the name that was typed; null when there is none. */
  findCommand: (name: string) => Promise<SlashCommand | null>;
  promptTail: PromptTail;
  /** null for an agent that cannot return to checkpoints. */
  mail: DmailBox | null;
  /** Tokens of the configured model's window; 0 without one. */
  maxContextTokens: number;
  provider: SessionProvider;
  /** The text of a new session. */
  systemPrompt: () => string;
  /** Flips a mode of the approvals and gives its new state. */
  toggleMode: (name: keyof ApprovalMode) => boolean;
  planMode: SessionPlanMode;
  /** Fresh hex id of 32 digits. */
  newSourceId: () => string;
  freshCallId: () => string;
  /** Work that goes on beside and between the turns. */
  background?: BackgroundWork;
  random: () => number;
  logger: Logger;
  /** Brings the listed tools up to date before a turn; `listed` are those of the stored prefix. */
  joinTools?: (listed: readonly string[] | null, signal: AbortSignal) => Promise<void>;
}

/** The one of a session. Runs one turn at a time; `close` ends the driver. */
export class Conversation {
  readonly #deps: ConversationDeps;
  #history: History | null = null;
  #prefix: FrozenPrefix | null = null;

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
  }

  /** Reads the stored conversation, once, after the log was acquired. Returns what had to be repaired. Throws KernelError. */
  open(): string[] {
    if (this.#history !== null) return [];
    const { log } = this.#deps.recorder;
    const loaded = log.load();
    this.#deps.planMode.begin(loaded.empty);
    const sink: ContextSink = {
      append: (records) => log.context(records),
      rotate: (records) => log.rotateContext(records),
    };
    const text = loaded.systemPrompt ?? this.#deps.systemPrompt();
    if (loaded.systemPrompt === null) log.context([{ role: "_system_prompt", content: text }]);
    const { mail } = this.#deps;
    this.#history = new History({ ...loaded, systemPrompt: text, announceCheckpoints: mail !== null }, sink);
    mail?.attach(this.#history);
    this.#prefix = loaded.prefix;
    return loaded.repairs;
  }

  /** Runs one turn's work for this input; hooks of Stop may send it on once more. Throws as runTurn does. */
  async run(userInput: string | ContentPart[], steers: SteerQueue, signal: AbortSignal): Promise<TurnResult> {
    const { background } = this.#deps;
    background?.turnBegan();
    try {
      return await this.#run(userInput, steers, signal);
    } finally {
      background?.turnEnding();
    }
  }

  /** Goes on with a turn whose kernel died. As `run`. */
  async resume({ userInput }: TurnPosition, steers: SteerQueue, signal: AbortSignal): Promise<TurnResult> {
    return await this.run(userInput, steers, signal);
  }

  /** Shows a text to the user without asking the model. */
  say(text: string): void {
    this.#deps.recorder.event("ContentPart", { type: "text", text });
  }

  async #run(userInput: string | ContentPart[], steers: SteerQueue, signal: AbortSignal): Promise<TurnResult> {
    const result = await this.#answer(userInput, steers, signal);
    // The last inner turn of a flow leaves the queue open.
    steers.close();
    if (result.status !== "finished") return result;
    const block = await this.#deps.hooks.stopping(signal);
    if (block === null || block.reason === "") return result;
    steers.reopen();
    return await runTurn(block.reason, await this.#turnDeps(this.#openHistory(), steers, signal), signal);
  }

  async #answer(userInput: string | ContentPart[], steers: SteerQueue, signal: AbortSignal): Promise<TurnResult> {
    const slash = parseSlash(inputText(userInput));
    if (slash !== null) {
      const command = findCommand(builtinCommands, slash.name) ?? (await this.#deps.findCommand(slash.name));
      if (command !== null) return await command.run(slash.args, this.#slashContext(steers, signal));
      this.say(`Unknown slash command "/${slash.name}".`);
      return FINISHED;
    }
    const result = await runPrompt({
      userInput,
      tail: await this.#deps.recorder.waiting(
        "storage",
        this.#deps.promptTail(inputText(userInput), this.#openHistory().messages),
      ),
      ralphIterations: this.#deps.config.loop_control.max_ralph_iterations,
      turnDeps: () => this.#turnDeps(this.#openHistory(), steers, signal),
      signal,
    });
    this.#setTitle(inputText(userInput));
    return result;
  }

  /** Loads what the first prompt will need, so that it need not wait. Never throws. */
  async warmUp(): Promise<void> {
    const tools = this.#deps.toolset.definitions();
    await Promise.allSettled([tools, this.#deps.provider.warmUp()]);
  }

  /** Closes the driver, if there is one. Never rejects. */
  close(): Promise<void> {
    return this.#deps.provider.close();
  }

  #openHistory(): History {
    if (this.#history === null) throw new Error("The conversation was not opened");
    return this.#history;
  }

  async #turnDeps(history: History, steers: SteerQueue, signal?: AbortSignal): Promise<TurnDeps> {
    const { background, recorder, config, toolset, gate, hooks, workDir, random, planMode } = this.#deps;
    const remind = planReminders(planMode);
    const provider = await this.#deps.provider.get();
    if (signal !== undefined) await this.#deps.joinTools?.(this.#prefix?.tools ?? null, signal);
    await this.#freezePrefix(history);
    return {
      recorder,
      toolset,
      gate,
      hooks,
      workDir,
      random,
      provider,
      history,
      steers,
      loop: config.loop_control,
      maxAttempts: config.loop_control.max_retries_per_step,
      guard: new RepeatGuard(),
      origin: { sourceKind: "foreground_turn", sourceId: this.#deps.newSourceId(), agentId: null, subagentType: null },
      freshId: this.#deps.freshCallId,
      planMode: () => planMode.active,
      afterResults: () => planMode.announceChange(),
      mail: history === this.#history ? this.#deps.mail : null,
      notices: () => [
        ...remind(history.messages),
        // What is said to a throw-away conversation is soon forgotten.
        ...(background === undefined || history !== this.#history ? [] : background.takeMessages()),
      ],
    };
  }

  /** The prefix is stored with the session; a change (the client offered other tools) is recorded, never silent. */
  async #freezePrefix(history: History): Promise<void> {
    const now = frozenPrefix(history.systemPrompt, await this.#deps.toolset.definitions());
    const change = this.#prefix === null ? "new session" : prefixChange(this.#prefix, now);
    if (change === null) return;
    const { log } = this.#deps.recorder;
    if (this.#prefix !== null) log.note({ kind: "notice", code: "prefix_changed", data: { what: change } });
    log.freeze(now);
    this.#prefix = now;
  }

  #slashContext(steers: SteerQueue, signal: AbortSignal): SlashContext {
    const { recorder, workDir, gate } = this.#deps;
    const history = this.#openHistory();
    return {
      signal,
      recorder,
      history,
      workDir,
      workspace: this.#deps.workspace,
      sessionId: recorder.log.sessionId,
      maxContextTokens: this.#deps.maxContextTokens,
      say: (text) => this.say(text),
      toggleMode: this.#deps.toggleMode,
      grants: { list: () => gate.listGrants(), revoke: (id) => gate.revokeGrant(id) },
      planMode: this.#deps.planMode,
      compact: async (focus) => {
        const trigger = focus === "" ? "manual" : "manual-with-prompt";
        await compact(await this.#turnDeps(history, steers), focus, signal, trigger);
      },
      runAside: async (prompt) => {
        const seed = { systemPrompt: history.systemPrompt, messages: [], nextCheckpoint: 0, tokenCount: null };
        return runTurn(prompt, await this.#turnDeps(new History(seed, discardContext), steers, signal), signal);
      },
      runHere: async (input) => runTurn(input, await this.#turnDeps(history, steers, signal), signal),
      runInner: async (input) => innerTurn(input, [], await this.#turnDeps(history, steers, signal), signal),
    };
  }

  #setTitle(text: string): void {
    const { state } = this.#deps.recorder.log;
    if (state.data.custom_title !== null || text === "") return;
    try {
      state.update({ custom_title: titleFrom(text) });
    } catch (error) {
      this.#deps.logger.warn({ error: errorMessage(error) }, "the session's title could not be stored");
    }
  }
}
