/** What one turn of a session does: a slash command, or the loop with the model. Owns history, provider and prefix. */
import { errorMessage } from "../errors.js";
import type { ContentPart } from "../messages.js";
import { planReminders } from "../planning/plan-reminder.js";
import { frozenPrefix, prefixChange } from "../prompt/prefix.js";
import { builtinCommands, findCommand } from "../slash/builtin-commands.js";
import { parseSlash, type SlashInput } from "../slash/parse-slash.js";
import { FINISHED, type SlashContext } from "../slash/slash-command.js";
import type { FrozenPrefix } from "../storage/session-log.js";
import type { TurnPosition } from "../storage/turn-position.js";
import { compact } from "../turn/compaction.js";
import { type ContextSink, History, unstoredContext } from "../turn/history.js";
import { RepeatGuard } from "../turn/repeat-guard.js";
import { resumeTurn } from "../turn/resume-turn.js";
import type { SteerQueue } from "../turn/steer-queue.js";
import { runTurn, type TurnDeps, type TurnResult } from "../turn/turn.js";
import { inputText } from "../turn/user-input.js";
import type { ConversationDeps } from "./conversation-deps.js";
import { runPrompt } from "./prompt-run.js";
import { titleFrom } from "./title.js";

/** One turn; `earlier` is where it stood when its kernel died. */
interface TurnWork {
  userInput: string | ContentPart[];
  earlier: TurnPosition | null;
  steers: SteerQueue;
  signal: AbortSignal;
}

/** The one of a session. Runs one turn at a time; `close` ends the driver. */
export class Conversation {
  readonly #deps: ConversationDeps;
  #history: History | null = null;
  #prefix: FrozenPrefix | null = null;
  /** Input of the turn that is gone on with, until it is. */
  #begunWith: TurnPosition["userInput"] | null = null;

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
  }

  /** Reads the stored conversation, once, from the held log; `goesOn` with its turn. Returns repairs. Throws KernelError. */
  open(goesOn = false): string[] {
    if (this.#history !== null) return [];
    const { log } = this.#deps.recorder;
    const loaded = log.load();
    this.#deps.planMode.begin(loaded.empty, goesOn);
    const sink: ContextSink = {
      append: (records, steerId) => log.context(records, steerId),
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
  run(userInput: string | ContentPart[], steers: SteerQueue, signal: AbortSignal): Promise<TurnResult> {
    return this.#work({ userInput, earlier: null, steers, signal });
  }

  /** Runs the rest of a turn whose kernel died, once `open` has read what that one stored. As `run` otherwise. */
  resume(position: TurnPosition, steers: SteerQueue, signal: AbortSignal): Promise<TurnResult> {
    const { recorder } = this.#deps;
    this.#begunWith = position.inner?.userInput ?? position.userInput;
    for (const end of position.openBrackets) recorder.event(end, {});
    for (const user_input of position.unshownSteers) recorder.event("SteerInput", { user_input });
    return this.#work({ userInput: position.userInput, earlier: position, steers, signal });
  }

  /** Shows a text to the user without asking the model. */
  say(text: string): void {
    this.#deps.recorder.event("ContentPart", { type: "text", text });
  }

  async #work(work: TurnWork): Promise<TurnResult> {
    const { background } = this.#deps;
    background?.turnBegan();
    try {
      return await this.#answerAndStop(work);
    } finally {
      background?.turnEnding();
    }
  }

  async #answerAndStop(work: TurnWork): Promise<TurnResult> {
    const { earlier, steers, signal } = work;
    const asked = earlier?.stopHook ?? null;
    const turnDeps = () => this.#turnDeps(this.#openHistory(), steers, signal);
    if (earlier !== null && asked?.said === true) return await resumeTurn(earlier, await turnDeps(), signal);
    let block = asked?.verdict ?? null;
    if (block?.action !== "block") {
      const result = await this.#answer(work);
      // The last inner turn of a flow leaves the queue open.
      steers.close();
      // What a hook had allowed to end may not have ended, because of a steer; it is not asked twice all the same.
      if (result.status !== "finished" || block !== null) return result;
      const reason = (await this.#deps.hooks.stopping(signal, asked !== null))?.reason ?? "";
      block = reason === "" ? null : { action: "block", reason };
    }
    if (block === null || block.reason === "") return { status: "finished" };
    steers.reopen();
    return await runTurn(block.reason, await turnDeps(), signal);
  }

  async #answer(work: TurnWork): Promise<TurnResult> {
    const { userInput, earlier, steers, signal } = work;
    const { recorder, config, promptTail } = this.#deps;
    const text = inputText(userInput);
    const history = this.#openHistory();
    const turnDeps = () => this.#turnDeps(history, steers, signal);
    const slash = parseSlash(text);
    if (slash !== null) {
      const run = () => this.#command(slash, work);
      if (earlier === null) return await run();
      const { resumeCommand } = await import("./resume-command.js");
      const { maxContextTokens } = this.#deps;
      const known = { command: slash, position: earlier, recorder, history, maxContextTokens };
      return await resumeCommand({ ...known, turnDeps, run, signal });
    }
    const result = await runPrompt({
      userInput,
      tail: await recorder.waiting("storage", promptTail(text, history.messages)),
      ralphIterations: config.loop_control.max_ralph_iterations,
      turnDeps,
      recorder,
      earlier,
      signal,
    });
    this.#setTitle(text);
    return result;
  }

  async #command({ name, args }: SlashInput, work: TurnWork): Promise<TurnResult> {
    const command = findCommand(builtinCommands, name) ?? (await this.#deps.findCommand(name));
    if (command !== null) return await command.run(args, this.#slashContext(work));
    this.say(`Unknown slash command "/${name}".`);
    return FINISHED;
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
    const remind = planReminders(planMode, this.#begunWith);
    this.#begunWith = null;
    // What is said to a throw-away conversation is soon forgotten.
    const tasks = history === this.#history ? background : undefined;
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
      notices: function* () {
        yield* remind(history.messages);
        for (const said of tasks?.takeMessages() ?? []) if (!history.holds(said)) yield said;
      },
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

  #slashContext({ steers, signal, earlier }: TurnWork): SlashContext {
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
        const aside = new History(seed, unstoredContext(recorder));
        return runTurn(prompt, await this.#turnDeps(aside, steers, signal), signal);
      },
      runHere: async (input) => runTurn(input, await this.#turnDeps(history, steers, signal), signal),
      runFlow: async (flow, request) => {
        const { runFlowTurns } = await import("../flows/flow-turns.js");
        const turnDeps = () => this.#turnDeps(history, steers, signal);
        return runFlowTurns({ flow, request, tail: [], turnDeps, earlier, recorder, signal });
      },
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
