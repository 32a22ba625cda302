/** heartbeat/1: says every two seconds from the main loop what the kernel is waiting for. */
import type { Heartbeat as Beat } from "../../wire/generated/extensions.gen.js";
import type { KernelRuntime } from "../kernel.js";
import { TICK_MS } from "../waits.js";

const TICKS_PER_BEAT = 4;

export interface HeartbeatDeps {
  send: (beat: Beat) => void;
  /** null until it is loaded; no turn runs before. */
  runtime: () => Pick<KernelRuntime, "waits" | "turnRuns"> | null;
  /** Bytes. */
  rss: () => number;
}

/** One heart; its timer keeps no process alive. */
export class Heartbeat {
  readonly #deps: HeartbeatDeps;
  #ticks = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps;
  }

  /** Beats until `stop`, or until the signal aborts. To be called once. */
  start(signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
    signal.addEventListener("abort", () => this.stop(), { once: true });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A main loop that was blocked ticks once, however long it was: only the time it ran is counted. */
  #tick(): void {
    const { send, rss } = this.#deps;
    const runtime = this.#deps.runtime();
    const turn = runtime?.turnRuns() ?? false;
    runtime?.waits.tick(turn);
    this.#ticks += 1;
    if (this.#ticks % TICKS_PER_BEAT !== 0) return;
    send({ turn, waits: runtime?.waits.open ?? [], idle_ms: runtime?.waits.idleMs ?? 0, rss: rss() });
  }
}
