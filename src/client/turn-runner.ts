/** Brings one turn to its end, over as many kernels as it takes. */
import type { PromptResult, UserInput } from "../wire/generated/types.gen.js";
import { deferred } from "./deferred.js";
import { KernelProcessError } from "./errors.js";
import { fields, isParked } from "./extensions.js";
import type { LiveKernel } from "./live-kernel.js";

export type TurnStart =
  | { kind: "prompt"; input: UserInput; clientId: string }
  /** The turn of an earlier client. */
  | { kind: "resume"; turnId: string };

export interface TurnSurroundings {
  /** The kernel that lives or the next one; rejects when none will come. */
  ready(): Promise<LiveKernel>;
  /** The prompt ends an open turn of which the host has missed something: that comes first. */
  missesEnd: boolean;
  /** Brings the host up to what the kernel has recorded. Rejects only when the kernel is lost. */
  catchUp(kernel: LiveKernel): Promise<void>;
  /** The same for what is left of this turn, which has ended. */
  catchUpRest(kernel: LiveKernel): Promise<void>;
  /** Shows the host the end of everything that is open in the turn. */
  breakOff(): void;
  /** Set once the host has closed the client: what turns end with then. */
  closed(): KernelProcessError | null;
}

/** `run` is called once. */
export class TurnRunner {
  readonly #start: TurnStart;
  readonly #around: TurnSurroundings;
  #sent = deferred<LiveKernel | null>();
  #sentTo: LiveKernel | null = null;
  #wasSent = false;
  #isDropped = false;
  /** `begun`: an open turn is ended by the prompt's beginning, and by nothing before. */
  #taken: "yes" | "no" | "begun" = "yes";
  #isOver = false;
  #quarantined = false;
  readonly #dropped = deferred<PromptResult>();

  constructor(start: TurnStart, around: TurnSurroundings) {
    this.#start = start;
    this.#around = around;
  }

  /** The kernel that has the turn at this moment; null while none has. */
  get kernel(): LiveKernel | null {
    return this.#sentTo;
  }

  /** The kernel that has the turn, once one has; null when the turn is over. */
  sent(): Promise<LiveKernel | null> {
    return this.#sent.promise;
  }

  /** Whether `run` has settled. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * False when it was dropped, when another kernel has the session, and when the prompt was refused and its turn has not
   * begun: an open turn is open as before.
   */
  wasTaken({ hasBegun }: { hasBegun: boolean }): boolean {
    return this.#taken === "begun" ? hasBegun : this.#taken === "yes";
  }

  /** Whether the turn goes on in this kernel. */
  continuesIn(kernel: LiveKernel): boolean {
    return !this.#quarantined && this.#isOpenIn(kernel);
  }

  #isOpenIn({ openTurn }: LiveKernel): boolean {
    if (openTurn === null || !this.#wasSent) return false;
    return this.#start.kind === "prompt"
      ? openTurn.clientId === this.#start.clientId
      : openTurn.turnId === this.#start.turnId;
  }

  /** The next kernel ends the turn as it stands. */
  quarantine(): void {
    this.#quarantined = true;
  }

  /** Cancels a prompt that no kernel has seen. False when one has, and for a turn that began in an earlier one. */
  drop(): boolean {
    if (this.#wasSent || this.#start.kind === "resume") return false;
    this.#isDropped = true;
    this.#taken = "no";
    this.#dropped.resolve({ status: "cancelled" });
    return true;
  }

  /** Rejects with the kernel's own error, `turn_broken`, `turn_quarantined`, or what `ready` rejected with. */
  async run(): Promise<PromptResult> {
    try {
      return await Promise.race([this.#climb(), this.#dropped.promise]);
    } catch (error) {
      if (fields(error).code === "session_locked") this.#taken = "no";
      else if (this.#start.kind === "prompt") this.#taken = "begun";
      throw error;
    } finally {
      this.#isOver = true;
      this.#sentTo = null;
      this.#sent.resolve(null);
      // For whoever asks from now on.
      this.#sent = deferred();
      this.#sent.resolve(null);
    }
  }

  async #climb(): Promise<PromptResult> {
    let misses = this.#around.missesEnd;
    for (;;) {
      const kernel = await this.#around.ready();
      try {
        if (misses) await this.#around.catchUp(kernel);
        misses = false;
        // Dropped while that took its time: no kernel may see it any more.
        if (this.#isDropped) return await this.#dropped.promise;
        return await (this.#wasSent ? this.#goOn(kernel) : this.#begin(kernel));
      } catch (error) {
        // It stays for what was unread, and serves no turn any more.
        if (isParked(error) && kernel.canResume) await kernel.stop();
        else if (!kernel.wire.lost(error)) throw error;
        await this.#lost(kernel);
      }
    }
  }

  async #lost(kernel: LiveKernel): Promise<void> {
    if (this.#sentTo !== null) this.#sent = deferred();
    const cause = await kernel.death;
    this.#sentTo = null;
    if (!kernel.canResume) throw this.#around.closed() ?? this.#broken({ cause });
  }

  #broken(data: Record<string, unknown>): KernelProcessError {
    this.#around.breakOff();
    return new KernelProcessError("turn_broken", "The kernel died, and the turn with it: it cannot be resumed", {
      data,
    });
  }

  async #begin(kernel: LiveKernel): Promise<PromptResult> {
    if (this.#start.kind === "prompt") return await this.#prompt(kernel, this.#start);
    this.#wasSent = true;
    if (!kernel.canResume) throw this.#broken({});
    return await this.#resume(kernel, this.#start.turnId);
  }

  async #goOn(kernel: LiveKernel): Promise<PromptResult> {
    if (!kernel.canResume) throw this.#broken({});
    if (this.#start.kind === "resume") return await this.#resume(kernel, this.#start.turnId);
    const { openTurn } = kernel;
    if (openTurn !== null && this.#isOpenIn(kernel)) return await this.#resume(kernel, openTurn.turnId);
    if (this.#quarantined) {
      await this.#around.catchUp(kernel);
      throw this.#endedAsItStood();
    }
    // Never recorded: it runs. Ended meanwhile: the recorded outcome comes back at once, and the rest of the events is
    // fetched behind it, because before it a replay could also be of the turn before.
    const outcome = await settled(this.#prompt(kernel, this.#start), kernel);
    await this.#around.catchUpRest(kernel);
    return outcome();
  }

  async #resume(kernel: LiveKernel, turnId: string): Promise<PromptResult> {
    await this.#around.catchUp(kernel);
    const isContinued = !this.#quarantined;
    const answer = kernel.wire.resume(turnId, isContinued ? "continue" : "settle");
    this.#hasIt(kernel);
    const outcome = await settled(answer, kernel);
    // It had ended before: what the host missed of it is behind the answer.
    if (kernel.openTurn?.turnId !== turnId) await this.#around.catchUpRest(kernel);
    if (!isContinued) throw this.#endedAsItStood();
    return outcome();
  }

  #prompt(kernel: LiveKernel, { input, clientId }: { input: UserInput; clientId: string }): Promise<PromptResult> {
    const answer = kernel.wire.prompt(input, kernel.extensions.has("resume/1") ? clientId : null);
    this.#hasIt(kernel);
    return answer;
  }

  #hasIt(kernel: LiveKernel): void {
    this.#wasSent = true;
    this.#sentTo = kernel;
    this.#sent.resolve(kernel);
  }

  #endedAsItStood(): KernelProcessError {
    return new KernelProcessError(
      "turn_quarantined",
      "The kernel died twice at the same place of this turn; it was ended as it stood",
    );
  }
}

/** The outcome to be taken later, result or error; rejects at once when the kernel is lost. */
async function settled<T>(answer: Promise<T>, kernel: LiveKernel): Promise<() => T> {
  try {
    const result = await answer;
    return () => result;
  } catch (error) {
    if (kernel.wire.lost(error)) throw error;
    return () => {
      throw error;
    };
  }
}
