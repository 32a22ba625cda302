/** Keeps one kernel alive: starts it, sees it die, makes sure that it is dead, starts the next as the policy says. */
import { type Deferred, deferred } from "./deferred.js";
import { KernelProcessError } from "./errors.js";
import { fields } from "./extensions.js";
import { isFinalFailure } from "./final-failure.js";
import type { DeathCause, Guarantees, KernelStateChange, SupervisorState } from "./kernel-state.js";
import type { KernelLauncher, KernelMode } from "./launcher.js";
import type { LiveKernel } from "./live-kernel.js";
import { quietly } from "./quietly.js";
import { type Death, decideRestart, type Launch, REFUSAL_CODES, sinceHealthy } from "./restart-policy.js";
import { Standby } from "./standby.js";
import { pause, type Timing } from "./timing.js";

export interface SupervisorOptions {
  /** The ladder, first choice first. */
  launchers: readonly [KernelLauncher, ...KernelLauncher[]];
  timing: Timing;
  /** Starts one; `isFirst` until one has come to life. Throws KernelProcessError, and leaves nothing behind then. */
  start(launcher: KernelLauncher, isFirst: boolean, signal: AbortSignal): Promise<LiveKernel>;
  /** A kernel is gone for certain: where its turn stood, and which calls nobody knows the outcome of. */
  onDeath(kernel: LiveKernel, cause: DeathCause): { place: string | null; unknownEffects: readonly string[] };
  /** The turn that runs must not go on in the next kernel. */
  onQuarantine(): void;
  /** Id of the turn that goes on in this new kernel, or null. */
  resumedTurn(kernel: LiveKernel): string | null;
  /** What it throws is lost. */
  onState(change: KernelStateChange): unknown;
}

type Told = Partial<Pick<KernelStateChange, "cause" | "unknownEffects" | "nextRetryMs" | "resumedTurn">>;

const NO_GUARANTEES: Guarantees = { resume: false, exactlyOnce: false, hangDetection: false };

/** One at a time: `start` is called again only when the kernel before is reaped. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #giveUp = new AbortController();
  #state: SupervisorState = "idle";
  #kernel: LiveKernel | null = null;
  #next: Deferred<LiveKernel> = deferred();
  #deaths: Death[] = [];
  #starting: Promise<void> = Promise.resolve();
  #everReady = false;
  #mode: KernelMode;
  /** Launchers that cannot start a kernel here at all. */
  readonly #unusable = new Set<KernelMode>();
  /** Launchers that failed since a kernel last lived. */
  readonly #failed = new Set<KernelMode>();
  readonly #standby: Standby;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#mode = options.launchers[0].mode;
    this.#standby = new Standby(options.timing);
  }

  get state(): SupervisorState {
    return this.#state;
  }

  /** The kernel that lives; null between two. */
  get kernel(): LiveKernel | null {
    return this.#kernel;
  }

  /** Starts the first kernel. To be called once. */
  start(): void {
    this.#tell("starting", {});
    this.#launch({ mode: this.#mode, afterMs: 0, quarantine: false });
  }

  /** The kernel that lives, or the next one; rejects with a KernelProcessError when none will come. */
  ready(): Promise<LiveKernel> {
    return this.#next.promise;
  }

  /** Tells the host of calls whose outcome nobody knows, found while a turn went on. */
  reportUnknown(ids: readonly string[]): void {
    if (ids.length > 0) this.#tell(this.#state, { unknownEffects: ids });
  }

  /** Ends the kernel in good order and everything that waits for one. Resolves when nothing is left. */
  async close(error = new KernelProcessError("closed", "The client is closed")): Promise<void> {
    if (this.#state === "closed") return await this.#starting;
    const kernel = this.#kernel;
    this.#kernel = null;
    this.#end("closed", error, {});
    this.#giveUp.abort();
    await kernel?.stop();
    await this.#starting;
  }

  #launch(launch: Launch): void {
    this.#starting = this.#climb(launch);
  }

  async #climb(first: Launch): Promise<void> {
    for (let launch: Launch | null = first; launch !== null; ) launch = await this.#tryOne(launch);
  }

  async #tryOne({ mode, afterMs }: Launch): Promise<Launch | null> {
    const { launchers, timing, start } = this.#options;
    const { signal } = this.#giveUp;
    await pause(timing, afterMs, signal);
    if (signal.aborted) return null;
    this.#mode = mode;
    const launcher = launchers.find((one) => one.mode === mode) ?? launchers[0];
    try {
      const kernel = await start(launcher, !this.#everReady, signal);
      if (signal.aborted) await kernel.stop();
      else this.#isReady(kernel);
      return null;
    } catch (thrown) {
      return this.#isClosed ? null : this.#startFailed(mode, asProcessError(thrown));
    }
  }

  #isReady(kernel: LiveKernel): void {
    this.#everReady = true;
    this.#failed.clear();
    this.#kernel = kernel;
    // Before anybody else waits for it: whoever learns of the death finds the supervisor already restarting.
    void kernel.death.then((cause) => this.#died(kernel, cause));
    this.#tell("ready", { resumedTurn: this.#options.resumedTurn(kernel) });
    this.#next.resolve(kernel);
    // Not when the host has just closed the client over it.
    if (this.#deaths.length > 0 && !this.#isClosed) this.#standBy(kernel.mode);
  }

  /** The rung that one more crash would lead to gets ready, where it is another one. */
  #standBy(mode: KernelMode): void {
    const { launchers, timing } = this.#options;
    const crash: Death = { at: timing.now(), uptimeMs: 0, mode, cause: "signal", place: null };
    const next = this.#decide([...this.#deaths, crash])?.mode;
    const launcher = launchers.find((one) => one.mode === next && next !== mode);
    if (launcher !== undefined) this.#standby.begin(launcher);
  }

  #died(kernel: LiveKernel, cause: DeathCause): void {
    if (this.#isClosed) return;
    const { timing, onDeath } = this.#options;
    this.#kernel = null;
    this.#standby.keep();
    const { place, unknownEffects } = onDeath(kernel, cause);
    this.#next = deferred();
    this.#count(kernel.mode, cause.kind, timing.now() - kernel.readyAt, kernel.isStopped ? null : place);
    if (cause.kind === "exit" && REFUSAL_CODES.has(cause.code)) {
      const words = cause.stderrTail.trim() || `The kernel refused to go on (exit code ${cause.code})`;
      this.#end("failed", new KernelProcessError("refused", words, { data: { cause } }), { cause, unknownEffects });
      return;
    }
    const launch = this.#decide();
    if (launch === null) {
      const words = "The kernel died too often in too short a time";
      this.#end("failed", new KernelProcessError("crashed", words, { data: { cause } }), { cause, unknownEffects });
      return;
    }
    if (launch.quarantine) this.#options.onQuarantine();
    this.#tell("restarting", { cause, unknownEffects, nextRetryMs: launch.afterMs });
    this.#launch(launch);
  }

  /** The next step after a start that failed: another launcher at once, the policy, or the end. */
  #startFailed(mode: KernelMode, error: KernelProcessError): Launch | null {
    const launcher = this.#options.launchers.find((one) => one.mode === mode) ?? {};
    const isOver = isFinalFailure(error, launcher, this.#everReady);
    const mayCrash = error.code === "exited_early";
    const {
      code = null,
      signal = null,
      stderrTail = "",
      outOfMemory,
    } = error.data as Partial<DeathCause> & {
      outOfMemory?: boolean;
    };
    const kind = outOfMemory === true ? "out_of_memory" : "start_failed";
    const cause: DeathCause = { kind, code, signal, stderrTail };
    this.#count(mode, kind, 0, null);
    this.#failed.add(mode);
    if (!mayCrash) this.#unusable.add(mode);
    const other = this.#usable().find((one) => !this.#failed.has(one));
    let launch: Launch | null = null;
    if (isOver) launch = null;
    else if (other !== undefined && kind !== "out_of_memory") launch = { mode: other, afterMs: 0, quarantine: false };
    // A rung that cannot be had at all says nothing against the one that a kernel has lived on.
    else if (this.#everReady || (mayCrash && (signal !== null || kind === "out_of_memory"))) launch = this.#decide();
    if (launch === null) this.#end("failed", error, { cause });
    else this.#tell(this.#state, { cause, nextRetryMs: launch.afterMs });
    return launch;
  }

  #decide(deaths: readonly Death[] = this.#deaths): Launch | null {
    const [first, ...rest] = this.#usable();
    return first === undefined ? null : decideRestart(deaths, [first, ...rest], this.#options.timing.random());
  }

  #usable(): KernelMode[] {
    return this.#options.launchers.map(({ mode }) => mode).filter((mode) => !this.#unusable.has(mode));
  }

  #count(mode: KernelMode, cause: DeathCause["kind"], uptimeMs: number, place: string | null): void {
    const at = this.#options.timing.now();
    this.#deaths = [...sinceHealthy([...this.#deaths, { at, uptimeMs, mode, cause, place }])];
  }

  get #isClosed(): boolean {
    return this.#state === "closed";
  }

  #end(state: "failed" | "closed", error: KernelProcessError, told: Told): void {
    this.#standby.end();
    const before = this.#next;
    this.#next = deferred();
    this.#next.reject(error);
    before.reject(error);
    this.#tell(state, told);
  }

  #tell(to: SupervisorState, told: Told): void {
    const from = this.#state;
    this.#state = to;
    const change: KernelStateChange = {
      from,
      to,
      mode: to === "idle" || to === "failed" || to === "closed" ? null : this.#mode,
      cause: null,
      guarantees: this.#kernel?.guarantees ?? NO_GUARANTEES,
      resumedTurn: null,
      unknownEffects: [],
      attempt: this.#deaths.length + 1,
      nextRetryMs: null,
      ...told,
    };
    // A host that fails to hear it must not stop the restart.
    quietly(() => this.#options.onState(change));
  }
}

function asProcessError(thrown: unknown): KernelProcessError {
  if (thrown instanceof KernelProcessError) return thrown;
  const { message } = fields(thrown);
  return new KernelProcessError("spawn_failed", typeof message === "string" ? message : "The start failed", {
    cause: thrown,
  });
}
