import { afterEach, describe, expect, test } from "vitest";
import type { ExtensionName } from "../../wire/generated/extensions.gen.js";
import { rawPeer } from "../../wire/testing/raw-peer.js";
import { memoryTransportPair } from "../../wire/transport.js";
import { silentLogger } from "../logger.js";
import type { WireRecord } from "../storage/replay.js";
import { eventRecord } from "../turn/encode-events.js";
import { ExtendedLines } from "./extended-lines.js";
import { connectClient } from "./kernel-server.js";

const GRANT = { kind: "edit" as const, text: "edit files in the workspace" };
const ended: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

function setUp() {
  const [server, client] = memoryTransportPair();
  const { connection, sink } = connectClient(server, "ndjson", silentLogger);
  connection.serve({
    initialize: () => ({}),
    prompt: () => ({}),
    steer: () => ({}),
    set_plan_mode: () => ({}),
    replay: () => ({}),
    cancel: () => ({}),
    resume: () => ({}),
    ping: () => ({}),
  });
  const extend = (names: ReadonlySet<ExtensionName>) => {
    sink.extended = names.size === 0 ? null : new ExtendedLines(names);
  };
  ended.push(() => connection.close());
  const peer = rawPeer(client);
  const controller = new AbortController();
  const payload = { id: "q1", action: "run", note: null };
  const ask = () => {
    const record = { ...eventRecord("ApprovalRequest", payload), kind: "request" as const, id: "q1" };
    return sink.request(7, record, controller.signal, { epoch: 2, prev: 5 }, { grant: GRANT });
  };
  return { connection, sink, extend, peer, client, controller, payload, ask };
}

test("events are lines with the payload's bytes as they were recorded", async () => {
  const { sink, peer } = setUp();
  sink.deliver(1, [
    eventRecord("TurnBegin", { user_input: 'a "b" \u2028' }),
    { kind: "event", type: "X", payload: {}, json: '{"n":1.50,"z":null}' },
  ]);
  expect(await peer.next()).toEqual({
    jsonrpc: "2.0",
    method: "event",
    params: { type: "TurnBegin", payload: { user_input: 'a "b" \u2028' } },
  });
  while (peer.waiting.length === 0) await new Promise(setImmediate);
  expect(peer.waiting[0]).toBe(
    '{"jsonrpc":"2.0","method":"event","params":{"type":"X","payload":{"n":1.50,"z":null}}}',
  );
});

test("replayed records: requests keep their id, nothing is expected in answer", async () => {
  const { sink, peer } = setUp();
  const record = (change: Partial<WireRecord>): WireRecord => ({
    type: "TurnEnd",
    isRequest: false,
    id: null,
    json: "{}",
    ...change,
  });
  sink.replay([record({}), record({ type: "ToolCallRequest", isRequest: true, id: 't"1', json: '{"id":"t\\"1"}' })]);
  expect(await peer.next()).toEqual({ jsonrpc: "2.0", method: "event", params: { type: "TurnEnd", payload: {} } });
  expect(await peer.next()).toEqual({
    jsonrpc: "2.0",
    id: 't"1',
    method: "request",
    params: { type: "ToolCallRequest", payload: { id: 't"1' } },
  });
  expect(sink.isIdTaken('t"1')).toBe(false);
});

describe("with extensions", () => {
  const begin = eventRecord("TurnBegin", { user_input: "a" });
  const end = eventRecord("TurnEnd", {});
  const approval = { type: "ApprovalRequest", isRequest: true, id: "q1", json: '{"id":"q1"}' };

  test("events carry their seq, the epoch, and the seq of what was sent before", async () => {
    const { sink, extend, peer } = setUp();
    extend(new Set(["seq/1"]));
    sink.deliver(4, [begin, end], { epoch: 2, prev: 3 });
    sink.deliver(0, [end]);
    while (peer.waiting.length < 3) await new Promise(setImmediate);
    const head = '{"jsonrpc":"2.0","method":"event","params":';
    expect(peer.waiting).toEqual([
      `${head}{"type":"TurnBegin","payload":{"user_input":"a"},"seq":4,"epoch":2,"prev":3}}`,
      `${head}{"type":"TurnEnd","payload":{},"seq":5,"epoch":2,"prev":4}}`,
      `${head}{"type":"TurnEnd","payload":{},"seq":0,"epoch":0,"prev":0}}`,
    ]);
  });

  test.each([
    [["seq/1"], { seq: 7, epoch: 2, prev: 5 }],
    [["grants/1"], { grant: GRANT }],
    [["seq/1", "grants/1"], { seq: 7, epoch: 2, prev: 5, grant: GRANT }],
    [["resume/1", "heartbeat/1"], {}],
  ] as const)("a request has beside its payload what %j add", async (names, beside) => {
    const { extend, peer, ask, payload } = setUp();
    extend(new Set(names));
    ask().catch(() => {});
    expect(await peer.next()).toEqual({
      jsonrpc: "2.0",
      method: "request",
      id: "q1",
      params: { type: "ApprovalRequest", payload, ...beside },
    });
  });

  test("events are plain without seq/1", async () => {
    const { sink, extend, peer } = setUp();
    extend(new Set(["resume/1", "heartbeat/1", "grants/1"]));
    sink.deliver(4, [end], { epoch: 2, prev: 3 });
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", method: "event", params: { type: "TurnEnd", payload: {} } });
  });

  test("they can be turned off again", async () => {
    const { sink, extend, peer } = setUp();
    extend(new Set(["seq/1"]));
    extend(new Set());
    sink.deliver(4, [end], { epoch: 2, prev: 3 });
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", method: "event", params: { type: "TurnEnd", payload: {} } });
  });

  test("records with a stamp are shown: a request among them has no id", async () => {
    const { sink, extend, peer } = setUp();
    extend(new Set(["seq/1"]));
    const stamp = { seq: 9, epoch: 1, prev: 8 };
    sink.replay([
      { type: "TurnEnd", isRequest: false, id: null, json: "{}", stamp },
      { ...approval, stamp },
    ]);
    const params = { payload: {}, ...stamp };
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", method: "event", params: { type: "TurnEnd", ...params } });
    expect(await peer.next()).toEqual({
      jsonrpc: "2.0",
      method: "request",
      params: { type: "ApprovalRequest", ...params, payload: { id: "q1" } },
    });
  });

  test("an approval that is asked again has its grant for those who asked for it", async () => {
    const { sink, extend, peer } = setUp();
    sink.replay([{ ...approval, beside: { grant: GRANT } }]);
    extend(new Set(["grants/1"]));
    sink.replay([{ ...approval, beside: { grant: null } }]);
    const params = { type: "ApprovalRequest", payload: { id: "q1" } };
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", method: "request", id: "q1", params });
    const again = { ...params, grant: null };
    expect(await peer.next()).toEqual({ jsonrpc: "2.0", method: "request", id: "q1", params: again });
  });
});

describe("a request", () => {
  test("has the payload's id and resolves with the raw result", async () => {
    const { peer, ask, payload, sink } = setUp();
    const result = ask();
    expect(await peer.next()).toEqual({
      jsonrpc: "2.0",
      id: "q1",
      method: "request",
      params: { type: "ApprovalRequest", payload },
    });
    expect(sink.isIdTaken("q1")).toBe(true);
    peer.sendJson({ jsonrpc: "2.0", id: "q1", result: { any: ["thing"] } });
    expect(await result).toEqual({ any: ["thing"] });
    expect(sink.isIdTaken("q1")).toBe(false);
  });

  test.each([
    ["in plain words", { code: 1, message: "tool exploded" }],
    ["with a code that sounds like ours", { code: 1, message: "tool exploded", data: { code: "closed" } }],
  ])("answered with an error %s", async (_name, error) => {
    const { peer, ask } = setUp();
    const result = ask();
    peer.sendJson({ jsonrpc: "2.0", id: "q1", error });
    await expect(result).rejects.toMatchObject({ code: "answered_error", message: "tool exploded" });
  });

  test("of a client that leaves, and of one that has left", async () => {
    const { peer, ask } = setUp();
    const result = ask();
    peer.end();
    await expect(result).rejects.toMatchObject({ code: "closed" });
    await expect(ask()).rejects.toMatchObject({ code: "closed" });
  });

  test("given up: its id stays taken until the one late answer", async () => {
    const { peer, ask, controller, sink } = setUp();
    const result = ask();
    await peer.next();
    controller.abort(new Error("enough"));
    await expect(result).rejects.toMatchObject({ code: "aborted" });
    expect(sink.isIdTaken("q1")).toBe(true);
    peer.sendJson({ jsonrpc: "2.0", id: "q1", result: {} });
    await expect.poll(() => sink.isIdTaken("q1")).toBe(false);
  });
});

test("a client that does not read makes the producers wait, until it reads on", async () => {
  const { sink, client } = setUp();
  client.readable.pause();
  const big = eventRecord("ContentPart", { type: "text", text: "x".repeat(900_000) });
  expect(sink.ready()).toBeNull();
  sink.deliver(1, [big, big]);
  const behind = sink.ready();
  expect(behind).not.toBeNull();
  client.readable.resume();
  await behind;
  expect(sink.ready()).toBeNull();
});
