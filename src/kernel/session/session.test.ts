import { describe, expect, test } from "vitest";
import { KernelError } from "../errors.js";
import type { WireRecord } from "../storage/replay.js";
import { errnoError, shimmedOperations } from "../storage/testing/shimmed-operations.js";
import { callPart, FakeProvider, failing, providerError, reply, stuck } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { approving } from "../testing/recording-sink.js";
import { type SessionFixture, turnFixtures } from "../testing/turn-fixture.js";

const fixtures = turnFixtures();
const BUSY = { code: "turn_in_progress" };
const NO_TURN = { code: "no_turn" };
const PLAIN = ["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"];

/** A replay that is held up by its client until `release` is called. */
function heldReplay(fixture: SessionFixture) {
  let release = () => {};
  fixture.sink.behind = new Promise<void>((resolve) => {
    release = resolve;
  });
  const sent: WireRecord[] = [];
  const result = fixture.session.replay((records) => void sent.push(...records));
  return { result, sent, release };
}

const attempt = async (act: () => unknown) => await act();

describe("the state table", () => {
  const doNothing = () => {};

  test("idle: prompt and replay go, steer and cancel do not", async () => {
    const { session, provider } = fixtures.session();
    expect(() => session.steer("x", null)).toThrow(expect.objectContaining(NO_TURN));
    expect(() => session.cancel(null)).toThrow(expect.objectContaining(NO_TURN));
    expect(() => session.requireIdle()).not.toThrow();
    expect(await session.replay(doNothing)).toEqual({ status: "finished", events: 0, requests: 0 });
    provider.script(reply(["hi"]));
    expect(await session.prompt("x", null)).toEqual({ status: "finished" });
    expect(session.busy).toBe(false);
    expect(() => session.cancel(null)).toThrow(expect.objectContaining(NO_TURN));
  });

  test("turn running: prompt, replay and initialize are refused; steer and cancel go", async () => {
    const { session, sink } = fixtures.session({ provider: new FakeProvider(stuck(["a"])) });
    const turn = session.prompt("x", null);
    await sink.seen("ContentPart");
    expect(session.turnRunning).toBe(true);
    await expect(attempt(() => session.prompt("y", null))).rejects.toMatchObject(BUSY);
    await expect(attempt(() => session.replay(doNothing))).rejects.toMatchObject(BUSY);
    expect(() => session.requireIdle()).toThrow(expect.objectContaining(BUSY));
    void session.steer("s", null);
    void session.cancel(null);
    void session.cancel(null);
    expect(await turn).toEqual({ status: "cancelled" });
  });

  test("replay running: the same, and a steer is taken and lost", async () => {
    const fixture = fixtures.session({ provider: new FakeProvider(reply(["hi"])) });
    await fixture.session.prompt("x", null);
    const { result } = heldReplay(fixture);
    await expect(attempt(() => fixture.session.prompt("y", null))).rejects.toMatchObject(BUSY);
    await expect(attempt(() => fixture.session.replay(doNothing))).rejects.toMatchObject(BUSY);
    expect(() => fixture.session.requireIdle()).toThrow(expect.objectContaining(BUSY));
    expect(fixture.session.turnRunning).toBe(false);
    void fixture.session.steer("s", null);
    void fixture.session.cancel(null);
    void fixture.session.cancel(null);
    expect(await result).toEqual({ status: "cancelled", events: 5, requests: 0 });
    expect(fixture.session.busy).toBe(false);
  });
});

describe("a turn", () => {
  test("TurnBegin first, TurnEnd last and before the promise settles", async () => {
    const { session, sink, provider } = fixtures.session({ provider: new FakeProvider(reply(["hi"])) });
    const turn = session.prompt([{ type: "image_url", image_url: { url: "data:,x" } }], null);
    provider.capabilities.add("image_in");
    let settled = false;
    void turn.then(() => {
      settled = true;
    });
    await sink.seen("TurnEnd");
    expect(settled).toBe(false);
    await turn;
    expect(sink.types()).toEqual(PLAIN);
    expect(sink.payloads("TurnBegin")).toEqual([
      { user_input: [{ type: "image_url", image_url: { url: "data:,x", id: null } }] },
    ]);
    expect(sink.sent.map(({ seq }) => seq)).toEqual([...sink.sent.map(({ seq }) => seq)].sort((a, b) => a - b));
  });

  test.each<[string, unknown, object, string[]]>([
    [
      "a provider's error",
      providerError("boom", { retryable: false }),
      { message: "boom" },
      ["TurnBegin", "StepBegin", "StepInterrupted", "TurnEnd"],
    ],
    [
      "a bug in the driver",
      new TypeError("oops"),
      { message: "oops" },
      ["TurnBegin", "StepBegin", "StepInterrupted", "TurnEnd"],
    ],
  ])("%s ends it once, and the session goes on", async (_name, error, rejection, types) => {
    const { session, sink, contextRoles } = fixtures.session({
      provider: new FakeProvider(failing(error), reply(["ok"])),
    });
    await expect(session.prompt("one", null)).rejects.toMatchObject(rejection);
    expect(sink.types()).toEqual(types);
    expect(await session.prompt("two", null)).toEqual({ status: "finished" });
    expect(sink.types().filter((type) => type === "TurnEnd")).toHaveLength(2);
    // The message of the failed turn stays, as a step that was begun and gave nothing.
    expect(contextRoles()).toEqual([
      ...["_system_prompt", "_checkpoint", "user", "_checkpoint"],
      ...["_checkpoint", "user", "_checkpoint", "assistant"],
    ]);
  });

  test("without a model: TurnBegin, TurnEnd, llm_not_set, nothing in the context", async () => {
    const { session, sink, contextRoles } = fixtures.session({ createProvider: null });
    await expect(session.prompt("x", null)).rejects.toMatchObject({ code: "llm_not_set", message: "LLM is not set" });
    expect(sink.types()).toEqual(["TurnBegin", "TurnEnd"]);
    expect(contextRoles()).toEqual(["_system_prompt"]);
  });

  test("a capability that is missing: the same", async () => {
    const { session, sink, contextRoles } = fixtures.session();
    const parts = [
      { type: "image_url", image_url: { url: "data:,x" } },
      { type: "video_url", video_url: { url: "data:,x" } },
    ] as const;
    await expect(session.prompt(parts, null)).rejects.toMatchObject({
      code: "llm_not_supported",
      message: "LLM model 'fake-model' does not support required capabilities: image_in, video_in.",
    });
    expect(sink.types()).toEqual(["TurnBegin", "TurnEnd"]);
    expect(contextRoles()).toEqual(["_system_prompt"]);
  });

  test("a driver that cannot be built is tried again at the next prompt", async () => {
    const provider = new FakeProvider(reply(["ok"]));
    let builds = 0;
    const { session } = fixtures.session({
      createProvider: async () => {
        builds += 1;
        if (builds === 1) throw new Error("no SDK");
        return provider;
      },
    });
    await expect(session.prompt("x", null)).rejects.toThrow("no SDK");
    expect(await session.prompt("x", null)).toEqual({ status: "finished" });
  });

  test("a session that someone else holds is refused without any event, and taken when it is free", async () => {
    const first = fixtures.session({ provider: new FakeProvider(reply(["a"])) });
    await first.session.prompt("x", null);
    const second = fixtures.session({ provider: new FakeProvider(reply(["b"])), share: first.share });
    await expect(second.session.prompt("y", null)).rejects.toMatchObject({ code: "session_locked" });
    expect(second.sink.types()).toEqual([]);
    await first.session.close({ clean: true, graceMs: 100 });
    expect(await second.session.prompt("y", null)).toEqual({ status: "finished" });
    expect(second.provider.requests[0]?.messages).toHaveLength(3);
  });
});

describe("cancel", () => {
  test("mid-stream: TurnEnd, no StepInterrupted, the unfinished reply is dropped", async () => {
    const { session, sink, contextRoles, provider } = fixtures.session({ provider: new FakeProvider(stuck(["a"])) });
    const turn = session.prompt("x", null);
    await sink.seen("ContentPart");
    void session.cancel("client");
    expect(await turn).toEqual({ status: "cancelled" });
    expect(sink.types()).toEqual(["TurnBegin", "StepBegin", "ContentPart", "TurnEnd"]);
    expect(contextRoles()).toEqual(["_system_prompt", "_checkpoint", "user", "_checkpoint"]);
    provider.script(reply(["b"]));
    expect(await session.prompt("y", null)).toEqual({ status: "finished" });
  });

  test("with an approval open: it is rejected before TurnEnd, and a late answer changes nothing", async () => {
    const ran: string[] = [];
    const tool = fakeTool("act", { ask: true, run: () => Promise.reject(ran.push("act")) });
    const { session, sink } = fixtures.session({
      tools: [tool],
      provider: new FakeProvider(reply([callPart("t1", "act")])),
    });
    const turn = session.prompt("x", null);
    await sink.seen("ApprovalRequest");
    const [request] = sink.open;
    void session.cancel(null);
    request?.answer({ request_id: request.payload.id, response: "approve" });
    expect(await turn).toEqual({ status: "cancelled" });
    expect(sink.types().slice(-3)).toEqual(["request:ApprovalRequest", "ApprovalResponse", "TurnEnd"]);
    expect(sink.payloads("ApprovalResponse")).toMatchObject([{ response: "reject", feedback: "" }]);
    expect(ran).toEqual([]);
  });

  test("after the end was decided: answered, and the result stays", async () => {
    const fixture = fixtures.session({ provider: new FakeProvider(reply(["hi"])) });
    const { session, sink } = fixture;
    const deliver = sink.deliver.bind(sink);
    let late: unknown = "not called";
    sink.deliver = (seq, records) => {
      deliver(seq, records);
      if (records[0]?.type !== "TurnEnd") return;
      expect(() => session.steer("late", null)).toThrow(expect.objectContaining(NO_TURN));
      late = session.cancel(null);
    };
    expect(await session.prompt("x", null)).toEqual({ status: "finished" });
    expect(late).toBeUndefined();
    expect(fixture.journal().filter(({ kind }) => kind === "cancel")).toEqual([]);
  });

  test("while it still waits for the session: cancelled, and nothing was begun", async () => {
    const first = fixtures.session({ provider: new FakeProvider(reply(["a"])) });
    await first.session.prompt("x", null);
    const second = fixtures.session({ share: first.share, lockWaitMs: 60_000 });
    const turn = second.session.prompt("y", null);
    void second.session.cancel(null);
    expect(await turn).toEqual({ status: "cancelled" });
    expect(second.sink.types()).toEqual([]);
  });

  test("on a full disk it still stops the turn", async () => {
    let full = false;
    const ops = shimmedOperations(({ name }) => (full && name === "write" ? { errno: "ENOSPC" } : null));
    const { session, sink } = fixtures.session({ ops, provider: new FakeProvider(stuck(["a"])) });
    const turn = session.prompt("x", null);
    await sink.seen("ContentPart");
    full = true;
    void session.cancel(null);
    await expect(turn).rejects.toMatchObject({ code: "storage_full" });
    expect(sink.types().at(-1)).toBe("TurnEnd");
    full = false;
  });
});

describe("close", () => {
  test("in mid-turn: the turn is cancelled and recorded, and nothing can be started any more", async () => {
    const { session, sink, provider, journal, log } = fixtures.session({ provider: new FakeProvider(stuck(["a"])) });
    const turn = session.prompt("x", null);
    await sink.seen("ContentPart");
    await session.close({ clean: true, graceMs: 1_000 });
    expect(await turn).toEqual({ status: "cancelled" });
    expect(sink.types().at(-1)).toBe("TurnEnd");
    expect(journal().at(-2)).toMatchObject({ kind: "turn_end", extra: { result: { status: "cancelled" } } });
    expect(log.held).toBe(false);
    expect(provider.closed).toBe(1);
    await expect(attempt(() => session.prompt("y", null))).rejects.toBeInstanceOf(KernelError);
  });

  test("a replay whose client stopped reading does not hold it up", async () => {
    const fixture = fixtures.session({ provider: new FakeProvider(reply(["hi"])) });
    await fixture.session.prompt("x", null);
    const { result } = heldReplay(fixture);
    await fixture.session.close({ clean: true, graceMs: 60_000 });
    expect(await result).toMatchObject({ status: "cancelled" });
  });

  test("a driver that does not close costs the grace and no more", async () => {
    const provider = new FakeProvider(reply(["hi"]));
    provider.close = () => new Promise(() => {});
    const { session, log } = fixtures.session({ provider });
    await session.prompt("x", null);
    await session.close({ clean: true, graceMs: 10 });
    expect(log.held).toBe(false);
  });

  test("idle, twice, without ever having been used", async () => {
    const { session } = fixtures.session();
    await session.close({ clean: true, graceMs: 10 });
    await session.close({ clean: true, graceMs: 10 });
  });
});

describe("replay", () => {
  test("gives the turns again, merged, in order, without approvals", async () => {
    const { session, sink } = fixtures.session({
      tools: [fakeTool("act", { ask: true })],
      provider: new FakeProvider(reply(["a", "b", callPart("t1", "act")]), reply(["c"])),
    });
    sink.onRequest = approving({ response: "approve" });
    await session.prompt("x", null);
    const sent: WireRecord[] = [];
    const result = await session.replay((records) => void sent.push(...records));
    expect(sent.map(({ type }) => type)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate", "ToolResult"],
      ...["StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(result).toEqual({ status: "finished", events: 10, requests: 0 });
  });

  test("holds what a killed kernel had delivered, without taking the session", async () => {
    const first = fixtures.session({ provider: new FakeProvider(stuck(["a", "b"])) });
    const turn = first.session.prompt("x", null);
    await first.sink.seen("ContentPart", 2);
    // As after SIGKILL: the journal has the turn, the published file does not.
    const second = fixtures.session({ share: first.share });
    const sent: WireRecord[] = [];
    await second.session.replay((records) => void sent.push(...records));
    expect(sent.map(({ type }) => type)).toEqual(["TurnBegin", "StepBegin", "ContentPart"]);
    expect(sent.at(-1)?.json).toBe('{"type":"text","text":"ab"}');
    expect(second.log.held).toBe(false);
    void first.session.cancel(null);
    await turn;
  });

  test("a session that cannot be read rejects, and is usable afterwards", async () => {
    const { session, provider } = fixtures.session({
      records: () => {
        throw errnoError("EIO", "read", "wire.jsonl");
      },
    });
    await expect(session.replay(() => {})).rejects.toThrow("EIO");
    provider.script(reply(["hi"]));
    expect(await session.prompt("x", null)).toEqual({ status: "finished" });
  });
});

test("a repaired session says so once, inside the first turn", async () => {
  const first = fixtures.session({ provider: new FakeProvider(stuck(["a"])) });
  void first.session.prompt("x", null).catch(() => {});
  await first.sink.seen("ContentPart");
  first.abandon();
  const second = fixtures.session({ share: first.share, provider: new FakeProvider(reply(["b"]), reply(["c"])) });
  await second.session.prompt("y", null);
  await second.session.prompt("z", null);
  expect(second.sink.types().slice(0, 3)).toEqual(["TurnBegin", "Notification", "StepBegin"]);
  expect(second.sink.payloads("Notification")).toMatchObject([
    { category: "system", type: "session.repaired", severity: "warning", source_id: "S1", payload: {} },
  ]);
  expect(second.sink.payloads("Notification")[0]?.id).toMatch(/^n[0-9a-f]{8}$/);
});
