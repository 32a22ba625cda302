/**
 * One session: at most one activity (a turn or a replay) at a time, its steers, its cancellation and its end.
 * What a turn does is in conversation.ts; what is stored is in storage/.
 */
import { randomUUID } from "node:crypto";
import { orAbort, settled, settledWithin } from "../abort.js";
import { errorMessage, KernelError } from "../errors.js";
import type { HookBlock } from "../hooks/hooks.js";
import type { SessionHooks } from "../hooks/session-hooks.js";
import type { Logger } from "../logger.js";
import type { ContentPart } from "../messages.js";
import type { SessionPlanMode } from "../planning/session-plan-mode.js";
import type { WireRecord } from "../storage/replay.js";
import type { SessionLog } from "../storage/session-log.js";
import { requireMediaSize } from "../turn/media-size.js";
import { SteerQueue } from "../turn/steer-queue.js";
import type { TurnResult } from "../turn/turn.js";
import { errorClass } from "../turn/turn-error.js";
import type { TurnRecorder } from "../turn/turn-recorder.js";
import { type InboundInput, normaliseInput } from "../turn/user-input.js";
import type { Conversation } from "./conversation.js";
import { repairNotice } from "./repair-notice.js";
import { type ReplayResult, runReplay } from "./replay-run.js";
import { kernelStopped, noTurn } from "./session-errors.js";
import { switchPlanMode } from "./switch-plan-mode.js";

interface TurnActivity {
  kind: "turn";
  controller: AbortController;
  steers: SteerQueue;
  /** Set when the end is decided: a cancel that comes later changes nothing. */
  ended: boolean;
}

interface ReplayActivity {
  kind: "replay";
  controller: AbortController;
}

/** Reason of the abort when the client or the process asked for it. */
class TurnCancelled extends Error {
  constructor(why: string) {
    super(`The turn was cancelled: ${why}.`);
    this.name = "TurnCancelled";
  }
}

export interface SessionDeps {
  recorder: TurnRecorder;
  conversation: Conversation;
  planMode: SessionPlanMode;
  hooks: SessionHooks;
  logger: Logger;
  /** Everything that was ever recorded for a client, in order; read lazily. */
  records: () => Iterable<WireRecord>;
}

/** Owner of what runs. The log is acquired by the first turn and closed by `close`. */
export class Session {
  readonly #deps: SessionDeps;
  readonly #log: SessionLog;
  readonly #recorder: TurnRecorder;
  readonly #conversation: Conversation;
  readonly #logger: Logger;
  #activity: TurnActivity | ReplayActivity | null = null;
  #settled: Promise<unknown> = Promise.resolve();
  #closing = false;
  #stopped = false;
  /** What the client has not been told yet. */
  #repairs: string[] = [];

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#log = deps.recorder.log;
    this.#recorder = deps.recorder;
    this.#conversation = deps.conversation;
    this.#logger = deps.logger;
  }

  get busy(): boolean {
    return this.#activity !== null;
  }

  /** True while a turn runs whose end is not decided. */
  get turnRunning(): boolean {
    return this.#activity?.kind === "turn" && !this.#activity.ended;
  }

  /** Throws KernelError `turn_in_progress` while a turn or a replay runs. */
  requireIdle(): void {
    if (this.busy || this.#closing) throw new KernelError("turn_in_progress", "An agent turn is already in progress");
  }

  /**
   * Runs one turn to its end. Resolves after TurnEnd was delivered. Rejects with KernelError or ProviderError when the
   * turn ended in an error, and before TurnBegin when it could not start.
   */
  prompt(input: InboundInput, clientId: string | null): Promise<TurnResult> {
    this.requireIdle();
    requireMediaSize(input);
    const activity: TurnActivity = {
      kind: "turn",
      controller: new AbortController(),
      steers: new SteerQueue(),
      ended: false,
    };
    return this.#run(activity, () => this.#runTurn(input, clientId, activity));
  }

  /** Queues a message for the running turn. Throws `no_turn` when none runs or it no longer looks. */
  steer(input: InboundInput, clientId: string | null): void {
    const activity = this.#activity;
    if (activity?.kind === "replay") return;
    if (activity === null || activity.ended || !activity.steers.isOpen) throw noTurn();
    requireMediaSize(input);
    const id = randomUUID();
    const userInput = normaliseInput(input);
    if (this.#log.held) {
      this.#log.note({ kind: "steer", steer_id: id, client_id: clientId, user_input: userInput });
    }
    activity.steers.push({ id, userInput });
  }

  /** Stops what runs; answers at once. Throws `no_turn` when nothing runs. */
  cancel(clientId: string | null): void {
    const activity = this.#activity;
    if (activity === null) throw noTurn();
    if (activity.kind === "turn") {
      if (activity.ended) return;
      if (this.#log.held && !activity.controller.signal.aborted) this.#noteCancel(clientId);
    }
    activity.controller.abort(new TurnCancelled("the client asked for it"));
  }

  /** Switches plan mode at any time, also in the middle of a turn. Returns the new state; throws as switchPlanMode does. */
  setPlanMode(enabled: boolean): Promise<boolean> {
    return switchPlanMode(enabled, this.#deps.planMode, this.#log, () => this.turnRunning);
  }

  /** Sends every record of wire.jsonl, or the given ones, again and in order, pausing while the client does not read. */
  replay(send: (records: readonly WireRecord[]) => void, records = this.#deps.records): Promise<ReplayResult> {
    this.requireIdle();
    const activity: ReplayActivity = { kind: "replay", controller: new AbortController() };
    const { signal } = activity.controller;
    return this.#run(activity, async () =>
      runReplay({ records: records(), send, ready: () => this.#recorder.sink.ready(), signal }),
    );
  }

  /**
   * Cancels what runs, waits for it, what ends beside it, and the driver (`graceMs` each), closes the log. Never throws.
   * `stopped`: the process was told to end, so the prompt that this cuts short fails instead of ending as cancelled.
   */
  async close(options: {
    clean: boolean;
    graceMs: number;
    beside?: Promise<unknown>;
    stopped?: boolean;
  }): Promise<void> {
    this.#closing = true;
    this.#stopped = options.stopped === true;
    if (this.#activity?.kind !== "turn" || !this.#activity.ended) {
      this.#activity?.controller.abort(new TurnCancelled("the kernel is closing"));
    }
    await settledWithin(Promise.all([this.#settled, options.beside]), options.graceMs);
    await settledWithin(this.#conversation.close(), options.graceMs);
    this.#log.close({ clean: options.clean });
  }

  #run<T>(activity: TurnActivity | ReplayActivity, work: () => Promise<T>): Promise<T> {
    this.#activity = activity;
    const result = work().finally(() => {
      this.#activity = null;
    });
    this.#settled = result.catch(() => {});
    return result;
  }

  async #runTurn(input: InboundInput, clientId: string | null, activity: TurnActivity): Promise<TurnResult> {
    const { signal } = activity.controller;
    const { hooks } = this.#deps;
    try {
      await orAbort(hooks.start(), signal);
      await orAbort(this.#recorder.waiting("storage", this.#log.acquire(signal)), signal);
    } catch (error) {
      if (signal.aborted && error === signal.reason) return { status: "cancelled" };
      throw error;
    }
    this.#repairs.push(...this.#conversation.open());
    const turnId = randomUUID();
    const userInput = normaliseInput(input);
    this.#recorder.beginTurn({ kind: "turn", turn_id: turnId, client_id: clientId, user_input: userInput });
    // Up to here the turn is refused: the client sees no TurnBegin and needs no TurnEnd.
    hooks.beginTurn(signal);
    const submitted = await settled(hooks.promptSubmitted(userInput, signal));
    this.#recorder.event("TurnBegin", { user_input: userInput });
    let result: TurnResult | null = null;
    let failure: unknown = null;
    try {
      this.#reportRepairs();
      result = await this.#answer(submitted(), userInput, activity);
    } catch (error) {
      if (signal.aborted && error === signal.reason) result = { status: "cancelled" };
      else failure = error;
    }
    if (failure !== null) hooks.stopFailed(errorClass(failure), errorMessage(failure));
    activity.ended = true;
    activity.steers.close();
    await hooks.endTurn();
    const outcome = result === null ? { error: String(failure) } : { result };
    const unrecorded = this.#recorder.turnEnd(turnId, outcome);
    if (unrecorded !== null) {
      this.#logger.error({ err: unrecorded, turnId }, "the end of the turn could not be recorded");
      failure ??= unrecorded;
    }
    if (failure === null && result?.status === "cancelled" && this.#stopped) failure = kernelStopped();
    if (failure !== null) throw failure;
    return result as TurnResult;
  }

  async #answer(
    blocked: HookBlock | null,
    userInput: string | ContentPart[],
    { steers, controller }: TurnActivity,
  ): Promise<TurnResult> {
    if (blocked === null) return await this.#conversation.run(userInput, steers, controller.signal);
    this.#conversation.say(blocked.reason === "" ? "Prompt blocked by hook." : blocked.reason);
    return { status: "finished" };
  }

  #reportRepairs(): void {
    const repairs = this.#repairs;
    if (repairs.length === 0) return;
    this.#repairs = [];
    this.#logger.warn({ repairs }, "the session was repaired on open");
    this.#recorder.event("Notification", repairNotice(this.#log.sessionId, repairs));
  }

  /** A cancel is for a turn that goes wrong: it must work on a full disk too. */
  #noteCancel(clientId: string | null): void {
    try {
      this.#log.note({ kind: "cancel", client_id: clientId });
    } catch (error) {
      this.#logger.error({ err: error }, "a cancel could not be recorded");
    }
  }
}
