import type { Transport } from "../transport.js";

/** A peer that speaks bytes, for tests: it shows what is really on the wire. */
export interface RawPeer {
  /** Writes text or bytes as they are. */
  send(data: string | Uint8Array): void;
  /** Writes a value as one line of JSON. */
  sendJson(value: unknown): void;
  /** The next line that arrives, parsed; rejects when the stream ends first. */
  next(): Promise<unknown>;
  /** Ends the peer's output, so that the other side sees EOF. */
  end(): void;
  /** Lines that have arrived and were not taken with `next`. */
  readonly waiting: readonly string[];
}

/** Reads a transport's lines with code of its own, not with the decoder under test. */
export function rawPeer(transport: Transport): RawPeer {
  const waiting: string[] = [];
  const takers: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  let rest = "";
  let over = false;
  transport.readable.setEncoding("utf8");
  transport.readable.on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const taker = takers.shift();
      if (taker === undefined) {
        waiting.push(part);
      } else {
        taker.resolve(part);
      }
    }
  });
  transport.readable.on("close", () => {
    over = true;
    for (const taker of takers.splice(0)) {
      taker.reject(new Error("the stream ended"));
    }
  });
  transport.readable.on("error", () => {});
  transport.writable.on("error", () => {});
  const nextLine = (): Promise<string> => {
    const line = waiting.shift();
    if (line !== undefined) {
      return Promise.resolve(line);
    }
    return over
      ? Promise.reject(new Error("the stream ended"))
      : new Promise((resolve, reject) => takers.push({ resolve, reject }));
  };
  return {
    waiting,
    send: (data) => void transport.writable.write(data),
    sendJson: (value) => void transport.writable.write(`${JSON.stringify(value)}\n`),
    next: async () => JSON.parse(await nextLine()) as unknown,
    end: () => void transport.writable.end(),
  };
}
