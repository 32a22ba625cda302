import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { encodeLine } from "./framing.js";
import { OrderedWriter, UNREAD_LIMIT_BYTES } from "./ordered-writer.js";

/** A stream (fake) that holds each write until it is let through. */
function heldStream() {
  const chunks: string[] = [];
  const callbacks: ((error?: Error) => void)[] = [];
  const stream = new Writable({
    decodeStrings: false,
    highWaterMark: 1,
    write: (chunk: string, _encoding, callback) => {
      chunks.push(chunk);
      callbacks.push(callback);
    },
  });
  return { stream, chunks, step: (error?: Error): void => callbacks.shift()?.(error) };
}

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  const pending = Symbol("pending");
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
};

describe("OrderedWriter", () => {
  it("writes several lines with one write, and every line in order", async () => {
    const { stream, chunks, step } = heldStream();
    const out = new OrderedWriter(stream, { encode: encodeLine });
    expect(out.write(["a", "b"])).toBe(true);
    expect(out.write([])).toBe(true);
    expect(out.write("c")).toBe(true);
    expect(chunks).toEqual(["a\nb\n"]);
    step();
    await new Promise(setImmediate);
    expect(chunks).toEqual(["a\nb\n", "c\n"]);
  });

  it("counts bytes, not characters, until they are taken", async () => {
    const { stream, step } = heldStream();
    const out = new OrderedWriter(stream, { encode: encodeLine });
    out.write("é");
    expect([out.queuedBytes, out.takenBytes]).toEqual([3, 0]);
    step();
    await new Promise(setImmediate);
    expect([out.queuedBytes, out.takenBytes]).toEqual([0, 3]);
    out.write("x");
    expect([out.queuedBytes, out.takenBytes]).toEqual([2, 3]);
  });

  it("asks to wait above the limit only, and lets a single larger line pass", async () => {
    const { stream, chunks, step } = heldStream();
    const out = new OrderedWriter(stream, { encode: encodeLine });
    out.write("x".repeat(UNREAD_LIMIT_BYTES - 1));
    expect(out.queuedBytes).toBe(UNREAD_LIMIT_BYTES);
    expect(out.ready()).toBeNull();
    out.write("y");
    const ready = out.ready();
    expect(ready).not.toBeNull();
    expect(out.ready()).toBe(ready);
    expect(await isSettled(ready as Promise<void>)).toBe(false);
    step();
    await ready;
    expect(out.ready()).toBeNull();
    expect(chunks).toHaveLength(2);
  });

  it("lets waiters go when the stream breaks, once, and drops and counts the rest", async () => {
    const { stream, step } = heldStream();
    const out = new OrderedWriter(stream, { encode: encodeLine, limit: 1 });
    out.write("a");
    out.write("b");
    const ready = out.ready();
    const broken = new Error("EPIPE");
    step(broken);
    await ready;
    expect(await out.closed).toBe(broken);
    expect(out.write(["c", "d"])).toBe(false);
    expect(out.write("e")).toBe(false);
    expect(out.droppedLines).toBe(3);
    expect(out.ready()).toBeNull();
    expect(out.queuedBytes).toBe(0);
    expect(await out.end(1000)).toBe(false);
  });

  it("closes without an error when the stream is destroyed", async () => {
    const stream = new PassThrough();
    const out = new OrderedWriter(stream, { encode: encodeLine });
    stream.destroy();
    expect(await out.closed).toBeNull();
    expect(out.write("a")).toBe(false);
  });

  it("is closed from the start over a stream that is gone", async () => {
    const stream = new PassThrough();
    stream.on("error", () => {});
    const broken = new Error("gone");
    stream.destroy(broken);
    await new Promise((resolve) => stream.on("close", resolve));
    const out = new OrderedWriter(stream, { encode: encodeLine });
    expect(await out.closed).toBe(broken);
    expect(out.writable).toBe(false);
  });

  it("flushes at the end, takes nothing more, and ends the stream", async () => {
    const stream = new PassThrough();
    const out = new OrderedWriter(stream, { encode: encodeLine });
    out.write("a");
    const ended = out.end(1000);
    expect(out.write("late")).toBe(false);
    expect(out.end(0)).toBe(ended);
    expect(await ended).toBe(true);
    expect(await stream.toArray()).toEqual([Buffer.from("a\n")]);
    expect(out.droppedLines).toBe(1);
  });

  it("does not wait for ever for a peer that stopped reading", async () => {
    const { stream } = heldStream();
    const out = new OrderedWriter(stream, { encode: encodeLine });
    out.write("a");
    expect(await out.end(20)).toBe(false);
  });

  it("keeps order through a pipe that is full, and merges nothing", async () => {
    const stream = new PassThrough({ highWaterMark: 64 });
    const out = new OrderedWriter(stream, { encode: encodeLine, limit: 1000 });
    const sent: string[] = [];
    const produce = async (): Promise<void> => {
      for (let n = 0; n < 500; n++) {
        sent.push(`{"n":${n}}`);
        out.write(`{"n":${n}}`);
        await out.ready();
        expect(out.queuedBytes).toBeLessThanOrEqual(1000);
      }
      await out.end(5000);
    };
    const [text] = await Promise.all([stream.toArray().then((chunks) => chunks.join("")), produce()]);
    expect(text.split("\n").slice(0, -1)).toEqual(sent);
  });
});
