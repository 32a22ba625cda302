/** The turns of one session, from the session's lock to TurnEnd: fresh ones, and one that outlived its kernel. */
import { randomUUID } from "node:crypto";
import { orAbort, settled } from "../abort.js";
import { errorMessage } from "../errors.js";
import type { HookBlock } from "../hooks/hooks.js";
import type { SessionHooks } from "../hooks/session-hooks.js";
import type { Logger } from "../logger.js";
import type { SessionLog } from "../storage/session-log.js";
import { parkedError } from "../storage/storage-error.js";
import type { TurnPosition } from "../storage/turn-position.js";
import type { TurnResult } from "../turn/turn.js";
import { errorClass } from "../turn/turn-error.js";
import type { TurnRecorder } from "../turn/turn-recorder.js";
import { type InboundInput, normaliseInput } from "../turn/user-input.js";
import type { Conversation } from "./conversation.js";
import { recordError, recordedResult } from "./recorded-error.js";
import { repairNotice } from "./repair-notice.js";
import { kernelStopped } from "./session-errors.js";
import type { TurnActivity } from "./turn-activity.js";

export interface SessionTurnsDeps {
  recorder: TurnRecorder;
  conversation: Conversation;
  hooks: SessionHooks;
  logger: Logger;
  /** True for a client that goes on with turns that outlive a kernel, and so has to see how they end. */
  resumes: () => boolean;
}

/** Runs one turn at a time; its owner sees to that. */
export class SessionTurns {
  readonly #deps: SessionTurnsDeps;
  readonly #log: SessionLog;
  readonly #recorder: TurnRecorder;
  #stopped = false;
  #parked = false;
  #unrecorded: { turnId: string; error: unknown } | null = null;
  /** What the client has not been told yet. */
  #repairs: string[] = [];

  constructor(deps: SessionTurnsDeps) {
    this.#deps = deps;
    this.#recorder = deps.recorder;
    this.#log = deps.recorder.log;
  }

  /** The process was told to end: a turn that is cut short fails instead of ending as cancelled. */
  stop(): void {
    this.#stopped = true;
  }

  get parked(): boolean {
    return this.#parked;
  }

  /** Leaves the turn open: from now on nothing of it is recorded or delivered. */
  park(): void {
    this.#parked = true;
    this.#log.park();
  }

  /** A fresh turn. Resolves after TurnEnd; rejects with what ended it, or, before TurnBegin, with why it cannot be. */
  async begin(input: InboundInput, activity: TurnActivity): Promise<TurnResult> {
    const { hooks, conversation } = this.#deps;
    const { signal } = activity.controller;
    if (!(await this.#acquire(activity, this.#deps.resumes()))) return { status: "cancelled" };
    const meanwhile = this.#begunElsewhere(activity);
    if (meanwhile !== null) return await meanwhile;
    this.#settle();
    this.#repairs.push(...conversation.open());
    const turnId = randomUUID();
    const userInput = normaliseInput(input);
    const { clientId } = activity;
    this.#recorder.beginTurn({ kind: "turn", turn_id: turnId, client_id: clientId, user_input: userInput });
    activity.turnId = turnId;
    const begun = await settled(this.#beginning(activity, userInput, () => hooks.promptSubmitted(userInput, signal)));
    const submitted = this.#orRefused(turnId, begun);
    return await this.#finish(turnId, activity, async () => {
      this.#reportRepairs();
      const block = submitted();
      if (block === null) return await conversation.run(userInput, activity.steers, signal);
      return this.#blocked(block);
    });
  }

  /** Goes on with the open turn of the journal whose id the activity has, or ends it as it stands. As `begin` else. */
  async resume(action: "continue" | "settle", activity: TurnActivity): Promise<TurnResult> {
    const { conversation } = this.#deps;
    const { signal } = activity.controller;
    if (!(await this.#acquire(activity, true))) return { status: "cancelled" };
    if (signal.aborted && this.#log.openTurn()?.turnId === activity.turnId) this.#recorded(activity);
    const open = this.#log.openTurn();
    const isOpen = open !== null && open.turnId === activity.turnId;
    if (!isOpen || open.cancelled || action === "settle") return this.#settledResult(isOpen || open === null, activity);
    const position = this.#log.continueTurn();
    this.#recorder.continueFrom(position.deliveredSeq);
    const early = activity.steers.drain();
    for (const steer of [...position.steers, ...early]) activity.steers.push(steer);
    const input = position.begun ? null : position.userInput;
    const ask = (): Promise<HookBlock | null> => {
      for (const end of position.openApprovals ?? []) this.#recorder.event("ApprovalResponse", end);
      for (const end of position.openHooks ?? []) this.#recorder.event("HookResolved", end);
      return this.#promptVerdict(position, signal);
    };
    const begun = await settled(this.#beginning(activity, input, ask));
    if (!position.begun) this.#orRefused(position.turnId, begun);
    return await this.#finish(position.turnId, activity, async () => {
      const submitted = begun();
      this.#repairs.push(...conversation.open(true));
      this.#reportRepairs();
      const block = submitted();
      if (block === null) return await conversation.resume(position, activity.steers, signal);
      return this.#wasSaid(position) ? { status: "finished" } : this.#blocked(block);
    });
  }

  /** The same prompt, that another kernel has begun while this one waited for the session; null when none has. */
  #begunElsewhere(activity: TurnActivity): Promise<TurnResult> | null {
    const known = activity.clientId === null ? null : this.#log.outcomeOf(activity.clientId);
    if (known?.kind !== "prompt") return null;
    activity.turnId = known.turn.turnId;
    if (this.#log.lastTurn()?.turnId === activity.turnId) return this.resume("continue", activity);
    return Promise.resolve(known.turn).then(recordedResult);
  }

  /** How a turn ended whose end is not on record, as it has to be told again: its error; null when that is not so. */
  unrecordedEnd(turnId: string): { error: unknown } | null {
    return this.#unrecorded?.turnId === turnId ? this.#unrecorded : null;
  }

  /** Up to TurnBegin, which is shown for `input`; null when it was shown. Gives what the hooks of the prompt say. */
  async #beginning(
    activity: TurnActivity,
    input: TurnPosition["userInput"] | null,
    ask: () => Promise<HookBlock | null>,
  ): Promise<() => HookBlock | null> {
    this.#recorded(activity);
    this.#deps.hooks.beginTurn(activity.controller.signal);
    const submitted = await settled(ask());
    if (input !== null) this.#recorder.event("TurnBegin", { user_input: input });
    return submitted;
  }

  /** A turn that could not begin is refused: the client sees no TurnBegin and needs no TurnEnd. */
  #orRefused<T>(turnId: string, begun: () => T): T {
    try {
      return begun();
    } catch (error) {
      this.#unrecorded = { turnId, error };
      throw error;
    }
  }

  /** False when the turn was cancelled while it waited, and nobody needs that on record. */
  async #acquire({ controller: { signal }, early }: TurnActivity, keepOpenTurn: boolean): Promise<boolean> {
    try {
      await orAbort(this.#deps.hooks.start(), signal);
      const acquired = this.#log.acquire(signal, { keepOpenTurn });
      await orAbort(this.#recorder.waiting("storage", acquired), signal);
      return true;
    } catch (error) {
      if (this.#parked) throw parkedError();
      if (!signal.aborted || error !== signal.reason) throw error;
      if (early?.mustBeRecorded !== true) return false;
      await this.#recorder.waiting("storage", this.#log.acquire(undefined, { keepOpenTurn }));
      return true;
    }
  }

  /** Nothing of it runs any more; what was missing of it is delivered, unless it is another turn that is open. */
  #settledResult(isThis: boolean, { turnId }: TurnActivity): TurnResult {
    if (isThis) this.#settle();
    const last = this.#log.lastTurn();
    return recordedResult(last?.turnId === turnId ? last : null);
  }

  #settle(): void {
    const turn = this.#log.settleOpenTurn();
    if (turn === null) return;
    this.#recorder.continueFrom(turn.deliveredSeq);
    this.#recorder.deliverRecorded(turn.firstSeq, turn.records);
  }

  /** From now on the journal knows the turn as the one that runs. */
  #recorded(activity: TurnActivity): void {
    const { early } = activity;
    activity.early = null;
    early?.record((note) => this.#log.note(note));
  }

  /** What the hooks of the prompt say; they are asked again when the kernel died before they had decided. */
  async #promptVerdict(position: TurnPosition, signal: AbortSignal): Promise<HookBlock | null> {
    const { promptHook, begun, userInput } = position;
    const verdict = promptHook?.verdict ?? null;
    if (verdict !== null) return verdict.action === "block" ? { reason: verdict.reason } : null;
    if (promptHook === null && begun) return null;
    return await this.#deps.hooks.promptSubmitted(userInput, signal, promptHook !== null);
  }

  #blocked({ reason }: HookBlock): TurnResult {
    this.#deps.conversation.say(reason === "" ? "Prompt blocked by hook." : reason);
    return { status: "finished" };
  }

  #wasSaid({ begun }: TurnPosition): boolean {
    return begun && [...this.#log.delivered(0)].some(({ record }) => record.type === "ContentPart");
  }

  async #finish(turnId: string, activity: TurnActivity, work: () => Promise<TurnResult>): Promise<TurnResult> {
    const { hooks, logger } = this.#deps;
    const { signal } = activity.controller;
    let result: TurnResult | null = null;
    let failure: unknown = null;
    try {
      result = await work();
    } catch (error) {
      if (signal.aborted && error === signal.reason) result = { status: "cancelled" };
      else failure = error;
    }
    activity.ended = true;
    activity.steers.close();
    if (this.#parked) throw parkedError();
    if (failure !== null) hooks.stopFailed(errorClass(failure), errorMessage(failure));
    await hooks.endTurn();
    if (failure === null && result?.status === "cancelled" && this.#stopped) failure = kernelStopped();
    const outcome = failure === null ? { result, error: null } : { result: null, error: recordError(failure) };
    const unrecorded = this.#recorder.turnEnd(turnId, outcome);
    if (unrecorded !== null) {
      logger.error({ err: unrecorded, turnId }, "the end of the turn could not be recorded");
      failure ??= unrecorded;
      this.#unrecorded = { turnId, error: failure };
    }
    if (failure !== null) throw failure;
    return result as TurnResult;
  }

  #reportRepairs(): void {
    const repairs = this.#repairs;
    if (repairs.length === 0) return;
    this.#repairs = [];
    this.#deps.logger.warn({ repairs }, "the session was repaired on open");
    this.#recorder.event("Notification", repairNotice(this.#log.sessionId, repairs));
  }
}
