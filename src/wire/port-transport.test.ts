import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { build } from "esbuild";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { portTransport } from "./port-transport.js";
import type { Transport } from "./transport.js";

const KIB = 1024;
const open: Transport[] = [];

afterEach(async () => {
  for (const transport of open.splice(0)) {
    transport.writable.destroy();
    await transport.close();
  }
});

function pair(): [Transport, Transport] {
  const { port1, port2 } = new MessageChannel();
  const both: [Transport, Transport] = [portTransport(port1), portTransport(port2)];
  open.push(...both);
  return both;
}

/** Everything up to the end of the stream. */
async function readAll({ readable }: Transport): Promise<Buffer> {
  const chunks: Buffer[] = [];
  readable.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(readable, "end");
  return Buffer.concat(chunks);
}

/** Gives the other thread of events every chance to go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
}

function bytes(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
}

describe("portTransport", () => {
  it("carries bytes both ways, and what was written before close can still be read", async () => {
    const [left, right] = pair();
    left.writable.write("to the right");
    right.writable.write(Buffer.from([0xff, 0x00]));
    const [first] = (await once(left.readable, "data")) as [Buffer];
    expect(first).toEqual(Buffer.from([0xff, 0x00]));
    await left.close();
    await left.close();
    expect((await readAll(right)).toString()).toBe("to the right");
  });

  it("leaves the memory of the writer alone", async () => {
    const [left, right] = pair();
    const chunk = Buffer.from("kept");
    left.writable.write(chunk);
    await once(right.readable, "data");
    expect(chunk.toString()).toBe("kept");
  });

  it("makes the writer wait for a reader that does not read, about as long as a pipe does", async () => {
    const [left, right] = pair();
    const taken = [0];
    const size = 8 * KIB;
    for (let n = 1; n <= 64; n++) left.writable.write(Buffer.alloc(size, n), () => taken.push(n * size));
    await settle();
    expect(Math.max(...taken)).toBe(64 * KIB);
    left.writable.end();
    expect(await readAll(right)).toHaveLength(64 * size);
    expect(Math.max(...taken)).toBe(64 * size);
  });

  it("breaks the writer's stream when the reader closes, and settles what waits there", async () => {
    const [left, right] = pair();
    const written = new Promise((resolve) => left.writable.write(Buffer.alloc(100 * KIB), resolve));
    await Promise.all([once(left.writable, "close"), right.close()]);
    expect(await written).toBeInstanceOf(Error);
    expect(left.writable.destroyed).toBe(true);
  });

  it("tells the writer that nobody reads any more, and leaves the other half alone", async () => {
    const [left, right] = pair();
    right.readable.destroy();
    await once(left.writable, "close");
    right.writable.end("still here");
    expect((await readAll(left)).toString()).toBe("still here");
  });

  it("a half that ended leaves the other half alone", async () => {
    const [left, right] = pair();
    left.writable.end("question");
    expect((await readAll(right)).toString()).toBe("question");
    right.writable.end("answer");
    expect((await readAll(left)).toString()).toBe("answer");
  });

  it("closes its port when both directions are over", async () => {
    const { port1, port2 } = new MessageChannel();
    const [left, right] = [portTransport(port1), portTransport(port2)];
    const closed = Promise.all([once(port1, "close"), once(port2, "close")]);
    await left.close();
    right.readable.resume();
    await right.close();
    await closed;
  });

  it("gives every byte in order, whatever the pieces, and ends where the writer did", async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 70 * KIB }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), async (pieces, pausing) => {
        const [left, right] = pair();
        const sent = pieces.map(bytes);
        for (const piece of sent) left.writable.write(piece);
        if (pausing) await settle();
        void left.close();
        expect((await readAll(right)).equals(Buffer.concat(sent))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it("gives a beginning of what was written and nothing else when either side breaks off anywhere", async () => {
    const piece = fc.integer({ min: 1, max: 40 * KIB });
    const cut = fc.record({ at: fc.nat(11), side: fc.constantFrom("writer", "reader", "port" as const) });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 12 }), cut, async (pieces, { at, side }) => {
        const { port1, port2 } = new MessageChannel();
        const [left, right] = [portTransport(port1), portTransport(port2)];
        open.push(left, right);
        const whole = Buffer.concat(pieces.map(bytes));
        const got: Buffer[] = [];
        right.readable.on("data", (chunk: Buffer) => got.push(chunk));
        const over = Promise.all([once(right.readable, "close"), once(left.writable, "close")]);
        for (const [n, size] of pieces.entries()) {
          if (n === at) await new Promise(setImmediate);
          if (n === at && side === "port") port1.close();
          else if (n === at) void (side === "writer" ? left.writable.destroy() : right.close());
          if (!left.writable.destroyed) left.writable.write(bytes(size));
        }
        if (at >= pieces.length) left.writable.end();
        const atClose = right.readable.destroyed ? Buffer.concat(got).length : null;
        await over;
        const read = Buffer.concat(got);
        expect(read.equals(whole.subarray(0, read.length))).toBe(true);
        if (atClose !== null) expect(read).toHaveLength(atClose);
        if (at >= pieces.length) expect(read).toHaveLength(whole.length);
      }),
      { numRuns: 60 },
    );
  });
});

describe("portTransport into a thread", () => {
  it("gives what the thread had written when it is terminated, then the end", async () => {
    const folder = mkdtempSync(join(tmpdir(), "port-"));
    const program = join(folder, "thread.mjs");
    const entry = `
      import { workerData, parentPort } from "node:worker_threads";
      import { portTransport } from "./src/wire/port-transport.js";
      portTransport(workerData).writable.write("said before the end");
      parentPort.postMessage("written");
      for (;;);`;
    const built = await build({
      stdin: { contents: entry, resolveDir: process.cwd(), loader: "ts" },
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
    });
    writeFileSync(program, built.outputFiles[0]?.text ?? "");
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(program, { workerData: port2, transferList: [port2], execArgv: [] });
    const here = portTransport(port1);
    open.push(here);
    await once(worker, "message");
    const outputClosed = once(here.writable, "close");
    await worker.terminate();
    expect((await readAll(here)).toString()).toBe("said before the end");
    await outputClosed;
    rmSync(folder, { recursive: true, force: true });
  });
});
