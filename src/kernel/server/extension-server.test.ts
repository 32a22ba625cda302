import { afterEach, describe, expect, test } from "vitest";
import { createConnection } from "../../wire/connection.js";
import type { Call } from "../../wire/dispatch.js";
import { memoryTransportPair } from "../../wire/transport.js";
import type { KernelRuntime } from "../kernel.js";
import type { OpenTurnInfo, SessionResume, StampedRecord } from "../session/session-resume.js";
import { memoryKernels, type RpcLine } from "../testing/memory-kernel.js";
import { eventRecord } from "../turn/encode-events.js";
import { openExtensions } from "./extension-server.js";

const ended: (() => unknown)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** A fake of the session's side. */
class FakeResume implements SessionResume {
  open: OpenTurnInfo | null = null;
  records: StampedRecord[] = [];
  readonly calls: unknown[][] = [];

  openTurn() {
    return this.open;
  }

  async resume(...args: unknown[]) {
    this.calls.push(args);
    return { status: "finished" as const };
  }

  since(seq: number) {
    this.calls.push([seq]);
    return this.records;
  }
}

function setUp(...names: string[]) {
  const [server] = memoryTransportPair();
  const connection = createConnection({ transport: server, methods: {} });
  const extended = openExtensions(names, connection, { rss: () => 1 });
  const resume = new FakeResume();
  const runtime = { resume } as unknown as KernelRuntime;
  ended.push(() => extended.close());
  const serve = (method: string, params?: unknown) => extended.serve(call(method, params), async () => runtime);
  return { extended, resume, runtime, serve };
}

function call(method: string, rawParams?: unknown): Call {
  return { method, rawParams, signal: new AbortController().signal };
}

const invalid = (method: string) =>
  expect.objectContaining({ number: -32602, message: `Invalid parameters for method \`${method}\`` });
const unknown = (method: string) =>
  expect.objectContaining({ number: -32601, message: `Unexpected method received: ${method}` });

describe("client_id", () => {
  test("is read beside whatever else the params hold", () => {
    const { extended } = setUp("resume/1");
    expect(extended.clientId(call("prompt", { user_input: "x", client_id: "c1" }))).toBe("c1");
    for (const params of [undefined, null, [], "x", {}, { user_input: "x" }]) {
      expect(extended.clientId(call("cancel", params))).toBeNull();
    }
  });

  test.each([null, "", 1, "x".repeat(129), ["c1"]])("%j is refused", (client_id) => {
    const { extended } = setUp("resume/1");
    expect(() => extended.clientId(call("steer", { client_id }))).toThrow(invalid("steer"));
  });

  test("is nothing without resume/1", () => {
    const { extended } = setUp("seq/1", "heartbeat/1", "grants/1");
    for (const client_id of ["c1", 1]) expect(extended.clientId(call("prompt", { client_id }))).toBeNull();
  });
});

describe("replay {since}", () => {
  test("is the records behind that seq with their stamps, read when they are wanted", () => {
    const { extended, resume } = setUp("seq/1");
    const stamp = { seq: 9, epoch: 2, prev: 8 };
    const asked = { ...eventRecord("ApprovalRequest", { id: "q" }), kind: "request" as const, id: "q" };
    resume.records = [
      { stamp, record: eventRecord("TurnEnd", {}) },
      { stamp, record: asked },
    ];
    const since = extended.since(call("replay", { since: 7 }), resume);
    expect(resume.calls).toEqual([]);
    expect([...(since?.() ?? [])]).toEqual([
      { type: "TurnEnd", json: "{}", isRequest: false, id: null, stamp },
      { type: "ApprovalRequest", json: '{"id":"q"}', isRequest: true, id: null, stamp },
    ]);
    expect(resume.calls).toEqual([[7]]);
  });

  test.each([undefined, null, {}, [], { from: 1 }])("%j is a plain replay", (params) => {
    const { extended, resume } = setUp("seq/1");
    expect(extended.since(call("replay", params), resume)).toBeUndefined();
  });

  test.each([-1, 0.5, "7", null])("since %j is refused", (since) => {
    const { extended, resume } = setUp("seq/1");
    expect(() => extended.since(call("replay", { since }), resume)).toThrow(invalid("replay"));
  });

  test("is a plain replay without seq/1, whatever since is", () => {
    const { extended, resume } = setUp("resume/1");
    for (const since of [7, "7"]) expect(extended.since(call("replay", { since }), resume)).toBeUndefined();
  });
});

describe("open_turn", () => {
  const open = { turnId: "t", clientId: null, seq: 4 };

  test("is there when a turn is open", () => {
    const { extended, resume, runtime } = setUp("resume/1");
    expect(extended.introduce(runtime)).toEqual({});
    expect(extended.introduce(null)).toEqual({});
    resume.open = open;
    expect(extended.introduce(runtime)).toEqual({ open_turn: { turn_id: "t", client_id: null, seq: 4 } });
  });

  test("is left out without resume/1", () => {
    const { extended, resume, runtime } = setUp("seq/1");
    resume.open = open;
    expect(extended.introduce(runtime)).toEqual({});
  });
});

describe("methods", () => {
  test("resume goes to the session with what it is to do", async () => {
    const { serve, resume } = setUp("resume/1");
    expect(await serve("resume", { turn_id: "t" })).toEqual({ status: "finished" });
    await serve("resume", { turn_id: "t", action: "settle" });
    expect(resume.calls).toEqual([
      ["t", "continue"],
      ["t", "settle"],
    ]);
  });

  test.each([undefined, {}, { turn_id: 1 }, { turn_id: "t", action: "restart" }])(
    "resume %j is refused",
    async (params) => {
      const { serve, resume } = setUp("resume/1");
      await expect(serve("resume", params)).rejects.toEqual(invalid("resume"));
      expect(resume.calls).toEqual([]);
    },
  );

  test("ping is answered whatever it holds", async () => {
    const { serve } = setUp("heartbeat/1");
    for (const params of [undefined, null, { any: 1 }]) expect(await serve("ping", params)).toEqual({});
  });

  test("each belongs to its own extension", async () => {
    await expect(setUp("heartbeat/1").serve("resume", { turn_id: "t" })).rejects.toEqual(unknown("resume"));
    await expect(setUp("resume/1").serve("ping")).rejects.toEqual(unknown("ping"));
  });
});

describe("over the wire", () => {
  const start = memoryKernels();
  const initialize = (...extensions: string[]) => ({ protocol_version: "1.10", capabilities: { extensions } });
  const stampOf = ({ params }: RpcLine) => params as { seq?: number; prev?: number } | undefined;

  test("they last until the next initialize", async () => {
    const kernel = start({ scripts: ["text: a", "text: b", "text: c"] });
    const prompt = async (id: string) => await kernel.call(id, "prompt", { user_input: "x" });
    expect((await prompt("1")).some((line) => stampOf(line)?.seq !== undefined)).toBe(false);
    await kernel.call("2", "initialize", initialize("seq/1"));
    const stamped = (await prompt("3")).slice(0, -1).map(stampOf);
    expect(stamped.every((stamp) => Number(stamp?.seq) > Number(stamp?.prev))).toBe(true);
    expect(stamped.length).toBeGreaterThan(3);
    await kernel.call("4", "initialize", { protocol_version: "1.10" });
    expect((await prompt("5")).some((line) => stampOf(line)?.seq !== undefined)).toBe(false);
  });

  test("a malformed client_id starts no turn, and without the extension it is not looked at", async () => {
    const kernel = start({ scripts: ["text: a"] });
    await kernel.call("1", "initialize", initialize("resume/1"));
    const refused = await kernel.call("2", "prompt", { user_input: "x", client_id: "" });
    expect(refused).toMatchObject([{ error: { code: -32602 } }]);
    await kernel.call("3", "initialize", initialize());
    expect((await kernel.call("4", "prompt", { user_input: "x", client_id: "" })).at(-1)?.result).toEqual({
      status: "finished",
    });
  });

  test("the id of a prompt is recorded with its turn", async () => {
    const kernel = start({ scripts: ["text: a"] });
    await kernel.call("1", "initialize", initialize("resume/1"));
    await kernel.call("2", "prompt", { user_input: "x", client_id: "c-7" });
    expect(kernel.journal().find(({ kind }) => kind === "turn")?.client_id).toBe("c-7");
  });

  test("an initialize that is refused changes nothing", async () => {
    const kernel = start({ scripts: ["text: a"] });
    await kernel.call("1", "initialize", initialize("heartbeat/1"));
    await kernel.call("2", "initialize", { capabilities: {} });
    expect((await kernel.call("3", "ping")).at(-1)?.result).toEqual({});
  });
});
