/** Calls that outlive the kernel they were sent to. */
import { randomUUID } from "node:crypto";
import { wireError } from "../wire/errors.js";
import type { Event, ReplayResult, SetPlanModeResult, UserInput } from "../wire/generated/types.gen.js";
import { KernelProcessError } from "./errors.js";
import type { EventDelivery } from "./event-delivery.js";
import { fields } from "./extensions.js";
import { refuseGivenUp, unlessGivenUp } from "./give-up.js";
import type { LiveKernel } from "./live-kernel.js";
import type { TurnRunner } from "./turn-runner.js";

/** The kernel that lives or the next one; rejects when none will come. */
export type NextKernel = () => Promise<LiveKernel>;

/** Asks what may be asked twice, again of the next kernel when one dies over it. Rejects with the kernel's own no. */
export async function askAny<T>(ready: NextKernel, ask: (kernel: LiveKernel) => Promise<T>): Promise<T> {
  for (;;) {
    const kernel = await ready();
    try {
      return await ask(kernel);
    } catch (error) {
      if (!kernel.wire.lost(error)) throw error;
      await kernel.death;
    }
  }
}

/**
 * Sends something to whichever kernel has this turn, again with the same id when that one dies; rejects with `no_turn`
 * once the turn is over, because what runs then is not what was meant. Without a turn it goes to the kernel that lives,
 * which will say no.
 */
export async function askTurn(
  ready: NextKernel,
  turn: TurnRunner | null,
  send: (kernel: LiveKernel, clientId: string | null) => Promise<unknown>,
): Promise<void> {
  const clientId = randomUUID();
  for (;;) {
    const kernel = await (turn === null ? ready() : turn.sent());
    if (kernel === null) throw wireError("no_turn");
    try {
      await send(kernel, kernel.extensions.has("resume/1") ? clientId : null);
      return;
    } catch (error) {
      if (!kernel.wire.lost(error)) throw error;
      await kernel.death;
      if (turn === null) throw wireError("no_turn");
      if (!kernel.canResume) throw new KernelProcessError("turn_broken", "The kernel died, and the turn with it");
    }
  }
}

/** As `askTurn`. Rejects with `aborted` as soon as `signal` aborts; a kernel that has not had it by then never gets it. */
export async function steerTurn(
  ready: NextKernel,
  turn: TurnRunner | null,
  input: UserInput,
  signal: AbortSignal | undefined,
): Promise<void> {
  const send = (kernel: LiveKernel, clientId: string | null): Promise<unknown> => {
    refuseGivenUp(signal);
    return kernel.wire.steer(input, clientId);
  };
  await unlessGivenUp(signal, () => askTurn(ready, turn, send));
}

/** Gives the mode that holds then. Rejects with `aborted` as `steerTurn` does. */
export async function switchPlanMode(
  ready: NextKernel,
  enabled: boolean,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const ask = (kernel: LiveKernel): Promise<SetPlanModeResult> => {
    refuseGivenUp(signal);
    return kernel.wire.setPlanMode(enabled);
  };
  return (await unlessGivenUp(signal, () => askAny(ready, ask))).plan_mode;
}

/** As `askTurn`; but a turn that ended meanwhile, with its kernel or by itself, needs no cancel any more. */
export async function cancelTurn(ready: NextKernel, turn: TurnRunner | null): Promise<void> {
  try {
    await askTurn(ready, turn, (kernel, clientId) => kernel.wire.cancel(clientId));
  } catch (error) {
    if (turn === null || !(turn.isOver || fields(error).code === "turn_broken")) throw error;
  }
}

/**
 * Hears the stored session, each event once whatever dies. What `onEvent` throws rejects, after the kernel's answer. Once
 * `signal` aborts it hears no more, and the kernel is told to stop; without a kernel that rejects with `aborted`.
 */
export async function replayStored(
  ready: NextKernel,
  delivery: EventDelivery,
  onEvent: (event: Event) => void,
  signal: AbortSignal | undefined,
): Promise<ReplayResult> {
  const thrown: unknown[] = [];
  let heard = 0;
  let stop = (): void => {};
  try {
    const begun = () => unlessGivenUp(signal, ready);
    const result = await askAny(begun, (kernel) => {
      signal?.removeEventListener("abort", stop);
      let at = 0;
      delivery.divert((event) => {
        at += 1;
        // The next kernel begins again.
        if (at <= heard || thrown.length > 0 || signal?.aborted === true) return;
        heard = at;
        try {
          onEvent(event);
        } catch (error) {
          thrown.push(error);
        }
      });
      const answer = kernel.wire.replay(null);
      // One that knows no such cancel sends the rest to nobody.
      stop = () => void kernel.wire.cancel(null).catch(() => {});
      signal?.addEventListener("abort", stop, { once: true });
      if (signal?.aborted === true) stop();
      return answer;
    });
    if (thrown.length > 0) throw thrown[0];
    return result;
  } finally {
    signal?.removeEventListener("abort", stop);
    delivery.divert(null);
  }
}
