/** Calls that outlive the kernel they were sent to. */
import { randomUUID } from "node:crypto";
import { wireError } from "../wire/errors.js";
import type { Event, ReplayResult } from "../wire/generated/types.gen.js";
import { KernelProcessError } from "./errors.js";
import type { EventDelivery } from "./event-delivery.js";
import { fields } from "./extensions.js";
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

/** As `askTurn`; but a turn that ended meanwhile, with its kernel or by itself, needs no cancel any more. */
export async function cancelTurn(ready: NextKernel, turn: TurnRunner | null): Promise<void> {
  try {
    await askTurn(ready, turn, (kernel, clientId) => kernel.wire.cancel(clientId));
  } catch (error) {
    if (turn === null || !(turn.isOver || fields(error).code === "turn_broken")) throw error;
  }
}

/** Hears the stored session, each event once whatever dies. What `onEvent` throws rejects, after the kernel's answer. */
export async function replayStored(
  ready: NextKernel,
  delivery: EventDelivery,
  onEvent: (event: Event) => void,
): Promise<ReplayResult> {
  const thrown: unknown[] = [];
  let heard = 0;
  try {
    const result = await askAny(ready, (kernel) => {
      let at = 0;
      delivery.divert((event) => {
        at += 1;
        // The next kernel begins again.
        if (at <= heard || thrown.length > 0) return;
        heard = at;
        try {
          onEvent(event);
        } catch (error) {
          thrown.push(error);
        }
      });
      return kernel.wire.replay(null);
    });
    if (thrown.length > 0) throw thrown[0];
    return result;
  } finally {
    delivery.divert(null);
  }
}
