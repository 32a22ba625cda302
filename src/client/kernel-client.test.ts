import { afterEach, describe, expect, test } from "vitest";
import type { KernelClientOptions } from "./host.js";
import { KernelClient } from "./kernel-client.js";
import { typesOf } from "./testing/client-lines.js";
import { ALL_EXTENSIONS, type FakeKernel, FakeLaunches } from "./testing/fake-kernel.js";
import { FakeTiming } from "./testing/fake-timing.js";
import { SYSTEM_TIMING, type Timing } from "./timing.js";

const clients: KernelClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

/** A client, and the fake kernel that it was connected to. */
async function setUp(
  options: Partial<KernelClientOptions> = {},
  extensions: readonly string[] = [],
  timing: Timing = SYSTEM_TIMING,
) {
  const launches = new FakeLaunches();
  const connecting = KernelClient.connect(
    { launchers: [launches.launcher()], client: { name: "test" }, ...options },
    timing,
  );
  const kernel = await launches.next();
  const initialize = await kernel.greet(extensions);
  const client = await connecting;
  clients.push(client);
  return { client, kernel, initialize, launches };
}

const APPROVAL = { id: "q1", tool_call_id: "t1", sender: "Shell", action: "run command", description: "d" };
const RETURN_VALUE = { is_error: false, output: "o", message: "", display: [], extras: null };

describe("connect", () => {
  test("introduces the host, and starts with the session's id", async () => {
    const { client, kernel, initialize } = await setUp({
      session: "s-1",
      args: ["--a"],
      firstArgs: ["--plan"],
      planMode: true,
      tools: [{ name: "ext", description: "d", parameters: { type: "object" }, run: async () => RETURN_VALUE }],
      hooks: [{ event: "PreToolUse", matcher: "Shell", run: async () => ({ action: "allow" }) }],
      handlers: { onQuestion: async () => ({}) },
    });
    expect(kernel.args).toEqual(["--a", "--plan", "--session", "s-1"]);
    expect(initialize.params).toEqual({
      protocol_version: "1.10",
      client: { name: "test" },
      external_tools: [{ name: "ext", description: "d", parameters: { type: "object" } }],
      hooks: [{ id: "hook-1", event: "PreToolUse", matcher: "Shell" }],
      capabilities: { supports_question: true, supports_plan_mode: true, extensions: ALL_EXTENSIONS },
    });
    expect(client).toMatchObject({ session: "s-1", mode: "sidecar", cursor: null, openTurn: null });
    expect(client.info.server.name).toBe("fake");
    expect(client.guarantees).toEqual({ resume: false, exactlyOnce: false, hangDetection: false });
  });

  test("steer, cancel and set_plan_mode are plain calls for a kernel without extensions", async () => {
    const { client, kernel } = await setUp();
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    expect(prompt.params).toEqual({ user_input: "go" });
    const steered = client.steer("s");
    const steer = await kernel.next("steer");
    expect(steer.params).toEqual({ user_input: "s" });
    kernel.answer(steer, { status: "steered" });
    await steered;
    const cancelled = client.cancel();
    const cancel = await kernel.next("cancel");
    expect(cancel.params).toEqual({});
    kernel.answer(cancel, {});
    await cancelled;
    kernel.answer(prompt, { status: "cancelled" });
    expect(await turn.result).toEqual({ status: "cancelled" });
    const planned = client.setPlanMode(true);
    kernel.answer(await kernel.next("set_plan_mode"), { status: "ok", plan_mode: true });
    expect(await planned).toBe(true);
    const late = client.cancel();
    kernel.refuse(await kernel.next("cancel"), -32000, "No agent turn is in progress");
    await expect(late).rejects.toMatchObject({ code: "no_turn" });
  });
});

describe("a turn", () => {
  test("gives its events, then its result; events before the reader came are kept", async () => {
    const { client, kernel } = await setUp();
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.event("TurnBegin", { user_input: "go" });
    kernel.event("FromTheFuture", { n: 1 }, { seq: 7, more: true });
    kernel.event("TurnEnd");
    kernel.answer(prompt, { status: "finished" });
    expect(await turn.result).toEqual({ status: "finished" });
    const seen: unknown[] = [];
    for await (const event of turn) seen.push(event);
    expect(seen).toEqual([
      { type: "TurnBegin", payload: { user_input: "go" } },
      { type: "FromTheFuture", payload: { n: 1 }, seq: 7, more: true },
      { type: "TurnEnd", payload: {} },
    ]);
  });

  test("that fails ends its events and rejects; the next one runs", async () => {
    const { client, kernel } = await setUp();
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.event("TurnEnd");
    kernel.refuse(prompt, -32003, "boom");
    expect(await typesOf(turn)).toEqual(["TurnEnd"]);
    await expect(turn.result).rejects.toMatchObject({ code: "provider_error", message: "boom" });
    const next = client.prompt("more");
    kernel.answer(await kernel.next("prompt"), { status: "finished" });
    expect(await next.result).toEqual({ status: "finished" });
  });

  test("has the wire for itself: a second prompt or a replay is refused and nothing is sent", async () => {
    const { client, kernel } = await setUp();
    const first = client.prompt("one");
    const prompt = await kernel.next("prompt");
    await expect(client.prompt("two").result).rejects.toMatchObject({ code: "turn_in_progress" });
    await expect(client.replay(() => {})).rejects.toMatchObject({ code: "turn_in_progress" });
    kernel.event("TurnBegin");
    kernel.answer(prompt, { status: "finished" });
    expect(await typesOf(first)).toEqual(["TurnBegin"]);
    expect(kernel.lines.map(({ method }) => method)).toEqual(["initialize", "prompt"]);
  });

  test("abort is a cancel; before anything was sent it is the whole turn", async () => {
    const { client, kernel } = await setUp();
    const controller = new AbortController();
    const turn = client.prompt("go", { signal: controller.signal });
    const prompt = await kernel.next("prompt");
    controller.abort();
    kernel.answer(await kernel.next("cancel"), {});
    kernel.answer(prompt, { status: "cancelled" });
    expect(await turn.result).toEqual({ status: "cancelled" });
    expect(await client.prompt("go", { signal: controller.signal }).result).toEqual({ status: "cancelled" });
    expect(kernel.lines.filter(({ method }) => method === "prompt")).toHaveLength(1);
  });

  test("bad lines, strange answers and hosts that throw disturb nothing", async () => {
    const { client, kernel } = await setUp({
      handlers: {
        onEvent: () => {
          throw new Error("host bug");
        },
      },
    });
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.raw("no json\n[1,2]\n{}\n");
    kernel.send({ jsonrpc: "2.0", id: "unheard", result: {} });
    kernel.send({ jsonrpc: "2.0", method: "event", params: 7 });
    kernel.send({ jsonrpc: "2.0", method: "event", params: { payload: {} } });
    kernel.send({ jsonrpc: "2.0", method: "rumour", params: { type: "x" } });
    kernel.event("TurnBegin");
    kernel.answer(prompt, { status: "finished" });
    kernel.answer(prompt, { status: "cancelled" });
    expect(await turn.result).toEqual({ status: "finished" });
    expect(await typesOf(turn)).toEqual(["TurnBegin"]);
  });
});

describe("requests", () => {
  const answerTo = async (kernel: FakeKernel, type: string, payload: { id: string }, more: object = {}) => {
    kernel.ask(type, payload, more);
    const { id, result, error } = await kernel.next(null);
    return { id, ...(error === undefined ? { result } : { error }) };
  };

  test.each<[string, KernelClientOptions["handlers"]]>([
    ["no handler", {}],
    ["a handler that throws", { onApproval: () => Promise.reject(new Error("host bug")) }],
    ["a handler that decides nothing", { onApproval: async () => undefined as never }],
    ["a handler that decides nonsense", { onApproval: async () => ({ response: "yes", feedback: "go" }) as never }],
  ])("an approval with %s is a no", async (_name, handlers) => {
    const { kernel } = await setUp({ handlers: handlers ?? {} });
    expect(await answerTo(kernel, "ApprovalRequest", APPROVAL)).toEqual({
      id: "q1",
      result: { request_id: "q1", response: "reject", feedback: "" },
    });
  });

  test("an approval gets the host's decision; the host gets the grant, and the payload as it came", async () => {
    const asked: unknown[] = [];
    const { kernel } = await setUp(
      {
        handlers: {
          onApproval: async (request, { grant }) => {
            asked.push(request, grant);
            return { response: "approve", feedback: "f" };
          },
        },
      },
      ALL_EXTENSIONS,
    );
    const grant = { kind: "command", text: "git diff" };
    expect(await answerTo(kernel, "ApprovalRequest", { ...APPROVAL, more: 1 } as never, { grant })).toEqual({
      id: "q1",
      result: { request_id: "q1", response: "approve", feedback: "f" },
    });
    await answerTo(kernel, "ApprovalRequest", { ...APPROVAL, id: "q2" }, { grant: null });
    expect(asked).toEqual([{ ...APPROVAL, more: 1 }, grant, { ...APPROVAL, id: "q2" }, null]);
  });

  test("a tool gives its value; one that is missing, throws or gives nonsense is an error", async () => {
    const tool = { description: "d", parameters: {} };
    const { kernel } = await setUp({
      tools: [
        { ...tool, name: "good", run: async () => RETURN_VALUE },
        { ...tool, name: "throws", run: () => Promise.reject(new Error("tool bug")) },
        { ...tool, name: "nonsense", run: async () => ({ is_error: "no" }) as never },
      ],
    });
    const call = (id: string, name: string) =>
      answerTo(kernel, "ToolCallRequest", { id, name, arguments: "{}" } as never);
    expect(await call("t1", "good")).toEqual({ id: "t1", result: { tool_call_id: "t1", return_value: RETURN_VALUE } });
    expect(await call("t2", "throws")).toMatchObject({ error: { code: -32603, message: "Error: tool bug" } });
    expect(await call("t3", "nonsense")).toMatchObject({ error: { message: expect.stringContaining("nonsense") } });
    expect(await call("t4", "unheard")).toMatchObject({ error: { code: -32601 } });
  });

  test("a question gets texts or nothing; a hook that fails is an error for the kernel to judge", async () => {
    const { kernel } = await setUp({
      handlers: {
        onQuestion: async ({ id }) => (id === "good" ? { Which: "A" } : ({ Which: 7 } as never)),
      },
      hooks: [
        { event: "PreToolUse", run: async () => ({ action: "block", reason: "r" }) },
        { event: "Stop", run: () => Promise.reject(new Error("hook bug")) },
      ],
    });
    const question = (id: string) =>
      answerTo(kernel, "QuestionRequest", { id, tool_call_id: "t", questions: [] } as never);
    expect(await question("good")).toEqual({ id: "good", result: { request_id: "good", answers: { Which: "A" } } });
    expect(await question("bad")).toEqual({ id: "bad", result: { request_id: "bad", answers: {} } });
    const hook = (id: string, subscription_id: string) =>
      answerTo(kernel, "HookRequest", { id, subscription_id } as never);
    expect(await hook("h1", "hook-1")).toEqual({
      id: "h1",
      result: { request_id: "h1", action: "block", reason: "r" },
    });
    expect(await hook("h2", "hook-2")).toMatchObject({ id: "h2", error: { message: "Error: hook bug" } });
    expect(await hook("h3", "hook-9")).toMatchObject({ id: "h3", error: { code: -32601 } });
  });

  test.each(["QuestionRequest", "Unheard"])("%s without a handler is an error", async (type) => {
    const { kernel } = await setUp();
    expect(await answerTo(kernel, type, { id: "x" })).toMatchObject({ id: "x", error: { code: -32601 } });
  });

  test.each([
    [undefined],
    [null],
    [[]],
    ["x"],
    [{ type: "ApprovalRequest" }],
    [{ type: "ApprovalRequest", payload: 7 }],
  ])("malformed params are answered with an error: %j", async (params) => {
    const { kernel } = await setUp({ handlers: { onApproval: async () => ({ response: "approve" }) } });
    kernel.send({ jsonrpc: "2.0", id: "x", method: "request", ...(params === undefined ? {} : { params }) });
    expect(await kernel.next(null)).toMatchObject({ id: "x", error: { code: expect.any(Number) } });
  });

  test("the host hears when nobody needs its answer any more", async () => {
    const signals: AbortSignal[] = [];
    const { client, kernel } = await setUp({
      handlers: {
        onApproval: (_request, { signal }) => {
          signals.push(signal);
          return new Promise(() => {});
        },
      },
    });
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.ask("ApprovalRequest", APPROVAL);
    const second = { ...APPROVAL, id: "q2", tool_call_id: "t2" };
    kernel.ask("ApprovalRequest", second);
    await expect.poll(() => signals.length).toBe(2);
    kernel.event("ApprovalResponse", { request_id: "q1", response: "reject", feedback: "" });
    await expect.poll(() => signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    kernel.answer(prompt, { status: "finished" });
    await turn.result;
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });
});

describe("replay", () => {
  test("gives every event to its listener alone, then the counts; asks the host nothing", async () => {
    const heard: string[] = [];
    const asked: string[] = [];
    const { client, kernel } = await setUp({
      handlers: {
        onEvent: ({ type }) => void heard.push(type),
        onApproval: async ({ id }) => {
          asked.push(id);
          return { response: "approve" };
        },
      },
    });
    const seen: string[] = [];
    const replayed = client.replay(({ type }) => void seen.push(type));
    const line = await kernel.next("replay");
    expect(line.params).toEqual({});
    kernel.event("TurnBegin");
    kernel.ask("ApprovalRequest", APPROVAL);
    expect(await kernel.next(null)).toMatchObject({ id: "q1", error: {} });
    kernel.event("TurnEnd");
    kernel.answer(line, { status: "finished", events: 2, requests: 1 });
    expect(await replayed).toEqual({ status: "finished", events: 2, requests: 1 });
    expect({ seen, heard, asked }).toEqual({ seen: ["TurnBegin", "TurnEnd"], heard: [], asked: [] });
    kernel.ask("ApprovalRequest", { ...APPROVAL, id: "q2" });
    await expect.poll(() => asked).toEqual(["q2"]);
  });

  test("a listener that throws fails the replay and nothing else; a kernel that dies begins it again", async () => {
    const { client, kernel, launches } = await setUp();
    const failing = client.replay(() => {
      throw new Error("host bug");
    });
    kernel.event("TurnBegin");
    kernel.answer(await kernel.next("replay"), { status: "finished", events: 1, requests: 0 });
    await expect(failing).rejects.toThrow("host bug");
    const seen: unknown[] = [];
    const replayed = client.replay(({ payload }) => void seen.push(payload));
    await kernel.next("replay");
    kernel.event("A", 1);
    await expect.poll(() => seen).toEqual([1]);
    kernel.die();
    const next = await launches.next();
    await next.greet();
    const again = await next.next("replay");
    next.event("A", 1);
    next.event("B", 2);
    next.answer(again, { status: "finished", events: 2, requests: 0 });
    expect(await replayed).toMatchObject({ events: 2 });
    expect(seen).toEqual([1, 2]);
  });
});

describe("close", () => {
  test("cancels the turn, stops the kernel, settles what is open; later calls reject", async () => {
    const { client, kernel } = await setUp();
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    const closing = client.close();
    kernel.answer(await kernel.next("cancel"), {});
    kernel.event("TurnEnd");
    kernel.answer(prompt, { status: "cancelled" });
    expect(await turn.result).toEqual({ status: "cancelled" });
    await closing;
    expect(kernel.isDead).toBe(true);
    expect(await typesOf(turn)).toEqual(["TurnEnd"]);
    await expect(client.prompt("more").result).rejects.toMatchObject({ code: "closed" });
    await expect(client.cancel()).rejects.toMatchObject({ code: "closed" });
    await client.close();
  });

  test("a kernel that takes its time to end in good order is not killed over it", async () => {
    const timing = new FakeTiming();
    const { client, kernel } = await setUp({}, [], timing);
    kernel.lingers = true;
    const closing = client.close();
    // The wait that a kernel whose output ended by itself would get.
    await expect.poll(() => timing.waiting).toBe(1);
    timing.advance(60_000);
    await new Promise(setImmediate);
    expect(kernel.isDead).toBe(false);
    kernel.die({ code: 0 });
    await closing;
  });

  test("the host's signal closes it, also while it connects", async () => {
    const controller = new AbortController();
    const { client, kernel } = await setUp({ signal: controller.signal });
    controller.abort();
    await expect.poll(() => kernel.isDead).toBe(true);
    await expect(client.prompt("go").result).rejects.toMatchObject({ code: "aborted" });
    const early = new AbortController();
    const launches = new FakeLaunches();
    const connecting = KernelClient.connect({
      launchers: [launches.launcher()],
      client: { name: "test" },
      signal: early.signal,
    });
    const unborn = await launches.next();
    early.abort();
    await expect(connecting).rejects.toMatchObject({ code: "aborted" });
    expect(unborn.isDead).toBe(true);
  });
});
