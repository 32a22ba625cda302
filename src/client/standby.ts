/** When the launcher that may be needed next makes itself ready, and when it lets go of that again. */
import type { KernelLauncher } from "./launcher.js";
import { HEALTHY_MS } from "./restart-policy.js";
import type { Timing } from "./timing.js";

/** The turn that goes on in a new kernel comes first. */
const BEGIN_AFTER_MS = 500;

/** Of one client. Its timers never keep the host alive. */
export class Standby {
  readonly #timing: Timing;
  #callOff = (): void => {};
  #letGo = (): void => {};

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** A kernel lives behind a death, and `launcher` would have to replace it. It stands by until that one has proved healthy. */
  begin(launcher: KernelLauncher): void {
    this.#callOff();
    this.#callOff = this.#timing.after(
      BEGIN_AFTER_MS,
      () => {
        this.#letGo = launcher.standBy?.() ?? this.#letGo;
        this.#callOff = this.#timing.after(HEALTHY_MS, () => this.#letGo(), true);
      },
      true,
    );
  }

  /** That kernel died: what stands by is kept, or taken. */
  keep(): void {
    this.#callOff();
  }

  /** Nothing will be launched any more. */
  end(): void {
    this.#callOff();
    this.#letGo();
  }
}
