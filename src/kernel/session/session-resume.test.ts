import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TurnPosition } from "../storage/turn-position.js";
import { callPart, FakeProvider, failing, providerError, reply, stuck } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { type FixtureOptions, type SessionFixture, turnFixtures } from "../testing/turn-fixture.js";
import { ClientRequestError } from "../turn/event-sink.js";
import type { SteerQueue } from "../turn/steer-queue.js";
import type { TurnResult } from "../turn/turn.js";
import { parkingSink } from "./parking-sink.js";

const fixtures = turnFixtures();
const GRACE = { clean: true, graceMs: 1_000 };
const FINISHED = { status: "finished" };

/** A kernel that was killed in mid-stream; its prompt had the id p1. */
async function killed(options: FixtureOptions = {}, input = "x"): Promise<SessionFixture & { turnId: string }> {
  const fixture = fixtures.session({ provider: new FakeProvider(stuck(["a"])), resumes: true, ...options });
  void fixture.session.prompt(input, "p1").catch(() => {});
  await fixture.sink.seen("ContentPart");
  fixture.abandon();
  return { ...fixture, turnId: turnIdOf(fixture) };
}

const turnIdOf = ({ journal }: SessionFixture) => String(journal().find(({ kind }) => kind === "turn")?.turn_id);

/**
 * The next kernel. The rest of the turn stands in for the loop's own: it shows "b" and ends, or does what is given.
 */
function successor(dead: SessionFixture, work?: (steers: SteerQueue, signal: AbortSignal) => Promise<TurnResult>) {
  const fixture = fixtures.session({ share: dead.share, resumes: true });
  const taken: TurnPosition[] = [];
  fixture.conversation.resume = async (position, steers, signal) => {
    taken.push(position);
    if (work !== undefined) return await work(steers, signal);
    fixture.conversation.say("b");
    return { status: "finished" };
  };
  return { ...fixture, taken };
}

/** Ends when the turn is cancelled. */
const untilAborted = (_steers: SteerQueue, signal: AbortSignal) =>
  new Promise<TurnResult>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

describe("the open turn", () => {
  test("is told of without taking the session, and gone on with", async () => {
    const dead = await killed();
    const { session, sink, taken, log, journal } = successor(dead);
    const seq = dead.sink.sent.at(-1)?.seq;
    expect(session.openTurn()).toEqual({ turnId: dead.turnId, clientId: "p1", seq });
    expect(log.held).toBe(false);
    expect(await session.resume(dead.turnId, "continue")).toEqual(FINISHED);
    expect(taken).toMatchObject([{ turnId: dead.turnId, step: { content: [{ type: "text", text: "a" }] } }]);
    expect(sink.types()).toEqual(["ContentPart", "TurnEnd"]);
    expect(journal().filter(({ kind }) => kind === "turn_end")).toHaveLength(1);
    expect(session.openTurn()).toBeNull();
    const all = [...session.since(0)];
    expect(all.map(({ record }) => record.type)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ContentPart", "TurnEnd"],
    ]);
    expect(all.at(-1)?.stamp).toEqual({ seq: sink.sent.at(-1)?.seq, epoch: log.epoch, prev: sink.sent.at(-2)?.seq });
    expect([...session.since(seq ?? 0)]).toEqual(all.slice(3));
  });

  test("two who ask get the same end, and later ones are told it again, without an event", async () => {
    const dead = await killed();
    const { session, sink, taken } = successor(dead);
    const [first, second] = [session.resume(dead.turnId, "continue"), session.prompt("x", "p1")];
    expect(await first).toEqual(FINISHED);
    expect(await second).toEqual(FINISHED);
    const sent = sink.sent.length;
    expect(await session.resume(dead.turnId, "settle")).toEqual(FINISHED);
    expect(await session.prompt("x", "p1")).toEqual(FINISHED);
    expect(sink.sent).toHaveLength(sent);
    expect(taken).toHaveLength(1);
  });

  test("an end that its kernel did not get into the session files is in them once it is told again", async () => {
    const dead = fixtures.session({ resumes: true });
    await dead.log.acquire();
    dead.log.beginTurn({ kind: "turn", turn_id: "t", client_id: "p1", user_input: "x" });
    const extra = { turn_id: "t", result: FINISHED, error: null };
    dead.log.append([{ kind: "turn_end", type: "TurnEnd", payload: {}, json: "{}", extra }]);
    dead.abandon();
    const { session, log } = successor(dead);
    const wire = join(log.dir, "wire.jsonl");
    expect(existsSync(wire)).toBe(false);
    expect(await session.prompt("x", "p1")).toEqual(FINISHED);
    expect(readFileSync(wire, "utf8")).toContain("TurnEnd");
  });

  test("an id of no turn is refused, and so is a session that someone holds", async () => {
    const { session } = fixtures.session();
    expect(() => session.resume("nobody", "continue")).toThrow(expect.objectContaining({ code: "no_turn" }));
    const living = fixtures.session({ provider: new FakeProvider(stuck(["a"])) });
    const turn = living.session.prompt("x", "p1");
    await living.sink.seen("ContentPart");
    const other = successor(living);
    await expect(other.session.resume(turnIdOf(living), "continue")).rejects.toMatchObject({ code: "session_locked" });
    expect(other.sink.types()).toEqual([]);
    void living.session.cancel(null);
    expect(await turn).toEqual({ status: "cancelled" });
  });

  test("that was never begun is begun now", async () => {
    const fixture = fixtures.session({ resumes: true });
    await fixture.log.acquire();
    fixture.log.beginTurn({ kind: "turn", turn_id: "t", client_id: "p1", user_input: "x" });
    fixture.abandon();
    const { session, sink, taken } = successor(fixture);
    expect(await session.prompt("x", "p1")).toEqual(FINISHED);
    expect(taken).toMatchObject([{ begun: false, hasContext: false }]);
    expect(sink.types()).toEqual(["TurnBegin", "ContentPart", "TurnEnd"]);
  });

  test("with a cancel on record ends as cancelled", async () => {
    const dead = await killed();
    dead.log.note({ kind: "cancel", client_id: "k1" });
    const { session, sink, taken } = successor(dead);
    expect(await session.resume(dead.turnId, "continue")).toEqual({ status: "cancelled" });
    expect(taken).toEqual([]);
    expect(sink.types()).toEqual(["TurnEnd"]);
    void session.cancel("k1");
    expect(await session.prompt("x", "p1")).toEqual({ status: "cancelled" });
  });

  test("is settled on demand: what is missing is delivered, and it is an error each time", async () => {
    const dead = await killed();
    dead.recorder.parts([callPart("t1", "act")]);
    const { session, sink, taken, contextRoles } = successor(dead);
    for (let time = 0; time < 2; time += 1) {
      await expect(session.resume(dead.turnId, "settle")).rejects.toMatchObject({ code: "turn_interrupted" });
    }
    expect(taken).toEqual([]);
    expect(sink.types()).toEqual(["ToolResult", "TurnEnd"]);
    expect(contextRoles().slice(-2)).toEqual(["assistant", "tool"]);
  });

  test("a new prompt ends it first; only a client that resumes sees that", async () => {
    for (const resumes of [true, false]) {
      const dead = await killed();
      const next = fixtures.session({ share: dead.share, resumes, provider: new FakeProvider(reply(["c"])) });
      expect(await next.session.prompt("y", "p2")).toEqual(FINISHED);
      expect(next.sink.types()).toEqual([
        ...(resumes ? ["TurnEnd"] : []),
        ...["TurnBegin", "Notification", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
      ]);
      expect(next.provider.requests[0]?.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    }
  });

  test("stays open while the plan mode is switched, and the messages of its end are remembered", async () => {
    const dead = await killed();
    const { session, sink, provider } = successor(dead);
    expect(await session.setPlanMode(true)).toBe(true);
    expect(session.openTurn()).toMatchObject({ turnId: dead.turnId });
    provider.script(reply(["c"]));
    await session.prompt("y", null);
    expect(sink.types().slice(0, 3)).toEqual(["StatusUpdate", "TurnEnd", "TurnBegin"]);
    expect(provider.requests[0]?.messages[1]).toMatchObject({ role: "assistant", content: [{ text: "a" }] });
  });
});

describe("while it goes on", () => {
  test("steers of the dead kernel come first, new ones behind them; each id counts once", async () => {
    const dead = await killed();
    dead.log.note({ kind: "steer", steer_id: "s0", client_id: "s0", user_input: "old" });
    let drained: unknown[] = [];
    const { session, sink, journal, taken } = successor(dead, async (steers, signal) => {
      sink.sent.length = 0;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      drained = steers.drain().map(({ userInput }) => userInput);
      throw signal.reason;
    });
    const turn = session.resume(dead.turnId, "continue");
    void session.steer("early", null);
    await Promise.all([session.steer("named", "s2"), session.steer("named", "s2")]);
    expect(journal().filter(({ kind }) => kind === "steer")).toHaveLength(3);
    await expect.poll(() => taken.length).toBe(1);
    void session.steer("new", "s1");
    void session.steer("new", "s1");
    void session.steer("old", "s0");
    void session.cancel("k1");
    void session.cancel("k1");
    expect(await turn).toEqual({ status: "cancelled" });
    expect(drained).toEqual(["old", "early", "named", "new"]);
    expect(journal().filter(({ kind }) => kind === "cancel")).toHaveLength(1);
    void session.cancel("k1");
    void session.steer("new", "s1");
    expect(() => session.cancel("k2")).toThrow(expect.objectContaining({ code: "no_turn" }));
  });

  test("a cancel right behind the resume is on record when it is answered, and the turn ends as it stands", async () => {
    const dead = await killed();
    dead.recorder.parts([callPart("t1", "act")]);
    const { session, sink, journal, taken } = successor(dead);
    const turn = session.resume(dead.turnId, "continue");
    await session.cancel("k1");
    expect(journal().filter(({ kind }) => kind === "cancel")).toMatchObject([{ client_id: "k1" }]);
    expect(await turn).toEqual({ status: "cancelled" });
    expect(taken).toEqual([]);
    expect(sink.types()).toEqual(["ToolResult", "TurnEnd"]);
    expect(session.openTurn()).toBeNull();
  });

  test("other prompts and replays are refused", async () => {
    const dead = await killed();
    const { session } = successor(dead, untilAborted);
    const turn = session.resume(dead.turnId, "continue");
    expect(() => session.prompt("y", "p2")).toThrow(expect.objectContaining({ code: "turn_in_progress" }));
    expect(() => session.replay(() => {})).toThrow(expect.objectContaining({ code: "turn_in_progress" }));
    // What a client has missed is no matter of the session's files: it comes beside the turn.
    const missed: unknown[] = [];
    const answer = session.replay(
      (records) => missed.push(...records.map(({ type }) => type)),
      () => [{ type: "A", json: "{}", isRequest: false, id: null }],
    );
    expect(await answer).toEqual({ status: "finished", events: 1, requests: 0 });
    expect(missed).toEqual(["A"]);
    expect(session.turnRunning).toBe(true);
    expect(session.openTurn()).toBeNull();
    void session.cancel(null);
    await turn;
  });
});

describe("the prompt's own hook", () => {
  const HOOK = [{ id: "h", event: "UserPromptSubmit" as const, matcher: "", timeout: 30 }];

  test("undecided, it runs again and says so; what it decides holds", async () => {
    const first = fixtures.session({ resumes: true, subscriptions: HOOK });
    void first.session.prompt("x", "p1").catch(() => {});
    await first.sink.seen("HookRequest");
    first.abandon();
    const next = fixtures.session({ share: first.share, resumes: true, subscriptions: HOOK });
    next.sink.onRequest = (request) => request.answer({ action: "block", reason: "not today" });
    expect(await next.session.prompt("x", "p1")).toEqual(FINISHED);
    expect(next.sink.payloads("HookRequest")).toMatchObject([{ input_data: { prompt: "x", resumed: true } }]);
    expect(next.sink.payloads("ContentPart")).toEqual([{ type: "text", text: "not today" }]);
    expect(next.sink.payloads("TurnBegin")).toHaveLength(1);
  });

  test.each([true, false])("decided, it is not asked again (its words were shown: %s)", async (shown) => {
    const first = fixtures.session({ resumes: true });
    const { log, recorder } = first;
    await log.acquire();
    log.beginTurn({ kind: "turn", turn_id: "t", client_id: "p1", user_input: "x" });
    const hook = { kind: "hook", blocking: true, tool_call_id: null, input: {}, hooks: [] } as const;
    log.note({ ...hook, batch_id: "b", event: "UserPromptSubmit" });
    log.note({ kind: "hook_decided", batch_id: "b", action: "block", reason: "no" });
    recorder.event("TurnBegin", { user_input: "x" });
    if (shown) first.conversation.say("no");
    first.abandon();
    const { session, sink, taken } = successor(first);
    expect(await session.resume("t", "continue")).toEqual(FINISHED);
    expect(sink.types()).toEqual(shown ? ["TurnEnd"] : ["ContentPart", "TurnEnd"]);
    expect(taken).toEqual([]);
  });
});

describe("how a turn ended is told again", () => {
  test.each<[string, unknown, object]>([
    [
      "a provider's error",
      providerError("boom", { retryable: false, statusCode: 401 }),
      { message: "boom", statusCode: 401 },
    ],
    ["a bug", new TypeError("oops"), { name: "TypeError", message: "oops" }],
  ])("%s", async (_name, error, expected) => {
    const first = fixtures.session({ provider: new FakeProvider(failing(error)), resumes: true });
    await expect(first.session.prompt("x", "p1")).rejects.toMatchObject(expected);
    await expect(first.session.prompt("x", "p1")).rejects.toMatchObject(expected);
    first.abandon();
    const next = successor(first);
    await expect(next.session.prompt("x", "p1")).rejects.toMatchObject(expected);
    await expect(next.session.resume(turnIdOf(first), "continue")).rejects.toMatchObject(expected);
    expect(next.sink.types()).toEqual([]);
  });

  test("a kernel error keeps its code", async () => {
    const { session } = fixtures.session({ createProvider: null });
    for (let time = 0; time < 2; time += 1) {
      await expect(session.prompt("x", "p1")).rejects.toMatchObject({ code: "llm_not_set", message: "LLM is not set" });
    }
  });

  test("a turn that SIGTERM cut short was not cancelled by anyone", async () => {
    const { session, sink, share } = fixtures.session({ provider: new FakeProvider(stuck(["a"])), resumes: true });
    const turn = session.prompt("x", "p1");
    await sink.seen("ContentPart");
    await Promise.all([
      expect(turn).rejects.toMatchObject({ code: "kernel_stopped" }),
      session.close({ ...GRACE, stopped: true }),
    ]);
    const next = fixtures.session({ share });
    await expect(next.session.prompt("x", "p1")).rejects.toMatchObject({ code: "kernel_stopped" });
  });
});

describe("parked", () => {
  const act = () => fakeTool("act", { ask: true, effect: "write" });

  test("in mid-stream: nothing more is recorded or sent, and the next kernel goes on", async () => {
    const first = fixtures.session({ provider: new FakeProvider(stuck(["a"])), resumes: true });
    const turn = first.session.prompt("x", "p1");
    await first.sink.seen("ContentPart");
    const [records, sent] = [first.journal(), first.sink.sent.length];
    expect(first.session.park()).toBe(true);
    await Promise.all([expect(turn).rejects.toMatchObject({ code: "kernel_stopped" }), first.session.close(GRACE)]);
    expect(first.journal()).toEqual(records);
    expect(first.sink.sent).toHaveLength(sent);
    const { session, taken } = successor(first);
    expect(await session.prompt("x", "p1")).toEqual(FINISHED);
    expect(taken).toHaveLength(1);
  });

  test("with an approval open: it is not answered, and asked again from the same record", async () => {
    const tool = act();
    const provider = new FakeProvider(reply([callPart("t1", "act")]));
    const first = fixtures.session({ provider, tools: [tool], resumes: true });
    const turn = first.session.prompt("x", "p1");
    await first.sink.seen("ApprovalRequest");
    const [records, sent] = [first.journal(), first.sink.sent.length];
    first.session.park();
    await Promise.all([expect(turn).rejects.toMatchObject({ code: "kernel_stopped" }), first.session.close(GRACE)]);
    expect(first.journal()).toEqual(records);
    expect(first.sink.sent).toHaveLength(sent);
    const call = successor(first).log.openTurn()?.step?.calls.get("t1");
    expect(call).toMatchObject({ approval: { answer: null }, intent: null, result: null });
  });

  test("a late yes is not taken", async () => {
    const provider = new FakeProvider(reply([callPart("t1", "act")]));
    const first = fixtures.session({ provider, tools: [act()], resumes: true });
    void first.session.prompt("x", "p1").catch(() => {});
    await first.sink.seen("ApprovalRequest");
    const [request] = first.sink.open;
    first.session.park();
    request?.answer({ request_id: request.payload.id, response: "approve_for_session" });
    await first.session.close(GRACE);
    expect(first.log.state.data.grants).toEqual([]);
    expect(first.journal().filter(({ kind }) => kind === "answer" || kind === "intent")).toEqual([]);
  });

  test("without a turn, or behind its end, there is nothing to park", async () => {
    const { session, sink } = fixtures.session({ provider: new FakeProvider(reply(["a"])) });
    expect(session.park()).toBe(false);
    const turn = session.prompt("x", null);
    await sink.seen("TurnEnd");
    expect(session.park()).toBe(false);
    expect(await turn).toEqual(FINISHED);
  });
});

describe("a request whose client has gone", () => {
  const request = { kind: "request", type: "ApprovalRequest", payload: { id: "q" }, json: "{}", id: "q" } as const;

  test.each([true, false])("waits for its signal only when the client may return (%s)", async (mayReturn) => {
    const fixture = fixtures.session();
    const sink = parkingSink(fixture.sink, () => mayReturn);
    const controller = new AbortController();
    let code = "open";
    const answer = sink.request(1, request, controller.signal).catch((error: ClientRequestError) => {
      code = error.code;
    });
    fixture.sink.open[0]?.fail(new ClientRequestError("closed", "gone"));
    await new Promise(setImmediate);
    expect(code).toBe(mayReturn ? "open" : "closed");
    controller.abort();
    await answer;
    expect(code).toBe(mayReturn ? "aborted" : "closed");
  });
});
