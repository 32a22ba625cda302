import { afterEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { type Connection, createConnection } from "./connection.js";
import type { ConnectionOptions } from "./connection-options.js";
import { WireError } from "./errors.js";
import { rawPeer } from "./testing/raw-peer.js";
import { memoryTransportPair } from "./transport.js";

const methods = { echo: z.unknown(), hold: z.unknown(), fail: z.unknown() };
const open: Connection[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.close(0)));
});

/** A connection that serves `echo`, `hold` (answers when released) and `fail`, and a peer that sees its bytes. */
function serve(options: Partial<ConnectionOptions<typeof methods>> = {}) {
  const [mine, theirs] = memoryTransportPair();
  const connection = createConnection({ transport: mine, methods, ...options });
  const held: ((value: unknown) => void)[] = [];
  const calls: unknown[] = [];
  connection.serve({
    echo: (params) => {
      calls.push(params);
      return params;
    },
    hold: () => new Promise((resolve) => held.push(resolve)),
    fail: () => Promise.reject(new WireError("provider_error", "boom", { number: -32003 })),
  });
  open.push(connection);
  return { connection, peer: rawPeer(theirs), theirs, held, calls };
}

const refusedLine = (data: unknown = null) => ({
  jsonrpc: "2.0",
  id: null,
  error: { code: -32600, message: "Invalid request", data },
});

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "resolved",
    (error: unknown) => (error instanceof WireError ? error.code : `not a WireError: ${String(error)}`),
  );
}

describe("serving", () => {
  it.each<[string, unknown]>([
    ["string", "a"],
    ["empty string", ""],
    ["integer", 7],
    ["numeric string", "7"],
    ["zero", 0],
    ["lone surrogate", "\ud800"],
    ["prototype name", "__proto__"],
  ])("echoes a %s id in its own type", async (_name, id) => {
    const { peer } = serve();
    peer.sendJson({ jsonrpc: "2.0", id, method: "echo", params: { x: "é\u2028" } });
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id, result: { x: "é\u2028" } });
  });

  it('answers 1 and "1" apart, also when both are live', async () => {
    const { peer, held } = serve();
    peer.send('{"id":1,"method":"hold"}\n{"id":"1","method":"hold"}\n{"id":"n1","method":"hold"}\n');
    peer.sendJson({ id: "probe", method: "echo" });
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: "probe", result: null });
    for (const [index, release] of held.entries()) {
      release(index);
    }
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: 1, result: 0 });
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: "1", result: 1 });
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: "n1", result: 2 });
  });

  it.each([
    ["the same tick", '{"id":"d","method":"hold"}\n{"id":"d","method":"echo"}\n'],
    ["the same tick, as integers", '{"id":5,"method":"hold"}\n{"id":5,"method":"echo"}\n'],
  ])("refuses a live id in %s and answers the first", async (_name, lines) => {
    const { peer, held, calls } = serve();
    peer.send(lines);
    expect(await peer.next()).toEqual(refusedLine({ code: "duplicate_id" }));
    peer.sendJson({ id: "probe", method: "echo", params: "probe" });
    expect(await peer.next()).toMatchObject({ id: "probe" });
    held[0]?.("first");
    expect(await peer.next()).toMatchObject({ result: "first" });
    expect(calls).toEqual(["probe"]);
  });

  it("refuses a live id in a later tick, and takes it again once it is answered", async () => {
    const { peer, held } = serve();
    peer.sendJson({ id: "d", method: "hold" });
    peer.sendJson({ id: "p1", method: "echo" });
    expect(await peer.next()).toMatchObject({ id: "p1" });
    peer.sendJson({ id: "d", method: "echo" });
    expect(await peer.next()).toEqual(refusedLine({ code: "duplicate_id" }));
    held[0]?.("first");
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: "d", result: "first" });
    peer.sendJson({ id: "d", method: "echo", params: { again: true } });
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: "d", result: { again: true } });
  });

  it.each<[string, string, unknown]>([
    ["text", "what?\n", { code: -32700, message: "Invalid JSON format", data: null }],
    ["bad UTF-8", '{"id":"\xff"}\n', { code: -32700, message: "Invalid JSON format", data: null }],
    ["a batch", '[{"id":"a","method":"echo"}]\n', refusedLine().error],
    ["a null id", '{"id":null,"method":"echo"}\n', refusedLine().error],
    ["too deep a message", `${"[".repeat(129)}${"]".repeat(129)}\n`, refusedLine({ code: "too_deep" }).error],
    ["an unfinished deep message", `${"[".repeat(1_000_000)}\n`, refusedLine({ code: "too_deep" }).error],
    ["a malformed answer", '{"id":"a","error":{"code":1}}\n', refusedLine().error],
  ])("answers %s once, with id null, and goes on", async (_name, line, error) => {
    const { peer, connection } = serve();
    peer.send(Buffer.from(line, "latin1"));
    peer.sendJson({ id: "probe", method: "echo" });
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: null, error });
    expect(await peer.next()).toMatchObject({ id: "probe" });
    expect(connection.ignored.bad_line).toBe(1);
  });

  it("answers a line over the cap and goes on", async () => {
    const { peer } = serve({ maxMessageBytes: 100 });
    peer.send(`{"id":"big","method":"echo","params":"${"x".repeat(200_000)}"}\n`);
    peer.sendJson({ id: "probe", method: "echo" });
    expect(await peer.next()).toEqual(refusedLine({ code: "line_too_long" }));
    expect(await peer.next()).toMatchObject({ id: "probe" });
  });

  it("refuses to send what no peer would read: the call rejects, the answer becomes an error", async () => {
    const { peer, connection, held } = serve({ maxMessageBytes: 200 });
    // Each of these is shorter than the limit in characters.
    const text = "\u20ac".repeat(80);
    await expect(connection.request("ask", { text })).rejects.toMatchObject({
      code: "line_too_long",
      data: { code: "line_too_long" },
    });
    peer.sendJson({ id: "big", method: "hold" });
    await expect.poll(() => held.length).toBe(1);
    held[0]?.({ text });
    expect(await peer.next()).toMatchObject({ id: "big", error: { code: -32603, data: { code: "line_too_long" } } });
    peer.sendJson({ id: "probe", method: "echo" });
    expect(await peer.next()).toMatchObject({ id: "probe" });
  });

  it.each([
    ["an empty object", "{}\n"],
    ["an unknown notification", '{"method":"nope"}\n'],
    ["a request's method without an id", '{"method":"echo","params":1}\n'],
    ["a malformed notification", '{"method":{}}\n'],
    ["a cancel notification of another protocol", '{"method":"$/cancelRequest"}\n'],
    ["the same with a null id inside", '{"method":"$/cancelRequest","params":{"id":null}}\n'],
    ["a progress notification of another protocol", '{"method":"$/progress","params":{}}\n'],
    ["an answer to nothing", '{"id":"zzz","result":{}}\n'],
    ["an integer answer to nothing", '{"id":1,"result":{}}\n'],
    ["an error with id null", '{"id":null,"error":{"code":-32700,"message":"x"}}\n'],
    ["blank lines", "\r\n\n   \n"],
  ])("says nothing to %s", async (_name, line) => {
    const { peer, calls } = serve();
    peer.send(line);
    peer.sendJson({ id: "probe", method: "echo", params: 0 });
    expect(await peer.next()).toMatchObject({ id: "probe" });
    expect(calls).toEqual([0]);
  });

  it("never answers an error with an error, so that two peers cannot argue", async () => {
    const [a, b] = memoryTransportPair();
    const left = createConnection({ transport: a, methods: {} });
    const right = createConnection({ transport: b, methods: {} });
    open.push(left, right);
    left.serve({});
    right.serve({});
    left.writeLines("garbage");
    expect(await codeOf(left.request("nope"))).toBe("method_not_found");
    expect(right.ignored).toEqual({ bad_line: 1 });
    expect(left.ignored).toEqual({ response_without_id: 1 });
  });

  it("stays silent about bad lines when told so", async () => {
    const { peer, connection } = serve({ answerBadLines: false });
    peer.send("SCRIPTED 1\n[]\n");
    peer.sendJson({ id: "probe", method: "echo" });
    expect(await peer.next()).toMatchObject({ id: "probe" });
    expect(connection.ignored.bad_line).toBe(2);
  });

  it("maps what handlers throw, and results that JSON cannot hold", async () => {
    const [mine, theirs] = memoryTransportPair();
    const connection = createConnection({ transport: mine, methods: { a: z.unknown(), b: z.unknown() } });
    open.push(connection);
    const peer = rawPeer(theirs);
    const circular: { self?: unknown } = {};
    circular.self = circular;
    connection.serve({ a: () => 5n, b: () => Promise.reject(new RangeError("far")) });
    peer.sendJson({ id: "1", method: "a" });
    expect(await peer.next()).toMatchObject({ id: "1", error: { code: -32603, data: null } });
    peer.sendJson({ id: "2", method: "b" });
    const error = { code: -32603, message: "RangeError: far", data: null };
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: "2", error });
  });

  it("writes an answer after every line written before it", async () => {
    const { peer, held, connection } = serve();
    peer.sendJson({ id: "p", method: "hold" });
    peer.sendJson({ id: "probe", method: "echo" });
    await peer.next();
    connection.writeLines(['{"n":1}', '{"n":2}']);
    held[0]?.("done");
    connection.writeLines('{"n":3}');
    const got = [await peer.next(), await peer.next(), await peer.next(), await peer.next()];
    expect(got).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, { jsonrpc: "2.0", id: "p", result: "done" }]);
  });

  it("refuses to serve twice, and to ask before it serves", async () => {
    const { connection } = serve();
    expect(() => connection.serve({ echo: () => 0, hold: () => 0, fail: () => 0 })).toThrow(WireError);
    const [mine] = memoryTransportPair();
    const silent = createConnection({ transport: mine, methods: {} });
    open.push(silent);
    expect(await codeOf(silent.request("x"))).toBe("not_serving");
  });

  it("speaks Content-Length on request", async () => {
    const [a, b] = memoryTransportPair();
    const left = createConnection({ transport: a, methods: {}, framing: "content-length" });
    const right = createConnection({ transport: b, methods: { echo: z.unknown() }, framing: "content-length" });
    open.push(left, right);
    left.serve({});
    right.serve({ echo: (params) => params });
    expect(await left.request("echo", { text: "é\n" })).toEqual({ text: "é\n" });
  });
});

describe("asking", () => {
  it("uses string ids, its own or the caller's", async () => {
    const { connection, peer } = serve();
    const first = connection.request("request", { a: 1 });
    const second = connection.request("request", { a: 2 }, { id: "uuid-1" });
    const third = connection.request("ping");
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: "1", method: "request", params: { a: 1 } });
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: "uuid-1", method: "request", params: { a: 2 } });
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", id: "2", method: "ping" });
    peer.sendJson({ jsonrpc: "2.0", id: "uuid-1", result: { ok: 2 } });
    peer.sendJson({ jsonrpc: "2.0", id: "2", result: null });
    peer.sendJson({ jsonrpc: "2.0", id: "1", error: { code: -32000, message: "No agent turn is in progress" } });
    expect(await second).toEqual({ ok: 2 });
    expect(await third).toBeNull();
    expect(await codeOf(first)).toBe("no_turn");
  });

  it("steps over ids that the caller took", async () => {
    const { connection, peer } = serve();
    const taken = connection.request("x", {}, { id: "1" });
    const fresh = connection.request("x");
    expect(await peer.next()).toMatchObject({ id: "1" });
    expect(await peer.next()).toMatchObject({ id: "2" });
    expect(await codeOf(connection.request("x", {}, { id: "1" }))).toBe("duplicate_id");
    peer.sendJson({ id: "1", result: "a" });
    peer.sendJson({ id: "2", result: "b" });
    expect(await Promise.all([taken, fresh])).toEqual(["a", "b"]);
  });

  it("takes the first of two answers and counts the second", async () => {
    const { connection, peer } = serve();
    const call = connection.request("x", {}, { id: "a" });
    peer.send('{"id":"a","result":"first"}\n{"id":"a","result":"second"}\n');
    expect(await call).toBe("first");
    expect(connection.ignored).toEqual({ unknown_response: 1 });
  });

  it("does not take an integer for the answer to a string id", async () => {
    const { connection, peer } = serve();
    const call = connection.request("x", {}, { id: "1" });
    peer.send('{"id":1,"result":"wrong"}\n{"id":"1","result":"right"}\n');
    expect(await call).toBe("right");
    expect(connection.ignored).toEqual({ unknown_response: 1 });
  });

  it("rejects on abort, writes nothing more, and ignores the one late answer", async () => {
    const { connection, peer } = serve();
    const abort = new AbortController();
    const call = connection.request("x", {}, { id: "a", signal: abort.signal });
    await peer.next();
    abort.abort();
    expect(await codeOf(call)).toBe("cancelled");
    expect(await codeOf(connection.request("x", {}, { id: "a" }))).toBe("duplicate_id");
    peer.send('{"id":"a","result":"late"}\n{"id":"a","result":"later"}\n');
    peer.sendJson({ id: "probe", method: "echo" });
    expect(await peer.next()).toMatchObject({ id: "probe" });
    expect(connection.ignored).toEqual({ late_response: 1, unknown_response: 1 });
    const again = connection.request("x", {}, { id: "a" });
    peer.sendJson({ id: "a", result: "new" });
    expect(await again).toBe("new");
  });

  it("writes nothing for a call that was aborted before", async () => {
    const { connection, peer } = serve();
    expect(await codeOf(connection.request("x", {}, { signal: AbortSignal.abort() }))).toBe("cancelled");
    peer.sendJson({ id: "probe", method: "echo" });
    expect(await peer.next()).toMatchObject({ id: "probe" });
  });

  it("rejects a malformed answer instead of waiting for a better one", async () => {
    const { connection, peer } = serve();
    const call = connection.request("x", {}, { id: "a" });
    await peer.next();
    peer.send('{"id":"a","error":{"message":"no code"}}\n');
    expect(await peer.next()).toEqual(refusedLine());
    expect(await codeOf(call)).toBe("invalid_response");
    peer.send('{"id":"a","result":"approve"}\n');
    peer.sendJson({ id: "probe", method: "echo" });
    expect(await peer.next()).toMatchObject({ id: "probe" });
    expect(connection.ignored).toMatchObject({ unknown_response: 1 });
  });

  it("rejects params that JSON cannot hold and frees the id", async () => {
    const { connection, peer } = serve();
    expect(await codeOf(connection.request("x", { n: 5n }, { id: "a" }))).toBe("unserialisable");
    const call = connection.request("x", { n: 5 }, { id: "a" });
    expect(await peer.next()).toMatchObject({ id: "a", params: { n: 5 } });
    peer.sendJson({ id: "a", result: 1 });
    expect(await call).toBe(1);
  });

  it("hands notifications over in order with answers and calls", async () => {
    const log: unknown[] = [];
    const { connection, peer } = serve({ onNotification: (method, params) => log.push([method, params]) });
    const call = connection.request("prompt").then(() => log.push("answered"));
    await peer.next();
    peer.send(
      '{"method":"event","params":1}\n{"method":"event","params":2}\n{"id":"1","result":0}\n' +
        '{"method":"event","params":3}\n{"id":"e","method":"echo","params":4}\n{"method":"event","params":5}\n',
    );
    await call;
    await peer.next();
    peer.sendJson({ id: "probe", method: "echo" });
    await peer.next();
    expect(log).toEqual([["event", 1], ["event", 2], "answered", ["event", 3], ["event", 5]]);
  });

  it("survives a notification handler that throws", async () => {
    const { connection, peer } = serve({
      onNotification: () => {
        throw new Error("host bug");
      },
    });
    peer.send('{"method":"event"}\n');
    peer.sendJson({ id: "probe", method: "echo" });
    expect(await peer.next()).toMatchObject({ id: "probe" });
    expect(connection.ignored).toEqual({ handler_failed: 1 });
  });
});

describe("back-pressure", () => {
  it("asks to wait while the peer does not read, keeps order and merges nothing", async () => {
    const [mine, theirs] = memoryTransportPair();
    const connection = createConnection({ transport: mine, methods: {} });
    open.push(connection);
    connection.serve({});
    const sent: string[] = [];
    while (connection.queuedBytes < 2 * 1024 * 1024) {
      const line = JSON.stringify({ n: sent.length, text: "x".repeat(1000) });
      sent.push(line);
      connection.writeLines(line);
    }
    let drained = false;
    const ready = connection.ready()?.then(() => {
      drained = true;
    });
    expect(ready).toBeDefined();
    for (let turn = 0; turn < 50; turn++) {
      await new Promise(setImmediate);
    }
    expect(drained).toBe(false);
    const peer = rawPeer(theirs);
    for (const line of sent) {
      expect(await peer.next()).toEqual(JSON.parse(line));
    }
    await ready;
    expect(connection.ready()).toBeNull();
    expect(peer.waiting).toEqual([]);
  });
});
