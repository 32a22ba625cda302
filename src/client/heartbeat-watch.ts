/** Finds a kernel that lives and does nothing: it stopped, spins, or lost its turn. */
import type { Heartbeat } from "./extensions.js";
import type { Timing } from "./timing.js";

const TICK_MS = 1_000;
const SUSPECT_AFTER_MS = 6_000;
const DEAD_AFTER_MS = 4_000;
const LOST_TURN_MS = 5_000;
/** A timer that comes later than this: the host itself slept or was starved, and nothing can be said of the kernel. */
const JUMP_MS = 2_000;

export interface WatchedKernel {
  /** Counts everything that ever came in; any byte is a sign of life. */
  receivedBytes(): number;
  /** Asks for a sign of life; what comes back is seen as bytes. Must not throw. */
  ping(): void;
  /** Called at most once. */
  onDead(kind: "hung" | "lost_turn"): void;
}

/** Watches from its making until `stop`. Silence of 6 s makes suspect and is asked about, 4 s later it is death. */
export class HeartbeatWatch {
  readonly #kernel: WatchedKernel;
  readonly #timing: Timing;
  #bytes: number;
  #lastLife: number;
  #suspectSince: number | null = null;
  #dueAt = 0;
  #callOff = (): void => {};
  #over = false;

  constructor(kernel: WatchedKernel, timing: Timing) {
    this.#kernel = kernel;
    this.#timing = timing;
    this.#bytes = kernel.receivedBytes();
    this.#lastLife = timing.now();
    this.#plan();
  }

  /** Takes what a heartbeat says. */
  beat(heartbeat: Pick<Heartbeat, "turn" | "idleMs">): void {
    if (heartbeat.turn && heartbeat.idleMs >= LOST_TURN_MS) this.#dead("lost_turn");
  }

  stop(): void {
    this.#over = true;
    this.#callOff();
  }

  #plan(): void {
    this.#dueAt = this.#timing.now() + TICK_MS;
    this.#callOff = this.#timing.after(TICK_MS, () => this.#tick(), true);
  }

  #tick(): void {
    if (this.#over) return;
    if (this.#timing.now() - this.#dueAt > JUMP_MS) {
      this.#lives();
      this.#plan();
      return;
    }
    // What waits in the pipe is read before anything is said.
    this.#timing.soon(() => {
      if (this.#over) return;
      this.#judge();
      if (!this.#over) this.#plan();
    });
  }

  #judge(): void {
    const bytes = this.#kernel.receivedBytes();
    const now = this.#timing.now();
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#lives();
    } else if (this.#suspectSince !== null) {
      if (now - this.#suspectSince >= DEAD_AFTER_MS) this.#dead("hung");
    } else if (now - this.#lastLife >= SUSPECT_AFTER_MS) {
      this.#suspectSince = now;
      this.#kernel.ping();
    }
  }

  #lives(): void {
    this.#lastLife = this.#timing.now();
    this.#suspectSince = null;
  }

  #dead(kind: "hung" | "lost_turn"): void {
    if (this.#over) return;
    this.stop();
    this.#kernel.onDead(kind);
  }
}
