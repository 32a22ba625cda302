import { totalmem } from "node:os";
import { afterEach, describe, expect, test } from "vitest";
import type { Event } from "../wire/generated/types.gen.js";
import { KernelProcessError, type KernelProcessErrorCode } from "./errors.js";
import type { KernelClientOptions } from "./host.js";
import { KernelClient } from "./kernel-client.js";
import type { KernelStateChange } from "./kernel-state.js";
import type { KernelLauncher } from "./launcher.js";
import { idOf, REPLAYED, stamp } from "./testing/client-lines.js";
import { ALL_EXTENSIONS, FakeLaunches, type FakeLine } from "./testing/fake-kernel.js";
import { FakeTiming, hasty } from "./testing/fake-timing.js";
import type { Timing } from "./timing.js";

const clients: KernelClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

const HASTY = hasty();

function launch(options: Partial<KernelClientOptions> = {}, timing: Timing = HASTY) {
  const launches = new FakeLaunches();
  const states: KernelStateChange[] = [];
  const launchers: KernelClientOptions["launchers"] = options.launchers ?? [
    launches.launcher("sidecar"),
    launches.launcher("in_process"),
  ];
  const connecting = KernelClient.connect(
    {
      client: { name: "test" },
      ...options,
      launchers,
      handlers: { ...options.handlers, onState: (change) => void states.push(change) },
    },
    timing,
  );
  connecting.then(
    (client) => clients.push(client),
    () => {},
  );
  return { launches, states, connecting };
}

async function setUp(extensions: readonly string[], options: Partial<KernelClientOptions> = {}, timing?: Timing) {
  const { launches, states, connecting } = launch(options, timing);
  const kernel = await launches.next();
  await kernel.greet(extensions);
  return { launches, states, kernel, client: await connecting };
}

async function all(turn: AsyncIterable<Event>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { type, payload } of turn) seen.push(type === "ContentPart" ? JSON.stringify(payload) : type);
  return seen;
}

describe("a kernel with resume/1 that dies in mid-turn", () => {
  test("that ended, and another client's turn behind it: its own end is shown, the other's events are not its own", async () => {
    const heard: string[] = [];
    const { client, kernel, launches, states } = await setUp(ALL_EXTENSIONS, {
      handlers: { onEvent: ({ type }) => void heard.push(type) },
    });
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.event("TurnBegin", { user_input: "go" }, stamp(5, 0));
    kernel.event("ToolCall", { type: "function", id: "c1", function: { name: "X", arguments: "{}" } }, stamp(6, 5));
    await expect.poll(() => client.cursor).toBe(6);
    kernel.die();
    const next = await launches.next();
    await next.greet(ALL_EXTENSIONS);
    const again = await next.next("prompt");
    expect(idOf(again)).toBe(idOf(prompt));
    next.answer(again, { status: "finished" });
    const replay = await next.next("replay");
    next.event("TurnBegin", { user_input: "other" }, stamp(20, 0, 2));
    next.event("ContentPart", "b", stamp(21, 20, 2));
    next.event("TurnEnd", {}, stamp(22, 21, 2));
    next.answer(replay, REPLAYED);
    expect(await turn.result).toEqual({ status: "finished" });
    const own = ["TurnBegin", "ToolCall", "ToolResult", "TurnEnd"];
    expect(await all(turn)).toEqual(own);
    expect(heard).toEqual([...own, "TurnBegin", "ContentPart", "TurnEnd"]);
    expect(states.flatMap(({ unknownEffects }) => unknownEffects)).toEqual(["c1"]);
    expect(client.cursor).toBe(22);
  });

  test("the open turn goes on: initialize, replay behind the cursor, resume; each event once", async () => {
    const { client, kernel, launches, states } = await setUp(ALL_EXTENSIONS, { firstArgs: ["--plan"] });
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.event("TurnBegin", { user_input: "go" }, stamp(5, 0));
    kernel.event("StepBegin", { n: 1 }, stamp(6, 5));
    await expect.poll(() => client.cursor).toBe(6);
    kernel.die();
    const next = await launches.next();
    expect(next.args).toEqual(["--session", client.session]);
    await next.greet(ALL_EXTENSIONS, { turn_id: "turn-1", client_id: idOf(prompt), seq: 8 });
    const replay = await next.next("replay");
    expect(replay.params).toEqual({ since: 6 });
    next.event("StepBegin", { n: 1 }, stamp(6, 5));
    next.event("ContentPart", "a", stamp(8, 6));
    next.answer(replay, REPLAYED);
    const resume = await next.next("resume");
    expect(resume.params).toEqual({ turn_id: "turn-1", action: "continue" });
    next.event("ContentPart", "b", stamp(9, 8, 2));
    next.event("TurnEnd", {}, stamp(10, 9, 2));
    next.answer(resume, { status: "finished" });
    expect(await turn.result).toEqual({ status: "finished" });
    expect(await all(turn)).toEqual(["TurnBegin", "StepBegin", '"a"', '"b"', "TurnEnd"]);
    expect(next.lines.map(({ method }) => method)).toEqual(["initialize", "replay", "resume"]);
    expect(states.map(({ from, to }) => `${from} ${to}`)).toEqual([
      ...["idle starting", "starting ready", "ready restarting", "restarting ready"],
    ]);
    expect(states[2]).toMatchObject({ cause: { kind: "signal", signal: "SIGKILL" }, nextRetryMs: 0, attempt: 2 });
    expect(states[3]).toMatchObject({
      mode: "sidecar",
      resumedTurn: "turn-1",
      guarantees: { resume: true, exactlyOnce: true, hangDetection: true },
    });
  });

  test("one that was parked because nobody read is ended in good order, and the turn goes on in the next", async () => {
    const { client, kernel, launches, states } = await setUp(ALL_EXTENSIONS);
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.event("TurnBegin", { user_input: "go" }, stamp(5, 0));
    kernel.refuse(prompt, -32000, "its turn waits to be resumed", { code: "kernel_stopped", parked: true });
    // Twice at one place is no reason to give the turn up: no kernel failed there.
    for (const again of [true, false]) {
      const next = await launches.next();
      await next.greet(ALL_EXTENSIONS, { turn_id: "turn-1", client_id: idOf(prompt), seq: 5 });
      next.answer(await next.next("replay"), REPLAYED);
      const resume = await next.next("resume");
      expect(resume.params).toEqual({ turn_id: "turn-1", action: "continue" });
      if (again) next.refuse(resume, -32000, "its turn waits to be resumed", { code: "kernel_stopped", parked: true });
      else {
        next.event("TurnEnd", {}, stamp(6, 5, 2));
        next.answer(resume, { status: "finished" });
      }
    }
    expect(kernel.isDead).toBe(true);
    expect(await turn.result).toEqual({ status: "finished" });
    expect(await all(turn)).toEqual(["TurnBegin", "TurnEnd"]);
    expect(states.find(({ to }) => to === "restarting")?.cause).toMatchObject({ kind: "exit", code: 0 });
    expect(launches.maxAlive).toBe(1);
  });

  test("one that was told to stop has ended the turn: that is its end", async () => {
    const { client, kernel, launches } = await setUp(ALL_EXTENSIONS);
    const turn = client.prompt("go");
    kernel.refuse(await kernel.next("prompt"), -32000, "told to stop", { code: "kernel_stopped" });
    await expect(turn.result).rejects.toMatchObject({ message: "told to stop" });
    expect(launches.all).toHaveLength(1);
  });

  test("a prompt that was never recorded is sent again with its id, and runs", async () => {
    const { client, kernel, launches } = await setUp(ALL_EXTENSIONS);
    const turn = client.prompt("go");
    const first = await kernel.next("prompt");
    kernel.die();
    const next = await launches.next();
    await next.greet(ALL_EXTENSIONS);
    const again = await next.next("prompt");
    expect(again.params).toEqual({ user_input: "go", client_id: idOf(first) });
    next.event("TurnBegin", {}, stamp(40, 0));
    next.answer(again, { status: "finished" });
    const replay = await next.next("replay");
    expect(replay.params).toEqual({ since: 40 });
    next.answer(replay, REPLAYED);
    expect(await turn.result).toEqual({ status: "finished" });
    expect(await all(turn)).toEqual(["TurnBegin"]);
  });

  test("a turn that had ended gives its recorded outcome, after the events that the host missed", async () => {
    const { client, kernel, launches } = await setUp(ALL_EXTENSIONS);
    const turn = client.prompt("go");
    await kernel.next("prompt");
    kernel.event("TurnBegin", {}, stamp(1, 0));
    await expect.poll(() => client.cursor).toBe(1);
    kernel.die();
    const next = await launches.next();
    await next.greet(ALL_EXTENSIONS);
    next.refuse(await next.next("prompt"), -32003, "boom");
    const replay = await next.next("replay");
    expect(replay.params).toEqual({ since: 1 });
    next.event("TurnEnd", {}, stamp(2, 1));
    next.answer(replay, REPLAYED);
    await expect(turn.result).rejects.toMatchObject({ code: "provider_error", message: "boom" });
    expect(await all(turn)).toEqual(["TurnBegin", "TurnEnd"]);
  });

  test("steer and cancel are sent again with their ids, behind the resume", async () => {
    const { client, kernel, launches } = await setUp(ALL_EXTENSIONS);
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    const steered = client.steer("s");
    const steer = await kernel.next("steer");
    const cancelled = client.cancel();
    const cancel = await kernel.next("cancel");
    kernel.die();
    const meanwhile = client.steer("later");
    const next = await launches.next();
    await next.greet(ALL_EXTENSIONS, { turn_id: "t", client_id: idOf(prompt), seq: 0 });
    next.answer(await next.next("replay"), REPLAYED);
    const resume = await next.next("resume");
    const again = [await next.next("steer"), await next.next("steer")];
    const ids = again.map(idOf);
    expect(ids).toContain(idOf(steer));
    for (const line of again) next.answer(line, { status: "steered" });
    const cancelAgain = await next.next("cancel");
    expect(idOf(cancelAgain)).toBe(idOf(cancel));
    next.answer(cancelAgain, {});
    await Promise.all([steered, cancelled, meanwhile]);
    next.answer(resume, { status: "cancelled" });
    expect(await turn.result).toEqual({ status: "cancelled" });
    const methods = next.lines.map(({ method }) => method);
    expect(methods.indexOf("resume")).toBeLessThan(methods.indexOf("steer"));
  });

  test("a request that comes again joins the running handler, or gets the kept answer", async () => {
    const calls: string[] = [];
    const shown: unknown[] = [];
    let decide: (answer: { response: "approve" }) => void = () => {};
    const value = { is_error: false, output: "o", message: "", display: [], extras: null };
    const run = async ({ id }: { id: string }) => {
      calls.push(id);
      return value;
    };
    const { client, kernel, launches } = await setUp(ALL_EXTENSIONS, {
      tools: [{ name: "ext", description: "d", parameters: {}, run }],
      handlers: {
        onEnvelope: (method, { payload }) => {
          if (method === "request") shown.push((payload as { id: string }).id);
        },
        onApproval: ({ id }) => {
          calls.push(id);
          return new Promise((resolve) => {
            decide = resolve;
          });
        },
      },
    });
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.ask("ToolCallRequest", { id: "call-1", name: "ext", arguments: "{}" } as never, stamp(2, 0));
    await kernel.next(null);
    kernel.ask("ApprovalRequest", { id: "q1" }, stamp(3, 2));
    await expect.poll(() => calls).toEqual(["call-1", "q1"]);
    kernel.die();
    const next = await launches.next();
    await next.greet(ALL_EXTENSIONS, { turn_id: "t", client_id: idOf(prompt), seq: 3 });
    const replay = await next.next("replay");
    next.send({
      jsonrpc: "2.0",
      method: "request",
      params: { type: "ApprovalRequest", payload: { id: "q0" }, ...stamp(2, 0) },
    });
    next.answer(replay, REPLAYED);
    const resume = await next.next("resume");
    next.ask("ToolCallRequest", { id: "call-1", name: "ext", arguments: "{}" } as never, stamp(2, 0));
    expect(await next.next(null)).toMatchObject({ id: "call-1", result: { return_value: value } });
    next.ask("ApprovalRequest", { id: "q1" }, stamp(4, 3, 2));
    decide({ response: "approve" });
    expect(await next.next(null)).toMatchObject({ id: "q1", result: { response: "approve" } });
    expect({ calls, shown }).toEqual({ calls: ["call-1", "q1"], shown: ["call-1", "q1"] });
    next.event("ToolResult", { tool_call_id: "call-1", return_value: value }, stamp(5, 4, 2));
    next.ask("ToolCallRequest", { id: "call-1", name: "ext", arguments: "{}" } as never, stamp(6, 5, 2));
    await next.next(null);
    expect(calls).toEqual(["call-1", "q1", "call-1"]);
    next.answer(resume, { status: "finished" });
    await turn.result;
  });

  test("a second death at the same place: the turn is ended as it stands, on the next rung", async () => {
    const { client, kernel, launches, states } = await setUp(ALL_EXTENSIONS);
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    const open = { turn_id: "t", client_id: idOf(prompt), seq: 3 };
    kernel.event("TurnBegin", {}, stamp(1, 0));
    kernel.event("StepBegin", { n: 1 }, stamp(2, 1));
    kernel.event("ToolCall", { id: "bomb" }, stamp(3, 2));
    await expect.poll(() => client.cursor).toBe(3);
    kernel.die();
    const second = await launches.next();
    await second.greet(ALL_EXTENSIONS, open);
    second.answer(await second.next("replay"), REPLAYED);
    expect((await second.next("resume")).params).toMatchObject({ action: "continue" });
    second.die();
    const third = await launches.next();
    expect(third.mode).toBe("in_process");
    await third.greet(ALL_EXTENSIONS, open);
    third.answer(await third.next("replay"), REPLAYED);
    const settle = await third.next("resume");
    expect(settle.params).toEqual({ turn_id: "t", action: "settle" });
    const extras = { code: "unknown_outcome" };
    third.event("ToolResult", { tool_call_id: "bomb", return_value: { extras } }, stamp(4, 3, 3));
    third.event("TurnEnd", {}, stamp(5, 4, 3));
    third.refuse(settle, -32000, "The turn was interrupted", { code: "turn_interrupted" });
    await expect(turn.result).rejects.toMatchObject({ code: "turn_quarantined" });
    expect(await all(turn)).toEqual(["TurnBegin", "StepBegin", "ToolCall", "ToolResult", "TurnEnd"]);
    expect(states.at(-1)).toMatchObject({ to: "ready", mode: "in_process", unknownEffects: ["bomb"] });
    // What is only ended does not go on.
    const back = states.filter(({ from, to }) => from === "restarting" && to === "ready");
    expect(back.map(({ resumedTurn }) => resumedTurn)).toEqual(["t", null]);
    expect(client.mode).toBe("in_process");
  });

  test("a hang is death: silence, a ping, the end, the turn goes on", async () => {
    const timing = new FakeTiming();
    const { client, kernel, launches, states } = await setUp(ALL_EXTENSIONS, {}, timing);
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    timing.advance(6_000);
    expect((await kernel.next("ping")).method).toBe("ping");
    timing.advance(4_000);
    const next = await launches.next();
    expect(kernel.isDead).toBe(true);
    await next.greet(ALL_EXTENSIONS, { turn_id: "t", client_id: idOf(prompt), seq: 0 });
    next.answer(await next.next("replay"), REPLAYED);
    next.answer(await next.next("resume"), { status: "finished" });
    await turn.result;
    expect(states[2]).toMatchObject({ to: "restarting", cause: { kind: "hung" } });
  });

  test("a heartbeat that says so makes a lost turn a death", async () => {
    const { client, kernel, launches, states } = await setUp(ALL_EXTENSIONS);
    client.prompt("go");
    await kernel.next("prompt");
    const beat = { turn: true, waits: [], idle_ms: 6_000, rss: 1 };
    kernel.send({ jsonrpc: "2.0", method: "heartbeat", params: beat });
    await launches.next();
    expect(kernel.isDead).toBe(true);
    expect(states[2]).toMatchObject({ cause: { kind: "lost_turn" } });
  });

  test("a kernel that held nearly all memory when it was killed ran out of it, and is never followed by one in the host", async () => {
    const { client, kernel, launches, states } = await setUp(ALL_EXTENSIONS);
    client.prompt("go").result.catch(() => {});
    let next = kernel;
    for (let death = 0; death < 3; death += 1) {
      next.send({
        jsonrpc: "2.0",
        method: "heartbeat",
        params: { turn: true, waits: ["tool"], idle_ms: 0, rss: totalmem() },
      });
      // Behind it, so that it was heard when this is answered.
      next.ask("ApprovalRequest", { id: `a${death}` });
      await next.next(null);
      next.die();
      next = await launches.next();
      await next.greet(ALL_EXTENSIONS);
    }
    expect(states.flatMap(({ cause }) => (cause === null ? [] : [cause.kind]))).toEqual(Array(3).fill("out_of_memory"));
    expect(launches.all.map(({ mode }) => mode)).toEqual(Array(4).fill("sidecar"));
  });
});

describe("between two kernels", () => {
  test("what is called is held, and settles when the client is closed instead", async () => {
    const { client, kernel, launches } = await setUp(ALL_EXTENSIONS);
    kernel.die();
    await launches.next();
    const turn = client.prompt("held");
    const calls = [client.steer("s"), client.setPlanMode(true), client.replay(() => {})];
    const ends = Promise.allSettled([turn.result, ...calls]);
    await client.close();
    expect((await ends).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "rejected"]);
    expect(await turn.result).toEqual({ status: "cancelled" });
    expect(launches.all.every(({ isDead }) => isDead)).toBe(true);
    expect(launches.all.flatMap(({ lines }) => lines.map(({ method }) => method))).not.toContain("prompt");
  });

  test("closing while the turn waits to go on rejects it as closed", async () => {
    const { client, kernel, launches } = await setUp(ALL_EXTENSIONS);
    const turn = client.prompt("go");
    await kernel.next("prompt");
    kernel.die();
    await launches.next();
    await client.close();
    await expect(turn.result).rejects.toMatchObject({ code: "closed" });
  });
});

describe("a gap in what a living kernel sends", () => {
  test("is asked for, and the host hears everything in order, requests too", async () => {
    const heard: string[] = [];
    const { client, kernel } = await setUp(ALL_EXTENSIONS, {
      handlers: { onEnvelope: (method, params) => void heard.push(`${method} ${JSON.stringify(params)}`) },
    });
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.event("A", 1, stamp(1, 0));
    kernel.event("A", 4, stamp(4, 3));
    const replay = await kernel.next("replay");
    expect(replay.params).toEqual({ since: 1 });
    kernel.event("A", 5, stamp(5, 4));
    kernel.event("A", 2, stamp(2, 1));
    const request = { type: "ApprovalRequest", payload: { id: "q" }, ...stamp(3, 2) };
    kernel.send({ jsonrpc: "2.0", method: "request", params: request });
    kernel.event("A", 4, stamp(4, 3));
    kernel.answer(replay, REPLAYED);
    kernel.answer(prompt, { status: "finished" });
    await turn.result;
    expect(heard).toEqual([
      'event {"type":"A","payload":1}',
      'event {"type":"A","payload":2}',
      'request {"type":"ApprovalRequest","payload":{"id":"q"}}',
      'event {"type":"A","payload":4}',
      'event {"type":"A","payload":5}',
    ]);
    expect(kernel.lines.filter(({ method }) => method === undefined)).toEqual([]);
  });
});

describe("an earlier host's turn", () => {
  const OPEN = { turn_id: "old", client_id: "someone", seq: 7 };

  test("is told and resumed, with its events from the beginning", async () => {
    const { launches, connecting } = launch();
    const kernel = await launches.next();
    await kernel.greet(ALL_EXTENSIONS, OPEN);
    const client = await connecting;
    expect(client.openTurn).toEqual({ turnId: "old", clientId: "someone", seq: 7 });
    const turn = client.resume();
    const replay = await kernel.next("replay");
    expect(replay.params).toEqual({ since: 0 });
    kernel.event("TurnBegin", {}, stamp(6, 0));
    kernel.answer(replay, REPLAYED);
    kernel.answer(await kernel.next("resume"), { status: "finished" });
    expect(await turn.result).toEqual({ status: "finished" });
    expect(await all(turn)).toEqual(["TurnBegin"]);
    expect(client.openTurn).toBeNull();
    await expect(client.resume().result).rejects.toMatchObject({ code: "no_turn" });
  });

  test("with the host's own cursor only what it missed comes, at once when no turn is open", async () => {
    const heard: string[] = [];
    const { launches, connecting } = launch({ since: 3, handlers: { onEvent: ({ type }) => void heard.push(type) } });
    const kernel = await launches.next();
    await kernel.greet(ALL_EXTENSIONS);
    const replay = await kernel.next("replay");
    expect(replay.params).toEqual({ since: 3 });
    kernel.event("StepBegin", {}, stamp(3, 2));
    kernel.event("TurnEnd", {}, stamp(4, 3));
    kernel.answer(replay, REPLAYED);
    expect((await connecting).cursor).toBe(4);
    expect(heard).toEqual(["TurnEnd"]);
  });
});

describe("a kernel without extensions that dies in mid-turn", () => {
  test("the turn is broken, its brackets are closed, its calls unknown; the next prompt runs on the next kernel", async () => {
    const { client, kernel, launches, states } = await setUp([]);
    const turn = client.prompt("go");
    await kernel.next("prompt");
    kernel.event("TurnBegin");
    kernel.event("StepBegin", { n: 1 });
    kernel.event("ToolCall", { id: "done" });
    kernel.event("ToolCall", { id: "agent" });
    kernel.event("ToolResult", { tool_call_id: "done" });
    const inner = { type: "ToolCall", payload: { id: "inner" } };
    kernel.event("SubagentEvent", {
      parent_tool_call_id: "agent",
      agent_id: "a",
      subagent_type: "coder",
      event: inner,
    });
    kernel.event("CompactionBegin");
    kernel.die();
    await expect(turn.result).rejects.toMatchObject({ code: "turn_broken" });
    const seen: Event[] = [];
    for await (const event of turn) seen.push(event);
    expect(seen.slice(7)).toMatchObject([
      { type: "ToolResult", payload: { tool_call_id: "agent", return_value: { extras: { code: "unknown_outcome" } } } },
      {
        type: "SubagentEvent",
        payload: { agent_id: "a", event: { type: "ToolResult", payload: { tool_call_id: "inner" } } },
      },
      { type: "CompactionEnd" },
      { type: "TurnEnd" },
    ]);
    expect(states[2]).toMatchObject({ to: "restarting", unknownEffects: ["agent", "inner"], resumedTurn: null });
    const more = client.prompt("more");
    const next = await launches.next();
    await next.greet([]);
    next.answer(await next.next("prompt"), { status: "finished" });
    expect(await more.result).toEqual({ status: "finished" });
    expect(next.lines.map(({ method }) => method)).toEqual(["initialize", "prompt"]);
  });

  test("an answer in front of the end still counts", async () => {
    const { client, kernel, launches } = await setUp([]);
    const turn = client.prompt("go");
    kernel.answer(await kernel.next("prompt"), { status: "finished" });
    kernel.die({ code: 1 });
    expect(await turn.result).toEqual({ status: "finished" });
    await launches.next();
  });

  test("one that closes its output and lives on is ended before the next is started", async () => {
    const { client, kernel, launches, states } = await setUp([]);
    const turn = client.prompt("go");
    await kernel.next("prompt");
    kernel.closeOutput();
    await expect(turn.result).rejects.toMatchObject({ code: "turn_broken" });
    await launches.next();
    expect(kernel.isDead).toBe(true);
    expect(states[2]).toMatchObject({ cause: { kind: "eof" } });
    expect(launches.maxAlive).toBe(1);
  });
});

describe("the ladder", () => {
  test("six deaths are the end: held calls reject, later ones too", async () => {
    const { client, kernel, launches, states } = await setUp([]);
    let last = kernel;
    for (let n = 0; n < 5; n += 1) {
      last.die();
      last = await launches.next();
      await last.greet([]);
    }
    last.die({ signal: "SIGSEGV", stderrTail: "words" });
    const held = client.prompt("go");
    await expect(held.result).rejects.toMatchObject({ code: expect.stringMatching(/crashed|turn_broken/) });
    await expect(client.prompt("go").result).rejects.toMatchObject({
      code: "crashed",
      data: { cause: { kind: "signal", signal: "SIGSEGV", stderrTail: "words" } },
    });
    await expect(client.setPlanMode(true)).rejects.toMatchObject({ code: "crashed" });
    expect(launches.all.map(({ mode }) => mode)).toEqual([
      ...["sidecar", "sidecar", "in_process", "in_process", "in_process", "in_process"],
    ]);
    expect(launches.maxAlive).toBe(1);
    expect(states.at(-1)).toMatchObject({ to: "failed", mode: null, cause: { kind: "signal" } });
  });

  test.each<[number, string]>([
    [2, "bad flag"],
    [64, "usage"],
    [77, "log in first"],
    [78, "bad config"],
  ])("exit code %i is a refusal, before and after initialize", async (code, stderrTail) => {
    const { launches, connecting } = launch();
    (await launches.next()).die({ code, stderrTail });
    await expect(connecting).rejects.toMatchObject({ code: "refused", message: stderrTail });
    expect(launches.all).toHaveLength(1);
    const { client, kernel, launches: later } = await setUp(ALL_EXTENSIONS);
    const turn = client.prompt("go");
    await kernel.next("prompt");
    kernel.die({ code, stderrTail });
    await expect(turn.result).rejects.toMatchObject({ code: "refused", message: stderrTail });
    expect(later.all).toHaveLength(1);
  });

  test("the next rung stands by behind the first death, not before, and lets go at the end", async () => {
    const timing = new FakeTiming();
    const told: string[] = [];
    const launches = new FakeLaunches();
    const standBy = () => {
      told.push("stands by");
      return () => void told.push("lets go");
    };
    let isReady = (): void => {};
    const ready = () =>
      new Promise<void>((resolve) => {
        isReady = resolve;
      });
    const onState = ({ to }: KernelStateChange) => to === "ready" && isReady();
    const first = ready();
    const connecting = KernelClient.connect(
      {
        client: { name: "test" },
        launchers: [
          { ...launches.launcher("sidecar"), standBy },
          { ...launches.launcher("in_process"), standBy },
        ],
        handlers: { onState },
      },
      timing,
    );
    const kernel = await launches.next();
    await kernel.greet([]);
    await first;
    const client = await connecting;
    timing.advance(60_000);
    expect(told).toEqual([]);
    const second = ready();
    kernel.die();
    await (await launches.next()).greet([]);
    await second;
    timing.advance(499);
    expect(told).toEqual([]);
    timing.advance(1);
    expect(told).toEqual(["stands by"]);
    await client.close();
    expect(told).toEqual(["stands by", "lets go"]);
    expect(timing.waiting).toBe(0);
  });

  test("no memory is never answered with a kernel in the host", async () => {
    const { kernel, launches, states } = await setUp(ALL_EXTENSIONS);
    kernel.die({ signal: "SIGABRT", outOfMemory: true });
    const second = await launches.next();
    await second.greet(ALL_EXTENSIONS);
    await expect.poll(() => states.at(-1)?.to).toBe("ready");
    second.die({ signal: "SIGABRT", outOfMemory: true });
    expect((await launches.next()).mode).toBe("sidecar");
    expect(states[2]).toMatchObject({ cause: { kind: "out_of_memory" } });
  });
});

describe("a start that fails", () => {
  const failing = (code: KernelProcessErrorCode): KernelLauncher =>
    new FakeLaunches().launcher(
      "sidecar",
      Array.from({ length: 9 }, () => new KernelProcessError(code, "no")),
    );

  test.each<KernelProcessErrorCode>(["spawn_failed", "not_a_kernel"])("%s: the next launcher at once", async (code) => {
    const launches = new FakeLaunches();
    const { connecting, states } = launch({
      launchers: [failing(code), launches.launcher("in_process")],
      firstArgs: ["--plan"],
    });
    const kernel = await launches.next();
    expect(kernel.args[0]).toBe("--plan");
    await kernel.greet([]);
    expect((await connecting).mode).toBe("in_process");
    expect(states[1]).toMatchObject({
      from: "starting",
      to: "starting",
      cause: { kind: "start_failed" },
      nextRetryMs: 0,
    });
  });

  test("a launcher that cannot start anything is not tried again", async () => {
    const launches = new FakeLaunches();
    const failures = [new KernelProcessError("spawn_failed", "no")];
    const { connecting } = launch({
      launchers: [launches.launcher("sidecar", failures), launches.launcher("in_process")],
    });
    const first = await launches.next();
    await first.greet([]);
    await connecting;
    first.die({ outOfMemory: true });
    expect((await launches.next()).mode).toBe("in_process");
  });

  test("for lack of memory is tried again in a process of its own", async () => {
    const { launches, connecting } = launch();
    (await launches.next()).die({ signal: "SIGABRT", outOfMemory: true });
    const second = await launches.next();
    expect(second.mode).toBe("sidecar");
    await second.greet([]);
    await connecting;
  });

  test("a wrong path never falls back", async () => {
    const launches = new FakeLaunches();
    const { connecting } = launch({ launchers: [failing("not_found"), launches.launcher("in_process")] });
    await expect(connecting).rejects.toMatchObject({ code: "not_found" });
    expect(launches.all).toEqual([]);
  });

  test.each<[string, KernelProcessErrorCode, (launches: FakeLaunches) => Promise<void>]>([
    [
      "exits",
      "exited_early",
      async (launches) => (await launches.next()).die({ code: 1, stderrTail: "first\nno luck" }),
    ],
    [
      "ends without a word",
      "not_a_kernel",
      async (launches) => {
        const kernel = await launches.next();
        kernel.raw("hello\n");
        kernel.die({ code: 0 });
      },
    ],
    ["speaks HTML", "not_a_kernel", async (launches) => (await launches.next()).raw("<!doctype html>\n<p>\n")],
    [
      "floods without a line",
      "not_a_kernel",
      async (launches) => {
        const kernel = await launches.next();
        for (let n = 0; n < 20; n += 1) kernel.raw("x".repeat(65_536));
      },
    ],
    [
      "knows no initialize",
      "not_a_kernel",
      async (launches) => {
        const kernel = await launches.next();
        kernel.refuse(await kernel.next("initialize"), -32601, "Unexpected method received: initialize");
      },
    ],
    [
      "answers nonsense",
      "not_a_kernel",
      async (launches) => {
        const kernel = await launches.next();
        kernel.answer(await kernel.next("initialize"), { hello: "world" });
      },
    ],
    [
      "speaks another version",
      "version_mismatch",
      async (launches) => {
        const kernel = await launches.next();
        kernel.answer(await kernel.next("initialize"), { protocol_version: "2.0" });
      },
    ],
    ["says nothing", "handshake_timeout", async (launches) => void (await launches.next())],
    [
      "says something else and nothing more",
      "not_a_kernel",
      async (launches) => (await launches.next()).raw("hello\n"),
    ],
  ])("one that %s: %s, and nothing of it is left", async (_name, code, act) => {
    const launches = new FakeLaunches();
    const { connecting, states } = launch({ launchers: [launches.launcher()], handshakeMs: 20_000 });
    await act(launches);
    await expect(connecting).rejects.toMatchObject({ code });
    expect(launches.all.map(({ isDead }) => isDead)).toEqual([true]);
    expect(states.map(({ to }) => to)).toEqual(["starting", "failed", "closed"]);
  });

  test("killed before it spoke, in a restart: the policy tries again", async () => {
    const launches = new FakeLaunches();
    const { connecting } = launch({ launchers: [launches.launcher()] });
    const first = await launches.next();
    await first.greet([]);
    const client = await connecting;
    first.die();
    (await launches.next()).die();
    await (await launches.next()).greet([]);
    const planned = client.setPlanMode(false);
    const third = launches.all[2];
    third?.answer((await third.next("set_plan_mode")) as FakeLine, { status: "ok", plan_mode: false });
    expect(await planned).toBe(false);
  });
});
