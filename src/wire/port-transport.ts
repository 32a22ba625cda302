/**
 * A transport over a MessagePort, for a peer in another thread. It carries bytes and behaves like a pipe: a side that
 * does not read makes the other wait, what was written before the end can still be read, and a peer that is gone is
 * the end of the input and breaks the output.
 */
import { Readable, Writable } from "node:stream";
import type { MessagePort } from "node:worker_threads";
import type { Transport } from "./transport.js";

/** What may be on its way without being read, in one direction; that of a pipe. */
const WINDOW_BYTES = 64 * 1024;
/** How much the peer has read before it hears of it: one message for many small ones. */
const ACKNOWLEDGE_BYTES = 16 * 1024;

/** Bytes of the stream; a number of bytes that were read; the end of the stream; nobody reads the other one any more. */
type PortMessage = Uint8Array | number | "end" | "unread";

/**
 * Makes one end. The port belongs to the transport from now on, which closes it when both directions are over. As long
 * as the port is open it keeps the thread running.
 */
export function portTransport(port: MessagePort): Transport {
  const output = new PortOutput(port);
  const input = new PortInput(port);
  let inputOver = false;
  let outputOver = false;
  const closePort = (): void => {
    if (inputOver && outputOver) port.close();
  };
  port.on("message", (message: PortMessage) => {
    if (typeof message === "number") output.acknowledge(message);
    else if (message === "end") input.push(null);
    else if (message === "unread") output.destroy();
    else input.receive(message);
  });
  // A port that cannot read a message has lost part of the stream.
  port.on("messageerror", (error: Error) => input.destroy(error));
  port.on("close", () => {
    if (!input.destroyed) input.push(null);
    output.destroy();
  });
  input.once("close", () => {
    inputOver = true;
    closePort();
  });
  output.once("close", () => {
    outputOver = true;
    closePort();
  });
  return {
    readable: input,
    writable: output,
    close: async () => {
      input.destroy();
      if (!output.writableEnded) output.end();
    },
  };
}

class PortInput extends Readable {
  readonly #port: MessagePort;
  #unacknowledged = 0;
  #ended = false;

  constructor(port: MessagePort) {
    super({ highWaterMark: ACKNOWLEDGE_BYTES });
    this.#port = port;
  }

  receive(bytes: Uint8Array): void {
    if (this.destroyed || this.#ended) return;
    this.#unacknowledged += bytes.byteLength;
    super.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  /** Several reasons end a stream; the first one does. */
  override push(chunk: null): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    return super.push(chunk);
  }

  override _read(): void {
    // Asked for more: what is still buffered here is less than the high water mark.
    if (this.#unacknowledged < ACKNOWLEDGE_BYTES) return;
    this.#port.postMessage(this.#unacknowledged satisfies PortMessage);
    this.#unacknowledged = 0;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // After the end of the stream this says nothing new, and is ignored there.
    this.#port.postMessage("unread" satisfies PortMessage);
    done(error);
  }
}

class PortOutput extends Writable {
  readonly #port: MessagePort;
  #credit = WINDOW_BYTES;
  /** What did not fit into the window, and whom to tell when it did. */
  #waiting: { bytes: Buffer; done: (error?: Error) => void } | null = null;

  constructor(port: MessagePort) {
    super({ highWaterMark: WINDOW_BYTES });
    this.#port = port;
  }

  acknowledge(bytes: number): void {
    this.#credit += bytes;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) this.#send(waiting.bytes, waiting.done);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#send(chunk, done);
  }

  override _final(done: () => void): void {
    this.#port.postMessage("end" satisfies PortMessage);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.done(new Error("The peer reads no more."));
    // Broken off: the peer must not take what came for all of it, but has no better word for it than a pipe has.
    if (!this.writableFinished) this.#port.postMessage("end" satisfies PortMessage);
    done(error);
  }

  #send(bytes: Buffer, done: (error?: Error) => void): void {
    const size = Math.min(bytes.byteLength, this.#credit);
    if (size > 0) {
      // A copy: the memory goes to the other thread, and that of the chunk belongs to whoever wrote it.
      const copy = new Uint8Array(size);
      copy.set(bytes.subarray(0, size));
      this.#credit -= size;
      this.#port.postMessage(copy satisfies PortMessage, [copy.buffer]);
    }
    if (size === bytes.byteLength) done();
    else this.#waiting = { bytes: bytes.subarray(size), done };
  }
}
