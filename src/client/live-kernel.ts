/** A kernel that has answered initialize, until it is gone for certain. */
import type { InitializeResult } from "../wire/generated/types.gen.js";
import { type ExtensionName, type OpenTurn, readExtensions, readOpenTurn } from "./extensions.js";
import { HeartbeatWatch } from "./heartbeat-watch.js";
import type { DeathCause, Guarantees } from "./kernel-state.js";
import type { ExitInfo, KernelMode, Launched } from "./launcher.js";
import { memoryLimit, nearLimit } from "./out-of-memory.js";
import { type Timing, within } from "./timing.js";
import type { WireClient } from "./wire-client.js";

/** How long a kernel whose pipe has ended may take to exit by itself, so that its own code or signal is known. */
const EXIT_GRACE_MS = 500;

type Sign = "exit" | "eof" | "write_failed" | "hung" | "lost_turn" | "bad_output";

export interface LiveKernelParts {
  mode: KernelMode;
  launched: Launched;
  wire: WireClient;
  info: InitializeResult;
  timing: Timing;
}

/** Watches from its making. */
export class LiveKernel {
  readonly mode: KernelMode;
  readonly wire: WireClient;
  readonly info: InitializeResult;
  readonly extensions: ReadonlySet<ExtensionName>;
  /** The turn that waited to be resumed when this kernel was started. */
  readonly openTurn: OpenTurn | null;
  readonly readyAt: number;
  /** Settles when it is gone, ended by us if need be, so that another may have the session. Never rejects. */
  readonly death: Promise<DeathCause>;
  readonly #launched: Launched;
  readonly #timing: Timing;
  #watch: HeartbeatWatch | null = null;
  #stopping: Promise<ExitInfo> | null = null;
  /** Bytes, as of its last heartbeat. */
  #rss = 0;

  constructor({ mode, launched, wire, info, timing }: LiveKernelParts) {
    this.mode = mode;
    this.wire = wire;
    this.info = info;
    this.extensions = readExtensions(info);
    this.openTurn = readOpenTurn(info);
    this.readyAt = timing.now();
    this.#launched = launched;
    this.#timing = timing;
    this.death = this.#live();
  }

  /** Whether a turn survives its death. */
  get canResume(): boolean {
    return this.extensions.has("resume/1") && this.extensions.has("seq/1");
  }

  get guarantees(): Guarantees {
    return {
      resume: this.canResume,
      exactlyOnce: this.extensions.has("seq/1"),
      hangDetection: this.extensions.has("heartbeat/1"),
    };
  }

  /** Whether it was told to end in good order; that says nothing about where its turn stood. */
  get isStopped(): boolean {
    return this.#stopping !== null;
  }

  /** Ends it in good order. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#watch?.stop();
    this.#stopping ??= this.#launched.stop();
    await this.#stopping;
    await this.death;
  }

  async #live(): Promise<DeathCause> {
    const exited = this.#launched.exited;
    const sign = await Promise.race([
      exited.then((): Sign => "exit"),
      this.wire.closed.then(({ kind }): Sign => (kind === "write_failed" ? "write_failed" : "eof")),
      this.#silence(),
      new Promise<Sign>((resolve) => this.wire.onNoise(() => resolve("bad_output"))),
    ]);
    this.#watch?.stop();
    if (sign === "exit") await this.wire.drained(this.#timing);
    const isOurs = sign === "hung" || sign === "lost_turn" || sign === "bad_output";
    const own = isOurs ? null : await within(this.#timing, EXIT_GRACE_MS, exited);
    // One that is ending in good order gets the time for it.
    await this.#stopping;
    // Always, also when it says that it is gone: what it started must not write any more either.
    const end = await this.#launched.kill();
    await this.wire.close();
    const cause = causeOf(sign, own, end);
    return this.#wasStarved(cause) ? { ...cause, kind: "out_of_memory" } : cause;
  }

  /** The system ends a process that holds nearly all memory, or it stands still; in a thread the memory is the host's. */
  #wasStarved({ kind }: DeathCause): boolean {
    return this.mode === "sidecar" && (kind === "signal" || kind === "hung") && nearLimit(this.#rss, memoryLimit());
  }

  #silence(): Promise<Sign> {
    if (!this.extensions.has("heartbeat/1")) return new Promise(() => {});
    return new Promise((resolve) => {
      const watch = new HeartbeatWatch(
        { receivedBytes: () => this.wire.receivedBytes, ping: () => void this.wire.ping(), onDead: resolve },
        this.#timing,
      );
      this.wire.onHeartbeat((beat) => {
        this.#rss = beat.rss;
        watch.beat(beat);
      });
      this.#watch = watch;
    });
  }
}

function causeOf(sign: Sign, own: ExitInfo | null, end: ExitInfo): DeathCause {
  const { code, signal, stderrTail } = own ?? end;
  const ended = signal === null ? "exit" : "signal";
  const kind = (own ?? end).outOfMemory ? "out_of_memory" : own === null ? sign : ended;
  return { kind, code, signal, stderrTail };
}
