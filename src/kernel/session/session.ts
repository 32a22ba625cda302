/**
 * One session: at most one activity (a turn or a replay) at a time, its steers, its cancellation and its end.
 * What a turn does is in conversation.ts; what is stored is in storage/.
 */
import { randomUUID } from "node:crypto";
import { settledWithin } from "../abort.js";
import { KernelError } from "../errors.js";
import type { SessionPlanMode } from "../planning/session-plan-mode.js";
import type { RecordedTurn } from "../storage/recorded-requests.js";
import type { WireRecord } from "../storage/replay.js";
import type { SessionLog } from "../storage/session-log.js";
import { parkedError } from "../storage/storage-error.js";
import { requireMediaSize } from "../turn/media-size.js";
import type { TurnResult } from "../turn/turn.js";
import type { TurnRecorder } from "../turn/turn-recorder.js";
import { type InboundInput, normaliseInput } from "../turn/user-input.js";
import type { Conversation } from "./conversation.js";
import { recordedResult } from "./recorded-error.js";
import { type ReplayResult, runReplay } from "./replay-run.js";
import { noTurn } from "./session-errors.js";
import type { OpenTurnInfo, SessionResume, StampedRecord } from "./session-resume.js";
import { SessionTurns, type SessionTurnsDeps } from "./session-turns.js";
import { switchPlanMode } from "./switch-plan-mode.js";
import { type ReplayActivity, type TurnActivity, TurnCancelled, turnActivity } from "./turn-activity.js";

export interface SessionDeps extends SessionTurnsDeps {
  planMode: SessionPlanMode;
  /** Everything that was ever recorded for a client, in order; read lazily. */
  records: () => Iterable<WireRecord>;
}

/** Owner of what runs. The log is acquired by the first turn and closed by `close`. */
export class Session implements SessionResume {
  readonly #deps: SessionDeps;
  readonly #log: SessionLog;
  readonly #recorder: TurnRecorder;
  readonly #conversation: Conversation;
  readonly #turns: SessionTurns;
  #activity: TurnActivity | ReplayActivity | null = null;
  #settled: Promise<unknown> = Promise.resolve();
  #closing = false;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#log = deps.recorder.log;
    this.#recorder = deps.recorder;
    this.#conversation = deps.conversation;
    this.#turns = new SessionTurns(deps);
  }

  get busy(): boolean {
    return this.#activity !== null;
  }

  /** True while a turn runs whose end is not decided. */
  get turnRunning(): boolean {
    return this.#activity?.kind === "turn" && !this.#activity.ended;
  }

  /** Throws KernelError `turn_in_progress` while a turn or a replay runs, `kernel_stopped` once the turn was parked. */
  requireIdle(): void {
    if (this.#turns.parked) throw parkedError();
    if (this.busy || this.#closing) throw new KernelError("turn_in_progress", "An agent turn is already in progress");
  }

  /**
   * Runs one turn to its end. Resolves after TurnEnd was delivered. Rejects with KernelError or ProviderError when the
   * turn ended in an error, and before TurnBegin when it could not start. A `clientId` that the current, the last or a
   * turn not long before has gives that turn's end: it is joined, gone on with, or told again.
   */
  prompt(input: InboundInput, clientId: string | null): Promise<TurnResult> {
    const known = clientId === null ? null : this.#promptOf(clientId);
    if (known !== null) return known;
    this.requireIdle();
    requireMediaSize(input);
    const activity = turnActivity({ clientId, turnId: null });
    return this.#runTurn(activity, () => this.#turns.begin(input, activity));
  }

  openTurn(): OpenTurnInfo | null {
    if (this.#activity?.kind === "turn") return null;
    const open = this.#log.openTurn();
    return open === null ? null : { turnId: open.turnId, clientId: open.clientId, seq: open.deliveredSeq };
  }

  resume(turnId: string, action: "continue" | "settle"): Promise<TurnResult> {
    const running = this.#activity;
    if (running?.kind === "turn" && running.turnId === turnId) return running.result;
    const last = this.#log.lastTurn();
    if (last?.turnId !== turnId) throw noTurn();
    if (last.outcome !== null) return this.#recordedEnd(last);
    const unrecorded = this.#turns.unrecordedEnd(turnId);
    if (unrecorded !== null) return Promise.reject(unrecorded.error);
    this.requireIdle();
    const activity = turnActivity({ clientId: last.clientId, turnId });
    return this.#runTurn(activity, () => this.#turns.resume(action, activity));
  }

  *since(seq: number): Generator<StampedRecord, void, void> {
    for (const { record, ...stamp } of this.#log.delivered(seq)) yield { stamp, record };
  }

  /**
   * Queues a message for the running turn. Throws `no_turn` when none runs or it no longer looks, and KernelError when
   * it cannot be recorded. A `clientId` that was taken before changes nothing; one that is new may have to wait until it
   * is recorded: the promise rejects with `no_turn` when the turn ends before.
   */
  steer(input: InboundInput, clientId: string | null): Promise<void> | undefined {
    if (clientId !== null && this.#log.outcomeOf(clientId)?.kind === "steer") return undefined;
    const activity = this.#activity;
    if (activity?.kind === "replay") return undefined;
    if (activity === null || activity.ended || !activity.steers.isOpen) throw noTurn();
    requireMediaSize(input);
    const steer = { id: randomUUID(), userInput: normaliseInput(input) };
    const note = { kind: "steer", steer_id: steer.id, client_id: clientId, user_input: steer.userInput } as const;
    const { early } = activity;
    if (early === null) this.#log.note(note);
    if (early === null || early.add(note)) activity.steers.push(steer);
    return early === null || clientId === null ? undefined : early.recorded;
  }

  /**
   * Stops what runs, at once. Throws `no_turn` when nothing runs and this cancel was not taken before; the promise is
   * as that of `steer`.
   */
  cancel(clientId: string | null): Promise<void> | undefined {
    if (clientId !== null && this.#log.outcomeOf(clientId)?.kind === "cancel") return undefined;
    const activity = this.#activity;
    if (activity === null) throw noTurn();
    if (activity.kind === "turn" && activity.ended) return undefined;
    const early = activity.kind === "turn" ? activity.early : null;
    if (activity.kind === "turn") this.#takeCancel(activity, clientId);
    activity.controller.abort(new TurnCancelled("the client asked for it"));
    return early === null || clientId === null ? undefined : early.recorded;
  }

  /** Switches plan mode at any time, also in the middle of a turn. Returns the new state; throws as switchPlanMode does. */
  setPlanMode(enabled: boolean): Promise<boolean> {
    return switchPlanMode(enabled, {
      planMode: this.#deps.planMode,
      log: this.#log,
      turnRunning: () => this.turnRunning,
      keepOpenTurn: this.#deps.resumes(),
    });
  }

  /**
   * Sends every record of wire.jsonl, or the given ones, again and in order, pausing while the client does not read. The
   * given ones also beside a turn: they are what a client has missed of it.
   */
  replay(send: (records: readonly WireRecord[]) => void, missed?: () => Iterable<WireRecord>): Promise<ReplayResult> {
    const activity: ReplayActivity = { kind: "replay", controller: new AbortController() };
    const { signal } = activity.controller;
    const records = missed ?? this.#deps.records;
    const work = async () => runReplay({ records: records(), send, ready: () => this.#recorder.sink.ready(), signal });
    if (missed !== undefined && this.turnRunning && !this.#closing) return work();
    this.requireIdle();
    return this.#run(activity, work);
  }

  /**
   * Leaves a running turn open in the journal, to be resumed by the next kernel: nothing is recorded or delivered any
   * more. False when no turn runs that could be left. To be called before `close`.
   */
  park(): boolean {
    if (!this.turnRunning) return false;
    this.#turns.park();
    return true;
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
    if (options.stopped === true) this.#turns.stop();
    if (this.#activity?.kind !== "turn" || !this.#activity.ended) {
      this.#activity?.controller.abort(new TurnCancelled("the kernel is closing"));
    }
    await settledWithin(Promise.all([this.#settled, options.beside]), options.graceMs);
    await settledWithin(this.#conversation.close(), options.graceMs);
    this.#log.close({ clean: options.clean });
  }

  /** What an earlier prompt with this id has come to, or will; null when there was none. */
  #promptOf(clientId: string): Promise<TurnResult> | null {
    const running = this.#activity;
    if (running?.kind === "turn" && running.clientId === clientId) return running.result;
    const known = this.#log.outcomeOf(clientId);
    if (known?.kind !== "prompt") return null;
    const isLast = this.#log.lastTurn()?.turnId === known.turn.turnId;
    // Its records are gone, and with them whatever there was to be brought up to date.
    return isLast ? this.resume(known.turn.turnId, "continue") : Promise.resolve(known.turn).then(recordedResult);
  }

  /** The kernel that recorded it may have died before the session files had it. */
  async #recordedEnd(last: RecordedTurn): Promise<TurnResult> {
    await this.#log.acquire(undefined, { keepOpenTurn: true }).catch((error: unknown) => {
      this.#deps.logger.warn({ err: error }, "the session files could not be brought up to date");
    });
    return recordedResult(last);
  }

  #runTurn(activity: TurnActivity, work: () => Promise<TurnResult>): Promise<TurnResult> {
    const { early } = activity;
    activity.result = this.#run(activity, work).finally(() => early?.giveUp());
    return activity.result;
  }

  #run<T>(activity: TurnActivity | ReplayActivity, work: () => Promise<T>): Promise<T> {
    this.#activity = activity;
    const result = work().finally(() => {
      this.#activity = null;
    });
    this.#settled = result.catch(() => {});
    return result;
  }

  /** A cancel is for a turn that goes wrong: it must work on a full disk too. */
  #takeCancel({ early, clientId: promptId, turnId, controller }: TurnActivity, clientId: string | null): void {
    if (early !== null) {
      // A turn that nobody could ask for again need not begin to be cancelled.
      if ([clientId, promptId, turnId].some((id) => id !== null)) early.add({ kind: "cancel", client_id: clientId });
      return;
    }
    if (clientId === null && controller.signal.aborted) return;
    try {
      this.#log.note({ kind: "cancel", client_id: clientId });
    } catch (error) {
      this.#deps.logger.error({ err: error }, "a cancel could not be recorded");
    }
  }
}
