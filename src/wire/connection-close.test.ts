import { describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { createConnection } from "./connection.js";
import type { ConnectionOptions } from "./connection-options.js";
import { WireError } from "./errors.js";
import { rawPeer } from "./testing/raw-peer.js";
import { memoryTransportPair, type Transport } from "./transport.js";

const methods = { echo: z.unknown(), hold: z.unknown() };

function start(options: Partial<ConnectionOptions<typeof methods>> = {}) {
  const [mine, theirs] = memoryTransportPair();
  const connection = createConnection({ transport: mine, methods, writeFailureGraceMs: 20, ...options });
  const held: ((value: unknown) => void)[] = [];
  connection.serve({ echo: (params) => params, hold: () => new Promise((resolve) => held.push(resolve)) });
  /** Every settlement of the calls below, so that a second one would show. */
  const settled: string[] = [];
  const ask = (name: string, signal?: AbortSignal): Promise<void> =>
    connection.request(name, {}, signal === undefined ? { id: name } : { id: name, signal }).then(
      () => void settled.push(`${name}:ok`),
      (error: unknown) => void settled.push(`${name}:${error instanceof WireError ? error.code : String(error)}`),
    );
  return { connection, mine, theirs, held, settled, ask };
}

type Parts = ReturnType<typeof start> & { abort: AbortController };

const deaths: [string, (parts: Parts) => void, string, boolean][] = [
  ["EOF", ({ theirs }) => void theirs.writable.end(), "eof", true],
  ["a read error", ({ mine }) => void mine.readable.destroy(new Error("EIO")), "read_failed", true],
  ["a destroyed input", ({ mine }) => void mine.readable.destroy(), "read_failed", true],
  ["EPIPE", ({ mine }) => void mine.writable.destroy(new Error("EPIPE")), "write_failed", false],
  ["a peer that stops reading for good", ({ theirs }) => void theirs.readable.destroy(), "write_failed", false],
  ["both at once", ({ theirs }) => void theirs.close(), "eof", false],
  ["an abort", ({ abort }) => abort.abort(), "aborted", true],
  ["close", ({ connection }) => void connection.close(), "closed", false],
];

describe.each(deaths)("after %s", (_name, kill, kind, canWrite) => {
  it("every pending call has settled exactly once", async () => {
    const abort = new AbortController();
    const parts = { ...start({ signal: abort.signal }), abort };
    const { connection, settled, ask, theirs } = parts;
    const peer = rawPeer(theirs);
    const done = ask("done");
    peer.sendJson({ id: "done", result: 1 });
    await done;
    const own = new AbortController();
    const calls = [ask("a"), ask("b", own.signal), ask("c", AbortSignal.timeout(60_000))];
    await peer.next();
    kill(parts);
    const reason = await connection.closed;
    expect(reason.kind).toBe(kind);
    await Promise.all(calls);
    own.abort();
    expect(connection.signal.aborted).toBe(true);
    expect(connection.signal.reason).toMatchObject({ code: "closed" });
    await ask("later");
    expect(settled).toEqual(["done:ok", "a:closed", "b:closed", "c:closed", "later:closed"]);
    expect(connection.writeLines("{}")).toBe(canWrite);
    await connection.close(50);
    expect((await connection.closed).kind).toBe(kind);
    await connection.outputClosed;
    expect(settled).toHaveLength(5);
  });
});

describe("the end of the input", () => {
  it("comes after the calls and answers in front of it", async () => {
    const { connection, theirs, settled, ask } = start();
    const peer = rawPeer(theirs);
    const calls = [ask("a"), ask("b")];
    await peer.next();
    await peer.next();
    peer.send('{"id":"e1","method":"echo"}\n{"id":"a","result":1}\n{"id":"e2","method":"echo"}\n');
    peer.end();
    expect(await peer.next()).toMatchObject({ id: "e1" });
    expect(await peer.next()).toMatchObject({ id: "e2" });
    await Promise.all(calls);
    expect(settled).toEqual(["a:ok", "b:closed"]);
    expect(await connection.closed).toEqual({ kind: "eof", error: null });
    await connection.close();
  });

  it("leaves the output open, so that a running call can still be answered", async () => {
    const { connection, theirs, held } = start();
    const peer = rawPeer(theirs);
    peer.sendJson({ id: "h", method: "hold" });
    peer.end();
    await connection.closed;
    held[0]?.("late but written");
    connection.writeLines('{"last":true}');
    expect(await peer.next()).toEqual({ last: true });
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: "h", result: "late but written" });
    expect(await connection.close()).toBe(true);
    await expect(peer.next()).rejects.toThrow("ended");
  });

  it("never executes half a line, and counts it", async () => {
    const { connection, theirs, held } = start();
    const peer = rawPeer(theirs);
    peer.send('{"jsonrpc":"2.0","id":"h","method":"hold"}');
    peer.end();
    await connection.closed;
    await connection.close();
    await expect(peer.next()).rejects.toThrow("ended");
    expect(held).toEqual([]);
    expect(connection.ignored).toEqual({ truncated_input: 1 });
  });
});

describe("a failed output", () => {
  it("still takes the answers that the peer left in the pipe", async () => {
    const { connection, mine, theirs, settled, ask } = start({ writeFailureGraceMs: 5_000 });
    const call = ask("a");
    mine.writable.destroy(new Error("EPIPE"));
    expect(await connection.outputClosed).toMatchObject({ message: "EPIPE" });
    await ask("refused");
    theirs.writable.end('{"id":"a","result":1}\n');
    await call;
    expect(settled).toEqual(["refused:closed", "a:ok"]);
    expect((await connection.closed).kind).toBe("write_failed");
    await connection.close();
  });

  it("reports once, and drops and counts what comes after", async () => {
    const { connection, mine } = start();
    mine.writable.destroy(new Error("EPIPE"));
    await connection.closed;
    for (let n = 0; n < 40; n++) {
      connection.writeLines("{}");
    }
    expect(connection.droppedLines).toBe(40);
    await connection.close();
  });
});

describe("close", () => {
  it("flushes what was written, for a bounded time", async () => {
    const { connection, theirs } = start();
    connection.writeLines("x".repeat(200_000));
    const stuck = connection.close(20);
    expect(connection.close()).toBe(stuck);
    expect(await stuck).toBe(false);
    const { connection: other, theirs: reader } = start();
    const peer = rawPeer(reader);
    other.writeLines(JSON.stringify("y".repeat(200_000)));
    expect(await other.close()).toBe(true);
    expect(await peer.next()).toHaveLength(200_000);
    theirs.readable.destroy();
  });

  it("stops serving: nothing that arrives later runs", async () => {
    const ran = vi.fn();
    const [mine, theirs] = memoryTransportPair();
    const connection = createConnection({ transport: mine, methods: { act: z.unknown() } });
    connection.serve({ act: ran });
    const peer = rawPeer(theirs);
    const closing = connection.close();
    peer.sendJson({ id: "a", method: "act" });
    await closing;
    await expect(peer.next()).rejects.toThrow("ended");
    expect(ran).not.toHaveBeenCalled();
  });

  it("is over from the start over a dead transport or an aborted signal", async () => {
    const dead: Transport = memoryTransportPair()[0];
    dead.readable.destroy();
    const first = createConnection({ transport: dead, methods: {} });
    expect((await first.closed).kind).toBe("read_failed");
    const second = createConnection({
      transport: memoryTransportPair()[0],
      methods: {},
      signal: AbortSignal.abort(),
    });
    expect((await second.closed).kind).toBe("aborted");
    second.serve({});
    await Promise.all([first.close(), second.close()]);
  });
});
