/** Calls that outlive the kernel they were sent to. */
import { randomUUID } from "node:crypto";
import type { Event, ReplayResult } from "../wire/generated/types.gen.js";
import { KernelProcessError } from "./errors.js";
import type { EventDelivery } from "./event-delivery.js";
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
 * Sends something of the running turn to whichever kernel has it, again with the same id when that one dies; `onLost`
 * is told then. Without a turn it goes to the kernel that lives, which will say no.
 */
export async function askTurn(
  ready: NextKernel,
  runner: () => TurnRunner | null,
  send: (kernel: LiveKernel, clientId: string | null) => Promise<unknown>,
  onLost = (): void => {},
): Promise<void> {
  const clientId = randomUUID();
  for (;;) {
    const kernel = (await runner()?.sent()) ?? (await ready());
    try {
      await send(kernel, kernel.extensions.has("resume/1") ? clientId : null);
      return;
    } catch (error) {
      if (!kernel.wire.lost(error)) throw error;
      onLost();
      await kernel.death;
      if (!kernel.canResume) throw new KernelProcessError("turn_broken", "The kernel died, and the turn with it");
    }
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
