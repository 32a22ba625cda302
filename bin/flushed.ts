import type { Writable } from "node:stream";

/**
 * Resolves when the operating system has taken everything that was written, or when it can never take it (the reader
 * is gone), or after `timeoutMs`. Leaving the process before that loses the end of what was said. Never rejects.
 */
export function flushed(stream: Writable, timeoutMs = 1_000): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableFinished || stream.writableLength === 0) {
      // A write that failed says so in the next tick.
      setImmediate(resolve);
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, timeoutMs);
    stream.once("error", done);
    stream.once("close", done);
    if (stream.writableEnded) stream.once("finish", done);
    else stream.write("", done);
  });
}
