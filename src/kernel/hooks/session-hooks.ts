/** The hooks of one session: what each moment is about and what its hooks are told (wire.md 3.8). */

import { settledWithin } from "../abort.js";
import type { ContentPart } from "../messages.js";
import { inputText } from "../turn/user-input.js";
import { type HookMoment, HookRunner, type HookRunnerDeps } from "./hook-runner.js";
import type { CompactionTrigger, HookBlock, Hooks, ToolUse, ToolUseResult } from "./hooks.js";

/** How long the end of a turn waits for hooks that it does not depend on, so that their answers are still shown. */
const LAST_ANSWERS_MS = 100;
const SESSION_END_MS = 5_000;
/** The same when the process was told to stop: its host will not wait. */
const STOPPING_MS = 1_000;
const TOOL_OUTPUT_CHARS = 50_000;

export interface SessionHooksDeps extends HookRunnerDeps {
  /** The session was there before this process. */
  resumed: boolean;
}

interface TurnScope {
  readonly signal: AbortSignal;
  readonly over: AbortController;
  readonly open: Set<Promise<unknown>>;
}

export class SessionHooks implements Hooks {
  readonly #deps: SessionHooksDeps;
  readonly #runner: HookRunner;
  /** Life of what belongs to no turn. */
  readonly #life = new AbortController();
  #started: Promise<void> | null = null;
  #turn: TurnScope | null = null;

  constructor(deps: SessionHooksDeps) {
    this.#deps = deps;
    this.#runner = new HookRunner(deps);
  }

  /** Runs the hooks of SessionStart, once. Never rejects; ends with `end` at the latest. */
  start(): Promise<void> {
    const source = this.#deps.resumed ? "resume" : "startup";
    this.#started ??= this.#quietly({ event: "SessionStart", target: source, data: { source } }, this.#life.signal);
    return this.#started;
  }

  /** From now on events are shown and belong to this turn; `signal` is its cancel. */
  beginTurn(signal: AbortSignal): void {
    this.#turn = { signal, over: new AbortController(), open: new Set() };
  }

  /** Settles what the turn does not wait for, so that nothing comes behind TurnEnd. Never rejects; bounded. */
  async endTurn(): Promise<void> {
    const turn = this.#turn;
    if (turn === null) return;
    await settledWithin(Promise.all(turn.open), LAST_ANSWERS_MS);
    turn.over.abort(new Error("The turn is over."));
    await Promise.all(turn.open);
    this.#turn = null;
  }

  /** Runs the hooks of SessionEnd when the session had a start, at most 5 s, 1 s once `stop` has aborted. Never rejects. */
  async end(stop: AbortSignal): Promise<void> {
    this.#life.abort(new Error("The session ends."));
    if (this.#started === null) return;
    const limit = new AbortController();
    const timeUp = () => limit.abort(new Error("The time for the end is over."));
    const timers = [setTimeout(timeUp, SESSION_END_MS)];
    const hurry = () => void timers.push(setTimeout(timeUp, STOPPING_MS));
    stop.addEventListener("abort", hurry, { once: true });
    if (stop.aborted) hurry();
    await this.#quietly({ event: "SessionEnd", target: "exit", data: { reason: "exit" } }, limit.signal);
    stop.removeEventListener("abort", hurry);
    for (const timer of timers) clearTimeout(timer);
  }

  /** Before a turn begins. null: it may. `resumed`: they were asked before, by a kernel that died before the answer. */
  async promptSubmitted(
    input: string | readonly ContentPart[],
    signal: AbortSignal,
    resumed = false,
  ): Promise<HookBlock | null> {
    const target = typeof input === "string" ? input : "";
    const prompt = typeof input === "string" ? input : inputText(input);
    const data = resumed ? { prompt, resumed } : { prompt };
    return await this.#ask({ event: "UserPromptSubmit", target, data }, signal);
  }

  /** When a turn is about to end well. `resumed` as for promptSubmitted. */
  async stopping(signal: AbortSignal, resumed = false): Promise<HookBlock | null> {
    const data = { stop_hook_active: false, ...(resumed ? { resumed } : {}) };
    return await this.#ask({ event: "Stop", target: "", data }, signal);
  }

  /** When a turn ends in an error of this class. */
  stopFailed(errorType: string, message: string): void {
    this.#fire({ event: "StopFailure", target: errorType, data: { error_type: errorType, error_message: message } });
  }

  async beforeTool(use: ToolUse, signal: AbortSignal, resumed = false): Promise<HookBlock | null> {
    const input = toolData(use);
    if (input === null) return null;
    const data = resumed ? { ...input, resumed } : input;
    const { toolCallId, agentId } = use;
    const moment = { event: "PreToolUse", target: use.name, data, toolCallId, agentId } as const;
    return await this.#ask(moment, signal, !use.background);
  }

  afterTool(use: ToolUse, result: ToolUseResult): void {
    const event = result.isError ? "PostToolUseFailure" : "PostToolUse";
    const said = result.isError ? { error: result.message } : { tool_output: outputText(result.output) };
    const data = { ...toolData(use), ...said };
    const { toolCallId, agentId } = use;
    this.#fire({ event, target: use.name, data, toolCallId, agentId }, !use.background);
  }

  async beforeCompaction(trigger: CompactionTrigger, tokens: number, signal: AbortSignal): Promise<void> {
    await this.#ask({ event: "PreCompact", target: trigger, data: { trigger, token_count: tokens } }, signal);
  }

  afterCompaction(trigger: CompactionTrigger, tokens: number): void {
    this.#fire({ event: "PostCompact", target: trigger, data: { trigger, estimated_token_count: tokens } });
  }

  async subagentStarting(agentName: string, prompt: string, signal: AbortSignal): Promise<void> {
    await this.#ask({ event: "SubagentStart", target: agentName, data: { agent_name: agentName, prompt } }, signal);
  }

  subagentStopped(agentName: string, response: string): void {
    this.#fire({ event: "SubagentStop", target: agentName, data: { agent_name: agentName, response } });
  }

  notified({ sink, type, title, body, severity }: Parameters<Hooks["notified"]>[0]): void {
    const data = { sink, notification_type: type, title, body, severity };
    this.#fire({ event: "Notification", target: type, data });
  }

  async #ask(moment: HookMoment, signal: AbortSignal, inTurn = true): Promise<HookBlock | null> {
    const outcome = await this.#runner.run(moment, { signal, show: inTurn && this.#turn !== null });
    return outcome?.action === "block" ? { reason: outcome.reason } : null;
  }

  #fire(moment: HookMoment, inTurn = true): void {
    const turn = inTurn ? this.#turn : null;
    const done =
      turn === null
        ? this.#quietly(moment, this.#life.signal)
        : this.#quietly(moment, turn.signal, { over: turn.over.signal, show: true });
    turn?.open.add(done);
    void done.then(() => turn?.open.delete(done));
  }

  async #quietly(moment: HookMoment, signal: AbortSignal, how: { over?: AbortSignal; show?: boolean } = {}) {
    try {
      await this.#runner.run(moment, { signal, show: false, ...how });
    } catch (error) {
      if (!signal.aborted) this.#deps.logger.error({ err: error, event: moment.event }, "hooks could not be run");
    }
  }
}

/** null when the arguments are no JSON object: such a call ends in an error by itself. */
function toolData(use: ToolUse): Record<string, unknown> | null {
  const text = use.arguments?.trim() ?? "";
  try {
    const tool_input: unknown = JSON.parse(text === "" ? "{}" : text);
    if (typeof tool_input !== "object" || tool_input === null || Array.isArray(tool_input)) return null;
    return { tool_name: use.name, tool_input, tool_call_id: use.toolCallId };
  } catch {
    return null;
  }
}

/** The text of an output; pictures are of no use to a hook. */
function outputText(output: string | readonly ContentPart[]): string {
  const texts = typeof output === "string" ? [output] : output.map((part) => (part.type === "text" ? part.text : ""));
  return texts.join("").slice(0, TOOL_OUTPUT_CHARS);
}
