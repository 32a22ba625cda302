/** Reads one stream of a model driver to its end, or lets go of it. */

import { orAbort } from "../abort.js";
import type { StreamEnd, StreamPart } from "../providers/provider.js";

/**
 * Gives every read to `take` and waits for what that returns before the next one. Resolves with the end of the stream.
 * Rejects with what the driver or `take` threw, or at once with the signal's reason; the driver is then told to stop.
 */
export async function readModelStream(
  stream: AsyncGenerator<readonly StreamPart[], StreamEnd, void>,
  signal: AbortSignal,
  take: (parts: readonly StreamPart[]) => Promise<void> | null,
): Promise<StreamEnd> {
  try {
    for (;;) {
      const next = await orAbort(stream.next(), signal);
      if (next.done) return next.value;
      const pause = take(next.value);
      if (pause !== null) await orAbort(pause, signal);
    }
  } catch (error) {
    // Not awaited: a driver that is stuck must not hold up a cancelled turn.
    stream.return({ usage: null, messageId: null, finishReason: "other" }).catch(() => {});
    throw error;
  }
}
