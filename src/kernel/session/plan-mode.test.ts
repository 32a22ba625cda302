import { describe, expect, test } from "vitest";
import { shimmedOperations } from "../storage/testing/shimmed-operations.js";
import { callPart, FakeProvider, reply, stuck } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolError, toolOk } from "../tools/tool.js";

const fixtures = turnFixtures();
const told = (payloads: readonly Record<string, unknown>[]) => payloads.map((payload) => payload.plan_mode);

describe("setPlanMode", () => {
  test("holds the session, stores and tells, also while idle and twice", async () => {
    const { session, sink, log, planMode } = fixtures.session();
    expect(await session.setPlanMode(true)).toBe(true);
    expect(await session.setPlanMode(true)).toBe(true);
    expect(log.held).toBe(true);
    expect(planMode.active).toBe(true);
    expect(sink.types()).toEqual(["StatusUpdate", "StatusUpdate"]);
    expect(log.load().empty).toBe(false);
    expect(log.state.data.plan_mode).toBe(true);
  });

  test("in the middle of a stream it is told at once and the turn goes on", async () => {
    const { session, sink } = fixtures.session({ provider: new FakeProvider(stuck(["a"])) });
    const turn = session.prompt("x", null);
    await sink.seen("ContentPart");
    await session.setPlanMode(true);
    expect(told(sink.payloads("StatusUpdate"))).toEqual([true]);
    expect(session.turnRunning).toBe(true);
    void session.cancel(null);
    expect(await turn).toEqual({ status: "cancelled" });
    expect(sink.types().slice(-2)).toEqual(["StatusUpdate", "TurnEnd"]);
  });

  test("a prompt that waits for the same session is cancelled at once; plan mode goes on waiting", async () => {
    const first = fixtures.session({ provider: new FakeProvider(reply(["hi"])) });
    await first.session.prompt("x", null);
    const second = fixtures.session({ share: first.share, lockWaitMs: 60_000 });
    const change = second.session.setPlanMode(true);
    const turn = second.session.prompt("y", null);
    // The prompt has come as far as the lock by then.
    await new Promise(setImmediate);
    void second.session.cancel(null);
    expect(await turn).toEqual({ status: "cancelled" });
    first.abandon();
    expect(await change).toBe(true);
  });

  test("a cancelled prompt that began to wait first does not take plan mode with it", async () => {
    const first = fixtures.session({ provider: new FakeProvider(reply(["hi"])) });
    await first.session.prompt("x", null);
    const second = fixtures.session({ share: first.share, lockWaitMs: 60_000 });
    const turn = second.session.prompt("y", null);
    const change = second.session.setPlanMode(true);
    void second.session.cancel(null);
    expect(await turn).toEqual({ status: "cancelled" });
    first.abandon();
    expect(await change).toBe(true);
  });

  test("a session that someone else holds is not changed", async () => {
    const first = fixtures.session({ provider: new FakeProvider(reply(["hi"])) });
    await first.session.prompt("x", null);
    const second = fixtures.session({ share: first.share });
    await expect(second.session.setPlanMode(true)).rejects.toMatchObject({ code: "session_locked" });
    expect(second.planMode.active).toBe(false);
    expect(second.sink.types()).toEqual([]);
  });

  test("on a full disk it is refused and nothing is told", async () => {
    let full = false;
    const ops = shimmedOperations(({ name }) => (full && name === "write" ? { errno: "ENOSPC" } : null));
    const { session, sink, planMode } = fixtures.session({ ops });
    await session.setPlanMode(true);
    full = true;
    await expect(session.setPlanMode(false)).rejects.toMatchObject({ code: "storage_full" });
    expect(planMode.active).toBe(true);
    expect(sink.types()).toEqual(["StatusUpdate"]);
    full = false;
  });
});

describe("a change by a tool", () => {
  const switching = (planMode: () => { set(active: boolean): void }) =>
    fakeTool("Switch", {
      effect: "none",
      run: () => {
        planMode().set(true);
        return toolOk("");
      },
    });

  test("is told after the results of the step, once", async () => {
    const fixture = fixtures.session({
      tools: [switching(() => fixture.planMode), fakeTool("Other")],
      provider: new FakeProvider(reply([callPart("1", "Switch"), callPart("2", "Other")]), reply(["done"])),
    });
    await fixture.session.prompt("x", null);
    const types = fixture.sink.types();
    expect(types.slice(types.indexOf("ToolResult"))).toEqual([
      ...["ToolResult", "ToolResult", "StatusUpdate", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(told(fixture.sink.payloads("StatusUpdate"))).toEqual([false, true, true]);
  });

  test("is told before TurnEnd when the step is cancelled", async () => {
    const fixture = fixtures.session({
      tools: [switching(() => fixture.planMode), fakeTool("Slow", { run: () => new Promise<never>(() => {}) })],
      provider: new FakeProvider(reply([callPart("1", "Switch"), callPart("2", "Slow")])),
    });
    const turn = fixture.session.prompt("x", null);
    await fixture.sink.seen("ToolResult");
    void fixture.session.cancel(null);
    expect(await turn).toEqual({ status: "cancelled" });
    expect(fixture.sink.types().slice(-2)).toEqual(["StatusUpdate", "TurnEnd"]);
    expect(told(fixture.sink.payloads("StatusUpdate"))).toEqual([false, true]);
  });
});

test.each([
  ["", 1],
  ["shorter", 2],
])("a tool that says the user rejected it (%j) counts as a rejected call", async (rejection, steps) => {
  const { session, sink } = fixtures.session({
    tools: [fakeTool("Ask", { effect: "none", run: () => ({ ...toolError("no", "no"), rejection }) })],
    provider: new FakeProvider(reply([callPart("1", "Ask")]), reply(["so be it"])),
  });
  expect(await session.prompt("x", null)).toEqual({ status: "finished" });
  expect(sink.payloads("StepBegin")).toHaveLength(steps);
  expect(sink.payloads("ToolResult")[0]?.return_value).not.toHaveProperty("rejection");
});
