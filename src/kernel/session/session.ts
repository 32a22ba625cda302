/**
 * One session: at most one activity (a turn or a replay) at a time, its steers, its cancellation and its end.
 * What a turn does is in conversation.ts; what is stored is in storage/.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { KernelError } from "../errors.js";
import type { Logger } from "../logger.js";
import { readWireRecords, type WireRecord } from "../storage/replay.js";
import type { SessionLog } from "../storage/session-log.js";
import { SteerQueue } from "../turn/steer-queue.js";
import type { TurnResult } from "../turn/turn.js";
import type { TurnRecorder } from "../turn/turn-recorder.js";
import { type InboundInput, normaliseInput } from "../turn/user-input.js";
import type { Conversation } from "./conversation.js";

/** Records sent in one go; between two batches the client's back-pressure and a cancel are seen. */
const REPLAY_BATCH = 256;

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

export interface ReplayResult {
  status: "finished" | "cancelled";
  events: number;
  requests: number;
}

/** Reason of the abort when the client or the process asked for it. */
export class TurnCancelled extends Error {
  constructor(why: string) {
    super(`The turn was cancelled: ${why}.`);
    this.name = "TurnCancelled";
  }
}

export class Session {
  readonly #log: SessionLog;
  readonly #recorder: TurnRecorder;
  readonly #conversation: Conversation;
  readonly #logger: Logger;
  #activity: TurnActivity | ReplayActivity | null = null;
  #settled: Promise<unknown> = Promise.resolve();
  #closing = false;

  constructor(recorder: TurnRecorder, conversation: Conversation, logger: Logger) {
    this.#log = recorder.log;
    this.#recorder = recorder;
    this.#conversation = conversation;
    this.#logger = logger;
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
      if (this.#log.held && !activity.controller.signal.aborted) {
        this.#log.note({ kind: "cancel", client_id: clientId });
      }
    }
    activity.controller.abort(new TurnCancelled("the client asked for it"));
  }

  /** Sends every record of wire.jsonl again, in file order, pausing while the client does not read. */
  replay(send: (records: readonly WireRecord[]) => void): Promise<ReplayResult> {
    this.requireIdle();
    const activity: ReplayActivity = { kind: "replay", controller: new AbortController() };
    return this.#run(activity, () => this.#runReplay(send, activity.controller.signal));
  }

  /** Cancels what runs, waits for its end (at most `graceMs`) and closes the storage. Never throws. */
  async close(options: { clean: boolean; graceMs: number }): Promise<void> {
    this.#closing = true;
    if (this.#activity?.kind !== "turn" || !this.#activity.ended) {
      this.#activity?.controller.abort(new TurnCancelled("the kernel is closing"));
    }
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise((resolve) => {
      timer = setTimeout(resolve, options.graceMs);
    });
    await Promise.race([this.#settled, grace]);
    clearTimeout(timer);
    await this.#conversation.close();
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
    await this.#log.acquire(signal);
    const repairs = this.#conversation.open();
    const turnId = randomUUID();
    const userInput = normaliseInput(input);
    this.#log.beginTurn({ kind: "turn", turn_id: turnId, client_id: clientId, user_input: userInput });
    let result: TurnResult | null = null;
    let failure: unknown = null;
    try {
      this.#recorder.event("TurnBegin", { user_input: userInput });
      this.#report(repairs);
      result = await this.#conversation.run(userInput, activity.steers, signal);
    } catch (error) {
      if (signal.aborted && error === signal.reason) result = { status: "cancelled" };
      else failure = error;
    }
    activity.ended = true;
    activity.steers.close();
    const outcome = result === null ? { error: String(failure) } : { result };
    const unrecorded = this.#recorder.turnEnd(turnId, outcome);
    if (unrecorded !== null) {
      this.#logger.error({ err: unrecorded, turnId }, "the end of the turn could not be recorded");
      failure ??= unrecorded;
    }
    if (failure !== null) throw failure;
    return result as TurnResult;
  }

  #report(repairs: readonly string[]): void {
    if (repairs.length === 0) return;
    this.#logger.warn({ repairs }, "the session was repaired on open");
    this.#recorder.event("Notification", {
      id: `n${randomUUID().slice(0, 8)}`,
      category: "system",
      type: "session.repaired",
      source_kind: "session",
      source_id: this.#log.sessionId,
      title: "The session was repaired",
      body: repairs.join("\n"),
      severity: "warning",
      created_at: Date.now() / 1000,
      payload: {},
    });
  }

  async #runReplay(send: (records: readonly WireRecord[]) => void, signal: AbortSignal): Promise<ReplayResult> {
    let events = 0;
    let requests = 0;
    const batch: WireRecord[] = [];
    const flush = async () => {
      send(batch.splice(0));
      await this.#recorder.sink.ready();
      // A cancel can only arrive while nothing else runs.
      await new Promise(setImmediate);
    };
    for (const record of readWireRecords(join(this.#log.dir, "wire.jsonl"))) {
      if (record.isRequest) requests += 1;
      else events += 1;
      if (batch.push(record) < REPLAY_BATCH) continue;
      await flush();
      if (signal.aborted) return { status: "cancelled", events, requests };
    }
    await flush();
    return { status: signal.aborted ? "cancelled" : "finished", events, requests };
  }
}

function noTurn(): KernelError {
  return new KernelError("no_turn", "No agent turn is in progress");
}
