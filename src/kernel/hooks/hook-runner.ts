/**
 * Runs the hooks of one moment beside each other: HookTriggered, HookRequests, HookResolved. The first no in the order
 * of the list wins; nobody waits for the hooks behind it, and nobody is asked any more.
 */

import { orAbort, settledWithin } from "../abort.js";
import { KernelError } from "../errors.js";
import type { Logger } from "../logger.js";
import { askClientHook } from "./client-hook.js";
import { type CommandHookPlace, runCommandHook } from "./command-hook.js";
import type { HookBatch, HookChannel } from "./hook-channel.js";
import { type HookEventName, honoursBlock } from "./hook-event.js";
import type { Hook, HookList } from "./hook-list.js";
import { ALLOWED, type HookOutcome } from "./hook-verdict.js";

/** How long a cancel waits for hook processes that are being ended (TERM, 50 ms, KILL). */
const KILL_GRACE_MS = 90;
const BLOCKED: HookOutcome = { action: "block", reason: "" };

/** Something happens that hooks may be about. */
export interface HookMoment {
  event: HookEventName;
  /** What matchers are held against. */
  target: string;
  /** What the event adds to input_data. */
  data: Readonly<Record<string, unknown>>;
  toolCallId?: string;
  /** The subagent whose call that is. */
  agentId?: string | null;
}

/** How long a batch lives and who hears of it. */
export interface HookScope {
  /** Aborts on cancel: processes end, the batch is over. */
  signal: AbortSignal;
  /** Aborts when nobody waits any more: the batch is reported as allowed, commands run on to their end. */
  over?: AbortSignal;
  /** The client is told by events. */
  show: boolean;
}

export interface HookRunnerDeps {
  list: HookList;
  channel: HookChannel;
  commands: CommandHookPlace;
  sessionId: string;
  logger: Logger;
}

export class HookRunner {
  readonly #deps: HookRunnerDeps;

  constructor(deps: HookRunnerDeps) {
    this.#deps = deps;
  }

  /** null when no hook is about this. Rejects with the signal's reason, and with KernelError when it cannot be recorded. */
  run(moment: HookMoment, scope: HookScope): Promise<HookOutcome> | null {
    const hooks = this.#deps.list.matching(moment.event, moment.target);
    return hooks.length === 0 ? null : this.#runBatch(hooks, moment, scope);
  }

  async #runBatch(hooks: readonly Hook[], moment: HookMoment, scope: HookScope): Promise<HookOutcome> {
    const { channel, list } = this.#deps;
    const { signal, over } = scope;
    signal.throwIfAborted();
    const show = scope.show && list.introduced;
    const started = performance.now();
    const batch = this.#batch(hooks, moment);
    channel.asked(batch, show);
    const decided = (outcome: HookOutcome) =>
      channel.decided(batch, outcome, Math.round(performance.now() - started), show);
    // Whoever announces a moment may still have something to send first.
    await Promise.resolve();
    const requests = new AbortController();
    const asked = hooks.map((hook) => this.#ask(hook, batch, signal, requests.signal));
    try {
      const first = firstBlock(asked);
      const bounded = orAbort(over === undefined ? first : allowedWhenOver(first, over), signal);
      const outcome = await channel.waiting(bounded);
      decided(outcome);
      return outcome;
    } catch (error) {
      if (!signal.aborted) throw error;
      await settledWithin(Promise.all(asked), KILL_GRACE_MS);
      // Nothing may run on a decision that was never made.
      decided(moment.event === "PreToolUse" ? BLOCKED : ALLOWED);
      throw signal.reason;
    } finally {
      requests.abort(new Error("The hooks are decided."));
    }
  }

  #batch(hooks: readonly Hook[], { event, target, data, toolCallId, agentId }: HookMoment): HookBatch {
    const { channel, sessionId, commands } = this.#deps;
    return {
      id: channel.freshId(),
      event,
      target,
      blocking: honoursBlock(event),
      toolCallId: toolCallId ?? null,
      agentId: agentId ?? null,
      input: { hook_event_name: event, session_id: sessionId, cwd: commands.cwd, ...data },
      hooks: hooks.map((hook) =>
        hook.kind === "command" ? { command: hook.command } : { subscription_id: hook.subscriptionId },
      ),
    };
  }

  /** One hook's answer. Aborts end it with any answer: nobody looks. Rejects with KernelError. */
  async #ask(hook: Hook, batch: HookBatch, signal: AbortSignal, open: AbortSignal): Promise<HookOutcome> {
    try {
      if (hook.kind === "command") return await this.#askCommand(hook, batch, signal);
      return await this.#askClient(hook, batch, open);
    } catch (error) {
      if (error instanceof KernelError && !signal.aborted && !open.aborted) throw error;
      return ALLOWED;
    }
  }

  async #askCommand(hook: Hook & { kind: "command" }, batch: HookBatch, signal: AbortSignal): Promise<HookOutcome> {
    const verdict = await runCommandHook(hook, `${JSON.stringify(batch.input)}\n`, this.#deps.commands, signal);
    if (verdict.action !== "failed") return verdict;
    this.#warn(batch, verdict.problem);
    return hook.blockOnError ? { action: "block", reason: `The hook ${verdict.problem}.` } : ALLOWED;
  }

  async #askClient(hook: Hook & { kind: "client" }, batch: HookBatch, signal: AbortSignal): Promise<HookOutcome> {
    const { channel } = this.#deps;
    const { event, target, input } = batch;
    const id = channel.freshId();
    const payload = { id, subscription_id: hook.subscriptionId, event, target, input_data: input };
    const verdict = await askClientHook(channel, payload, hook.timeoutMs, signal);
    if (verdict.action === "gone") return event === "PreToolUse" ? BLOCKED : ALLOWED;
    if (verdict.action !== "failed") return verdict;
    this.#warn(batch, verdict.problem);
    return ALLOWED;
  }

  #warn(batch: HookBatch, problem: string): void {
    this.#deps.logger.warn({ event: batch.event, batch: batch.id, problem }, "a hook gave no answer");
  }
}

/** The first no in list order; later hooks are not waited for. */
async function firstBlock(asked: readonly Promise<HookOutcome>[]): Promise<HookOutcome> {
  // One that fails behind a decision is nobody's business any more.
  for (const answer of asked) answer.catch(() => {});
  for (const answer of asked) {
    const outcome = await answer;
    if (outcome.action === "block") return outcome;
  }
  return ALLOWED;
}

async function allowedWhenOver(first: Promise<HookOutcome>, over: AbortSignal): Promise<HookOutcome> {
  try {
    return await orAbort(first, over);
  } catch (error) {
    if (!over.aborted) throw error;
    return ALLOWED;
  }
}
