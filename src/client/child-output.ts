/** The output of a child as a stream that ends when the child has ended. */
import type { Socket } from "node:net";
import { PassThrough, type Readable } from "node:stream";

const IDLE_MS = 500;

export interface ChildOutput {
  /** Nothing is read from the child while nobody reads here. Destroying it closes the child's pipe. */
  readable: Readable;
  /**
   * Call it when the child is gone. What it wrote is still delivered; then the stream ends, also when a process that
   * escaped holds the pipe open.
   */
  childGone(): void;
}

/** Takes over the stream. */
export function childOutput(stdout: Readable): ChildOutput {
  // A stream of its own: the spawner drains the child's when it has no reader in time, and what it drains is lost.
  const readable = new PassThrough();
  readable.on("error", () => {});
  stdout.on("error", () => {});
  stdout.pipe(readable);
  stdout.once("close", () => readable.end());
  readable.once("close", () => stdout.destroy());
  return { readable, childGone: () => closeWhenIdle(stdout as Socket) };
}

function closeWhenIdle(stdout: Socket): void {
  let seen = -1;
  const timer = setInterval(() => {
    // Paused by a slow reader: there may be more.
    const idle = stdout.bytesRead === seen && stdout.readableFlowing === true;
    seen = stdout.bytesRead;
    if (idle) stdout.destroy();
  }, IDLE_MS);
  timer.unref();
  stdout.once("close", () => clearInterval(timer));
  if (stdout.closed) clearInterval(timer);
}
