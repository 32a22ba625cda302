import type { Readable } from "node:stream";
import { setImmediate as nextPoll } from "node:timers/promises";

const DRAIN_MS = 50;

/**
 * Lets flowing pipes deliver what is already in them, then destroys them. Resolves at their end or after about 50 ms
 * when someone else still holds them open. Never rejects.
 */
export async function drainOutput(streams: readonly (Readable | null)[]): Promise<void> {
  const open = streams.filter((stream): stream is Readable => stream !== null && !stream.readableEnded);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS, "late");
  });
  const ended = Promise.all(open.map((stream) => endOf(stream)));
  if ((await Promise.race([ended, limit])) === "late") {
    // A busy loop may run the timer before it has looked at the pipes; two rounds of it read all that was waiting.
    await nextPoll();
    await nextPoll();
  }
  clearTimeout(timer);
  for (const stream of open) stream.destroy();
}

function endOf(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.readableEnded || stream.destroyed) resolve();
    stream.once("end", resolve);
    stream.once("close", resolve);
    stream.once("error", () => resolve());
  });
}
