/** Ending a kernel that can be asked: the end of its input first, force when that takes too long. */
import type { ExitInfo } from "../client/launcher.js";
import type { Transport } from "../wire/transport.js";

const EOF_GRACE_MS = 2_000;

/** Gives a `stop` for `Launched`: idempotent, resolves when the kernel is gone. */
export function orderlyStop(
  { writable }: Transport,
  exited: Promise<ExitInfo>,
  kill: () => Promise<ExitInfo>,
): () => Promise<ExitInfo> {
  let stopping: Promise<ExitInfo> | null = null;
  const stop = async (): Promise<ExitInfo> => {
    if (!writable.writableEnded) writable.end();
    return (await within(EOF_GRACE_MS, exited)) ?? (await kill());
  };
  return () => {
    stopping ??= stop();
    return stopping;
  };
}

/** Gives what `work` gives, or null after `ms`. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
