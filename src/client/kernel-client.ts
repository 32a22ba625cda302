/** A host's one way to a kernel: it asks, streams turns, answers, and goes on when the kernel dies. */
import { randomUUID } from "node:crypto";
import { wireError } from "../wire/errors.js";
import type { Event, InitializeResult, ReplayResult, UserInput } from "../wire/generated/types.gen.js";
import { KernelProcessError } from "./errors.js";
import { EventDelivery } from "./event-delivery.js";
import type { OpenTurn } from "./extensions.js";
import type { CallOptions } from "./give-up.js";
import type { KernelClientOptions } from "./host.js";
import { introduction, refuseWrongOptions } from "./introduction.js";
import type { Guarantees } from "./kernel-state.js";
import { askAny, cancelTurn, replayStored, steerTurn, switchPlanMode } from "./lasting-calls.js";
import type { KernelMode } from "./launcher.js";
import type { LiveKernel } from "./live-kernel.js";
import { RequestAnswers } from "./request-answers.js";
import { startKernel } from "./start-kernel.js";
import { Supervisor } from "./supervisor.js";
import { SYSTEM_TIMING, type Timing, within } from "./timing.js";
import { type Turn, TurnHandle } from "./turn-handle.js";
import { TurnRunner, type TurnStart } from "./turn-runner.js";

const HANDSHAKE_MS = 30_000;
/** How long a cancelled turn may take to end when the client is closed. */
const CANCEL_MS = 3_000;

interface Running {
  turn: TurnHandle;
  runner: TurnRunner;
}

/** Whoever connects it closes it. Turns run one at a time; methods reject with a WireError or a KernelProcessError. */
export class KernelClient implements AsyncDisposable {
  /** UUID of the session, the same over all kernels. */
  readonly session: string;
  readonly #timing: Timing;
  readonly #answers: RequestAnswers;
  readonly #delivery: EventDelivery;
  readonly #supervisor: Supervisor;
  readonly #ready = (): Promise<LiveKernel> => this.#supervisor.ready();
  #newest: LiveKernel | null = null;
  #running: Running | null = null;
  #isReplaying = false;
  /** The open turn that was resumed, or ended by a prompt. */
  #takenTurn: string | null = null;
  readonly #over = new AbortController();
  #closing: Promise<void> | null = null;
  /** Set from the moment that it closes. */
  #closeError: KernelProcessError | null = null;

  private constructor(options: KernelClientOptions, timing: Timing) {
    const { handlers = {}, args = [], firstArgs = [], launchers, handshakeMs = HANDSHAKE_MS } = options;
    const [host, initialize] = introduction(options);
    this.session = options.session ?? randomUUID();
    this.#timing = timing;
    this.#answers = new RequestAnswers(host);
    this.#delivery = new EventDelivery({
      handlers,
      answers: this.#answers,
      since: options.since ?? null,
      kernel: () => this.#supervisor.kernel,
      ready: this.#ready,
      onUnknownOutcome: (id) => this.#supervisor.reportUnknown([id]),
    });
    this.#supervisor = new Supervisor({
      launchers,
      timing,
      start: async (launcher, isFirst, signal) => {
        const flags = [...args, ...(isFirst ? firstArgs : []), "--session", this.session];
        const listener = this.#delivery;
        this.#newest = await startKernel({ launcher, args: flags, initialize, handshakeMs, listener, timing, signal });
        return this.#newest;
      },
      onDeath: (kernel) => this.#died(kernel),
      onQuarantine: () => this.#running?.runner.quarantine(),
      resumedTurn: (kernel) => (this.#running?.runner.continuesIn(kernel) ? (kernel.openTurn?.turnId ?? null) : null),
      onState: (change) => handlers.onState?.(change),
    });
  }

  /** Starts the first kernel that can be started. Rejects with a KernelProcessError when none can. `timing` is for tests. */
  static async connect(options: KernelClientOptions, timing: Timing = SYSTEM_TIMING): Promise<KernelClient> {
    refuseWrongOptions(options);
    const client = new KernelClient(options, timing);
    const { signal, since } = options;
    const abort = (): void => void client.#shut(new KernelProcessError("aborted", "The host gave the client up"));
    signal?.addEventListener("abort", abort, { once: true, signal: client.#over.signal });
    if (signal?.aborted === true) abort();
    else client.#supervisor.start();
    try {
      await askAny(client.#ready, async (kernel) => {
        // With an open turn that is the business of `resume`.
        if (since !== undefined && kernel.openTurn === null) await client.#delivery.catchUp(kernel);
      });
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** What the newest kernel said of itself. */
  get info(): InitializeResult {
    return this.#last.info;
  }

  /** Where the newest kernel runs. */
  get mode(): KernelMode {
    return this.#last.mode;
  }

  /** What holds with the newest kernel. */
  get guarantees(): Guarantees {
    return this.#last.guarantees;
  }

  /** Number of the newest event the host has seen; null before the first, and with kernels that do not number. */
  get cursor(): number | null {
    return this.#delivery.cursor;
  }

  /** A turn that outlived its host and waits for `resume`. A prompt ends it as it stands. */
  get openTurn(): OpenTurn | null {
    const { openTurn } = this.#last;
    return this.#running !== null || openTurn?.turnId === this.#takenTurn ? null : openTurn;
  }

  /** Starts a turn at once. While another one or a replay runs it rejects with `turn_in_progress`. Abort cancels it. */
  prompt(input: UserInput, { signal }: CallOptions = {}): Turn {
    const clientId = randomUUID();
    return this.#begin(clientId, { kind: "prompt", input, clientId }, signal);
  }

  /** Goes on with `openTurn`; its events come from the beginning, or from `since`. Without one it rejects with `no_turn`. */
  resume({ signal }: CallOptions = {}): Turn {
    const { openTurn } = this;
    if (openTurn === null) return new TurnHandle("", () => Promise.reject(wireError("no_turn")));
    return this.#begin(openTurn.turnId, { kind: "resume", turnId: openTurn.turnId }, signal);
  }

  /**
   * Adds words to the running turn. Resolves when the kernel has taken them; rejects with `no_turn` when none runs, with
   * `aborted` when the host gives it up: nobody knows then, unless it was before a kernel had it.
   */
  async steer(input: UserInput, { signal }: CallOptions = {}): Promise<void> {
    await steerTurn(this.#ready, this.#running?.runner ?? null, input, signal);
  }

  /** Resolves when the kernel has taken it; the turn's result tells the end. Rejects with `no_turn` when none runs. */
  async cancel(): Promise<void> {
    const runner = this.#running?.runner ?? null;
    if (runner?.drop() !== true) await cancelTurn(this.#ready, runner);
  }

  /** Switches planning on or off. Gives what holds now. Rejects with `aborted` as `steer` does. */
  async setPlanMode(enabled: boolean, { signal }: CallOptions = {}): Promise<boolean> {
    return await switchPlanMode(this.#ready, enabled, signal);
  }

  /**
   * Hears the stored session again; its requests are not asked. Not while a turn runs. What `onEvent` throws rejects. Abort
   * ends it early: with the status `cancelled`, or with `aborted` when no kernel has begun.
   */
  async replay(onEvent: (event: Event) => void, { signal }: CallOptions = {}): Promise<ReplayResult> {
    if (this.#running !== null || this.#isReplaying) throw wireError("turn_in_progress");
    this.#isReplaying = true;
    try {
      return await replayStored(this.#ready, this.#delivery, onEvent, signal);
    } finally {
      this.#isReplaying = false;
    }
  }

  /** Cancels a running turn, ends the kernel in good order, settles everything. Idempotent. */
  async close(): Promise<void> {
    await this.#shut(new KernelProcessError("closed", "The client is closed"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** `connect` gives no client away before there is one. */
  get #last(): LiveKernel {
    return this.#newest as LiveKernel;
  }

  #begin(id: string, start: TurnStart, signal: AbortSignal | undefined): Turn {
    const refusal = this.#running !== null || this.#isReplaying ? wireError("turn_in_progress") : this.#closeError;
    if (refusal !== null) return new TurnHandle(id, () => Promise.reject(refusal));
    const takenBefore = this.#takenTurn;
    const { openTurn } = this;
    this.#takenTurn = openTurn?.turnId ?? takenBefore;
    const runner = new TurnRunner(start, {
      ready: this.#ready,
      missesEnd: start.kind === "prompt" && openTurn !== null && this.cursor !== null,
      catchUp: (kernel) => this.#delivery.catchUp(kernel),
      catchUpRest: (kernel) => this.#delivery.catchUpRest(kernel),
      breakOff: () => this.#supervisor.reportUnknown(this.#delivery.breakOff()),
      closed: () => (this.#over.signal.aborted ? this.#closeError : null),
    });
    const cancel = (): void => void this.cancel().catch(() => {});
    const turn = new TurnHandle(id, (made) => {
      this.#delivery.attach(made);
      return runner.run().finally(async () => {
        signal?.removeEventListener("abort", cancel);
        await this.#delivery.detach(made, this.#timing);
        this.#running = null;
        const named = this.#last.openTurn?.turnId ?? this.#takenTurn;
        this.#takenTurn = runner.wasTaken(made.progress) ? named : takenBefore;
      });
    });
    this.#running = { turn, runner };
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted === true) cancel();
    return turn;
  }

  #died(kernel: LiveKernel): { place: string | null; unknownEffects: readonly string[] } {
    this.#delivery.kernelLost(kernel);
    if (this.#running === null || this.#running.runner.kernel !== kernel) return { place: null, unknownEffects: [] };
    const { turn } = this.#running;
    const place = `${turn.id}/${turn.progress.place}`;
    return { place, unknownEffects: kernel.canResume ? [] : this.#delivery.breakOff() };
  }

  #shut(error: KernelProcessError): Promise<void> {
    this.#closing ??= this.#end(error);
    return this.#closing;
  }

  async #end(error: KernelProcessError): Promise<void> {
    this.#closeError = error;
    const { turn, runner } = this.#running ?? {};
    if (turn !== undefined && runner?.drop() === false) {
      this.cancel().catch(() => {});
      await within(
        this.#timing,
        CANCEL_MS,
        turn.result.catch(() => {}),
      );
    }
    this.#over.abort();
    this.#answers.close();
    await this.#supervisor.close(error);
    // What the kernel asked at its end.
    this.#answers.close();
  }
}
