import { describe, expect, it } from "vitest";
import { memoryTransportPair } from "./transport.js";

describe("memoryTransportPair", () => {
  it("carries bytes both ways, and what was written before close can still be read", async () => {
    const [left, right] = memoryTransportPair();
    left.writable.write("to the right");
    right.writable.write(Buffer.from([0xff, 0x00]));
    const first = left.readable.iterator();
    expect((await first.next()).value).toEqual(Buffer.from([0xff, 0x00]));
    await left.close();
    await left.close();
    expect(Buffer.concat(await right.readable.toArray()).toString()).toBe("to the right");
  });

  it("makes the writer wait for a reader that does not read", async () => {
    const [left, right] = memoryTransportPair();
    let taken = 0;
    for (let n = 0; n < 4; n++) {
      left.writable.write(Buffer.alloc(64 * 1024), () => {
        taken++;
      });
    }
    for (let turn = 0; turn < 50; turn++) {
      await new Promise(setImmediate);
    }
    expect(taken).toBeLessThan(4);
    right.readable.resume();
    left.writable.end();
    await new Promise((resolve) => right.readable.on("end", resolve));
    expect(taken).toBe(4);
  });

  it("breaks the writer's stream when the reader closes", async () => {
    const [left, right] = memoryTransportPair();
    const closed = new Promise((resolve) => left.writable.on("close", resolve));
    await right.close();
    await closed;
    expect(left.writable.destroyed).toBe(true);
  });
});
