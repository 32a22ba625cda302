import { PassThrough, type Readable, type Writable } from "node:stream";

/** Two byte streams to a peer. `close` ends both for good and does not wait; it may be repeated. */
export interface Transport {
  readonly readable: Readable;
  readonly writable: Writable;
  close(): Promise<void>;
}

/** A transport over streams that someone else opened: the process's own stdio, or that of a child. */
export function stdioTransport(readable: Readable, writable: Writable): Transport {
  return {
    readable,
    writable,
    close: async () => {
      readable.destroy();
      writable.destroy();
    },
  };
}

/** What a pipe of the operating system holds before its writer has to wait. */
const PIPE_BYTES = 64 * 1024;

/**
 * Two transports that are each other's peer, in memory. They carry bytes, so framing runs as it does between processes,
 * and a side that does not read makes the other wait. As with a pipe, what was written before `close` can still be read.
 */
export function memoryTransportPair(): [Transport, Transport] {
  const there = new PassThrough({ highWaterMark: PIPE_BYTES });
  const back = new PassThrough({ highWaterMark: PIPE_BYTES });
  return [memoryEnd(back, there), memoryEnd(there, back)];
}

function memoryEnd(readable: Readable, writable: Writable): Transport {
  return {
    readable,
    writable,
    close: async () => {
      readable.destroy();
      if (!writable.writableEnded) {
        writable.end();
      }
    },
  };
}
