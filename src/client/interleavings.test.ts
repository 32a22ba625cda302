/** Orders of events that a host never sees on a quiet day: each of them once broke a promise of the client. */
import { getEventListeners } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import type { Event, HookRequest, ToolReturnValue } from "../wire/generated/types.gen.js";
import { KernelProcessError } from "./errors.js";
import type { KernelClientOptions } from "./host.js";
import { KernelClient } from "./kernel-client.js";
import type { KernelStateChange } from "./kernel-state.js";
import { idOf, REPLAYED, stamp, typesOf } from "./testing/client-lines.js";
import { ALL_EXTENSIONS, type FakeKernel, FakeLaunches } from "./testing/fake-kernel.js";
import { hasty } from "./testing/fake-timing.js";
import type { Timing } from "./timing.js";

const clients: KernelClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

/** For a turn that something is missing of. */
const FILL_MS = 10_000;

const HASTY = hasty(FILL_MS);
/** As expect.poll, with the time that a busy machine may need. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 8_000 });
const OPEN = { turn_id: "old", client_id: "someone", seq: 7 };
const sent = ({ lines }: FakeKernel) => lines.flatMap(({ method }) => (method === undefined ? [] : [method]));

interface SetUp {
  extensions?: readonly string[];
  openTurn?: typeof OPEN;
  timing?: Timing;
}

async function setUp(options: Partial<KernelClientOptions> = {}, how: SetUp = {}, launches = new FakeLaunches()) {
  const { extensions = ALL_EXTENSIONS, openTurn, timing = HASTY } = how;
  const states: KernelStateChange[] = [];
  const { handlers } = options;
  const connecting = KernelClient.connect(
    {
      client: { name: "test" },
      launchers: [launches.launcher("sidecar"), launches.launcher("in_process")],
      ...options,
      handlers: {
        ...handlers,
        onState: (change) => {
          states.push(change);
          return handlers?.onState?.(change);
        },
      },
    },
    timing,
  );
  const kernel = await launches.next();
  await kernel.greet(extensions, openTurn);
  const client = await connecting;
  clients.push(client);
  return { launches, states, kernel, client };
}

describe("a prompt", () => {
  test("that was cancelled before any kernel had it is not sent to the next one", async () => {
    const { client, kernel, launches } = await setUp({ since: 5 }, { openTurn: OPEN });
    const turn = client.prompt("never mind");
    await kernel.next("replay");
    kernel.die();
    const next = await launches.next();
    await client.cancel();
    expect(await turn.result).toEqual({ status: "cancelled" });
    await next.greet(ALL_EXTENSIONS, OPEN);
    next.answer(await next.next("replay"), REPLAYED);
    // Behind everything that the client of the cancelled prompt may still do.
    const plan = client.setPlanMode(true);
    next.answer(await next.next("set_plan_mode"), { status: "ok", plan_mode: true });
    await plan;
    expect(sent(next)).not.toContain("prompt");
  });

  test("of a turn that went on in another kernel leaves no open turn behind", async () => {
    const { client, kernel, launches } = await setUp();
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.event("TurnBegin", {}, stamp(5, 0));
    await eventually(() => client.cursor).toBe(5);
    kernel.die();
    const next = await launches.next();
    await next.greet(ALL_EXTENSIONS, { turn_id: "turn-1", client_id: idOf(prompt), seq: 5 });
    next.answer(await next.next("replay"), REPLAYED);
    const resume = await next.next("resume");
    next.event("TurnEnd", {}, stamp(6, 5));
    next.answer(resume, { status: "finished" });
    await turn.result;
    expect(client.openTurn).toBeNull();
    await expect(client.resume().result).rejects.toMatchObject({ code: "no_turn" });
  });
});

test("an open turn stays open behind a prompt that was refused, and is ended by one that began", async () => {
  const { client, kernel } = await setUp({}, { openTurn: OPEN });
  const prompt = async (input: string) => {
    const turn = client.prompt(input);
    return { turn, line: await kernel.next("prompt") };
  };
  const refused = await prompt("no");
  kernel.refuse(refused.line, -32602, "Invalid parameters for method `prompt`");
  await expect(refused.turn.result).rejects.toMatchObject({ code: "invalid_params" });
  expect(client.openTurn?.turnId).toBe("old");
  const failed = await prompt("yes");
  kernel.event("TurnEnd", {}, stamp(8, 7));
  kernel.event("TurnBegin", {}, stamp(10, 0));
  kernel.event("TurnEnd", {}, stamp(11, 10));
  kernel.refuse(failed.line, -32003, "boom");
  await expect(failed.turn.result).rejects.toMatchObject({ code: "provider_error" });
  expect(client.openTurn).toBeNull();
});

describe("a gap", () => {
  async function lossy() {
    const heard: unknown[] = [];
    const made = await setUp({ handlers: { onEvent: ({ type, payload }) => void heard.push([type, payload]) } });
    const turn = made.client.prompt("go");
    const prompt = await made.kernel.next("prompt");
    return { ...made, heard, turn, prompt };
  }
  const numbers = (heard: unknown[]) => heard.map((one) => (one as [string, unknown])[1]);

  test("behind the one that is being filled is asked for as well", async () => {
    const { kernel, turn, prompt, heard } = await lossy();
    kernel.event("A", 1, stamp(1, 0));
    kernel.event("A", 3, stamp(3, 2));
    const first = await kernel.next("replay");
    // 4 is lost too, after the kernel has answered with what it had.
    kernel.event("A", 2, stamp(2, 1));
    kernel.event("A", 3, stamp(3, 2));
    kernel.event("A", 5, stamp(5, 4));
    kernel.answer(first, REPLAYED);
    const second = await kernel.next("replay");
    expect(second.params).toEqual({ since: 3 });
    kernel.event("A", 4, stamp(4, 3));
    kernel.answer(second, REPLAYED);
    kernel.answer(prompt, { status: "finished" });
    await turn.result;
    expect(numbers(heard)).toEqual([1, 2, 3, 4, 5]);
  });

  test("that a kernel will not fill while the turn runs is filled at its end, in order", async () => {
    const { kernel, turn, prompt, heard } = await lossy();
    kernel.event("A", 1, stamp(1, 0));
    kernel.event("A", 3, stamp(3, 2));
    kernel.refuse(await kernel.next("replay"), -32000, "busy", { code: "turn_in_progress" });
    kernel.event("A", 4, stamp(4, 3));
    kernel.answer(prompt, { status: "finished" });
    const replay = await kernel.next("replay");
    expect(replay.params).toEqual({ since: 1 });
    for (const seq of [2, 3, 4]) kernel.event("A", seq, stamp(seq, seq - 1));
    kernel.answer(replay, REPLAYED);
    await turn.result;
    expect(numbers(heard)).toEqual([1, 2, 3, 4]);
    expect(await typesOf(turn)).toHaveLength(4);
  });

  test("is filled before the turn ends for its host, however long that takes", async () => {
    const waits: { ms: number; run: () => void }[] = [];
    const after: Timing["after"] = (ms, run) => {
      waits.push({ ms, run });
      return () => {};
    };
    const { client, kernel } = await setUp({}, { extensions: ["seq/1", "resume/1"], timing: { ...HASTY, after } });
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.event("TurnBegin", {}, stamp(1, 0));
    kernel.event("TurnEnd", {}, stamp(3, 2));
    kernel.answer(prompt, { status: "finished" });
    const replay = await kernel.next("replay");
    // Answered behind the prompt: that was read too then.
    const plan = client.setPlanMode(true);
    kernel.answer(await kernel.next("set_plan_mode"), { status: "ok", plan_mode: true });
    await plan;
    for (const { ms, run } of waits.splice(0)) if (ms <= 250) run();
    await new Promise(setImmediate);
    kernel.event("StepBegin", { n: 1 }, stamp(2, 1));
    kernel.answer(replay, REPLAYED);
    expect(await typesOf(turn)).toEqual(["TurnBegin", "StepBegin", "TurnEnd"]);
  });

  test("at the very end shows by the answer, and is asked for", async () => {
    const { client, kernel } = await setUp();
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.event("TurnBegin", {}, stamp(1, 0));
    kernel.answer(prompt, { status: "finished" });
    const replay = await kernel.next("replay");
    expect(replay.params).toEqual({ since: 1 });
    kernel.event("TurnEnd", {}, stamp(2, 1));
    kernel.answer(replay, REPLAYED);
    expect(await typesOf(turn)).toEqual(["TurnBegin", "TurnEnd"]);
  });
});

describe("what happens during a replay", () => {
  test("is no part of it: the host hears it, and is asked", async () => {
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
    const replayed: string[] = [];
    const replaying = client.replay(({ type }) => void replayed.push(type));
    const replay = await kernel.next("replay");
    kernel.event("TurnBegin", {});
    kernel.event("StatusUpdate", {}, stamp(9, 0));
    kernel.ask("ApprovalRequest", { id: "of a task" }, stamp(10, 9));
    expect((await kernel.next(null)).result).toMatchObject({ request_id: "of a task", response: "approve" });
    kernel.ask("ApprovalRequest", { id: "long ago" });
    expect((await kernel.next(null)).error).toMatchObject({ code: -32601 });
    kernel.event("TurnEnd", {});
    kernel.answer(replay, REPLAYED);
    await replaying;
    expect({ replayed, heard, asked, cursor: client.cursor }).toEqual({
      replayed: ["TurnBegin", "TurnEnd"],
      heard: ["StatusUpdate"],
      asked: ["of a task"],
      cursor: 10,
    });
  });
});

describe("a request", () => {
  const hookOf = (id: string, more: Partial<HookRequest>) =>
    ({ id, subscription_id: "hook-1", event: "PreToolUse", target: "Shell", input_data: {}, ...more }) as HookRequest;
  /** A hook that waits for the test; aborts are noted. */
  function slowHook() {
    const running = new Map<string, { signal: AbortSignal; allow: () => void }>();
    const run = ({ id }: HookRequest, signal: AbortSignal) =>
      new Promise<{ action: "allow" }>((resolve) => {
        running.set(id, { signal, allow: () => resolve({ action: "allow" }) });
      });
    return { running, hooks: [{ event: "PreToolUse", run }] };
  }

  test("of a background agent is still wanted when the turn ends; one of the turn is not", async () => {
    const { running, hooks } = slowHook();
    const called: AbortSignal[] = [];
    const run = (_call: unknown, signal: AbortSignal) => {
      called.push(signal);
      return new Promise<ToolReturnValue>(() => {});
    };
    const tools = [{ name: "slow", description: "d", parameters: {}, run }];
    const { client, kernel } = await setUp({ hooks, tools });
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.event("ToolCall", { type: "function", id: "own", function: { name: "slow", arguments: "{}" } }, stamp(1, 0));
    kernel.ask("HookRequest", hookOf("h-own", { input_data: { tool_call_id: "own" } }));
    kernel.ask("HookRequest", hookOf("h-task", { input_data: { tool_call_id: "of a task" } }));
    kernel.ask("ToolCallRequest", { id: "own", name: "slow", arguments: "{}" } as { id: string });
    kernel.ask("ToolCallRequest", { id: "of a task", name: "slow", arguments: "{}" } as { id: string });
    await eventually(() => [running.size, called.length]).toEqual([2, 2]);
    kernel.answer(prompt, { status: "finished" });
    await turn.result;
    expect([...running.values()].map(({ signal }) => signal.aborted)).toEqual([true, false]);
    expect(called.map(({ aborted }) => aborted)).toEqual([true, false]);
    running.get("h-task")?.allow();
    expect(await kernel.next(null)).toMatchObject({ id: "h-task", result: { action: "allow" } });
  });

  test("of a background agent dies with its kernel: the host hears it", async () => {
    const signals: AbortSignal[] = [];
    const onApproval = (_request: unknown, { signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return new Promise<never>(() => {});
    };
    const { kernel, launches } = await setUp({ handlers: { onApproval } });
    kernel.ask("ApprovalRequest", { id: "q", source_kind: "background_agent" } as { id: string });
    await eventually(() => signals.length).toBe(1);
    kernel.die();
    await (await launches.next()).greet(ALL_EXTENSIONS);
    expect(signals[0]?.aborted).toBe(true);
  });

  test("with the id of another hook or question is asked anew", async () => {
    const asked: string[] = [];
    const { client, kernel } = await setUp({
      handlers: {
        onQuestion: async ({ questions }) => {
          asked.push(questions.map(({ question }) => question).join());
          return {};
        },
      },
      hooks: [
        {
          event: "PreToolUse",
          run: async ({ target }) => {
            asked.push(target);
            return { action: target === "ReadFile" ? "allow" : "block" };
          },
        },
      ],
    });
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    const ask = async (type: string, payload: object) => {
      kernel.ask(type, payload as { id: string });
      return (await kernel.next(null)).result;
    };
    expect(await ask("HookRequest", hookOf("1", { target: "ReadFile" }))).toMatchObject({ action: "allow" });
    expect(await ask("HookRequest", hookOf("1", { target: "Shell" }))).toMatchObject({ action: "block" });
    await ask("QuestionRequest", { id: "1", questions: [{ question: "Red?" }] });
    await ask("QuestionRequest", { id: "1", questions: [{ question: "Blue?" }] });
    // Asked by another kernel for the same call: the same.
    const resumed = hookOf("1", { target: "Shell", input_data: { resumed: true } });
    expect(await ask("HookRequest", resumed)).toMatchObject({ action: "block" });
    kernel.answer(prompt, { status: "finished" });
    await turn.result;
    expect(asked).toEqual(["ReadFile", "Shell", "Red?", "Blue?"]);
  });

  test("that comes while the client closes is given up with it", async () => {
    const { running, hooks } = slowHook();
    const { client, kernel } = await setUp({ hooks });
    kernel.lingers = true;
    // Read when the client has let go of everything else.
    kernel.ask("HookRequest", hookOf("last", {}));
    const closing = client.close();
    await eventually(() => running.size).toBe(1);
    kernel.die({ code: 0 });
    await closing;
    expect(running.get("last")?.signal.aborted).toBe(true);
  });
});

describe("a host", () => {
  test("whose observers are async and fail harms only itself", async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", note);
    try {
      const fails = async () => {
        throw new Error("host bug");
      };
      const { client, kernel } = await setUp({ handlers: { onEvent: fails, onEnvelope: fails, onState: fails } });
      const turn = client.prompt("go");
      const prompt = await kernel.next("prompt");
      kernel.event("TurnBegin", {}, stamp(1, 0));
      kernel.event("TurnEnd", {}, stamp(2, 1));
      kernel.answer(prompt, { status: "finished" });
      await turn.result;
      await client.close();
      await new Promise(setImmediate);
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", note);
    }
  });

  test("that closes the client when it hears of a new kernel leaves nothing standing by", async () => {
    const told: string[] = [];
    const standBy = () => {
      told.push("stands by");
      return () => void told.push("lets go");
    };
    const launches = new FakeLaunches();
    let client: KernelClient | null = null;
    const timers: (() => void)[] = [];
    const timing: Timing = {
      ...HASTY,
      after: (ms, run, background) => {
        if (background === true) timers.push(run);
        return background === true ? () => void timers.splice(timers.indexOf(run), 1) : HASTY.after(ms, run);
      },
    };
    const connecting = KernelClient.connect(
      {
        client: { name: "test" },
        launchers: [launches.launcher("sidecar"), { ...launches.launcher("in_process"), standBy }],
        handlers: { onState: ({ to }) => void (to === "ready" && client?.close()) },
      },
      timing,
    );
    const kernel = await launches.next();
    await kernel.greet();
    client = await connecting;
    kernel.die();
    await (await launches.next()).greet();
    await eventually(() => launches.all.every(({ isDead }) => isDead)).toBe(true);
    await client.close();
    for (const run of timers.splice(0)) run();
    expect(told).toEqual([]);
  });

  test("that cancels a turn whose kernel cannot resume needs no second error when it dies", async () => {
    const { client, kernel } = await setUp({}, { extensions: [] });
    const turn = client.prompt("go");
    await kernel.next("prompt");
    const cancelled = client.cancel();
    await kernel.next("cancel");
    kernel.die();
    await cancelled;
    await expect(turn.result).rejects.toMatchObject({ code: "turn_broken" });
  });
});

describe("a call that the host gives up", () => {
  const GIVEN_UP = { name: "KernelProcessError", code: "aborted" };

  test("rejects at once, and no kernel that had not had it gets it", async () => {
    const { client, kernel, launches } = await setUp();
    const turn = client.prompt("go");
    const prompt = await kernel.next("prompt");
    kernel.die();
    const next = await launches.next();
    const controller = new AbortController();
    const { signal } = controller;
    const held = [client.steer("x", { signal }), client.setPlanMode(true, { signal })];
    controller.abort(new Error("not any more"));
    for (const call of held) {
      await expect(call).rejects.toMatchObject({
        ...GIVEN_UP,
        cause: expect.objectContaining({ message: "not any more" }),
      });
    }
    await expect(client.steer("y", { signal })).rejects.toMatchObject(GIVEN_UP);
    await next.greet(ALL_EXTENSIONS, { turn_id: "t", client_id: idOf(prompt), seq: 0 });
    next.answer(await next.next("replay"), REPLAYED);
    const resume = await next.next("resume");
    const plan = client.setPlanMode(false);
    next.answer(await next.next("set_plan_mode"), { status: "ok", plan_mode: false });
    expect(await plan).toBe(false);
    next.answer(resume, { status: "finished" });
    await turn.result;
    expect(sent(next)).toEqual(["initialize", "replay", "resume", "set_plan_mode"]);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("a replay is stopped, hears no more, and what comes behind it is heard", async () => {
    const heard: string[] = [];
    const { client, kernel } = await setUp({ handlers: { onEvent: ({ type }) => void heard.push(type) } });
    const controller = new AbortController();
    const replayed: string[] = [];
    const note = ({ type }: Event): void => {
      replayed.push(type);
      controller.abort();
    };
    const replaying = client.replay(note, { signal: controller.signal });
    const replay = await kernel.next("replay");
    kernel.event("TurnBegin");
    const cancel = await kernel.next("cancel");
    kernel.event("StepBegin");
    kernel.answer(cancel, {});
    kernel.answer(replay, { ...REPLAYED, status: "cancelled" });
    kernel.event("StatusUpdate", {}, stamp(9, 0));
    expect(await replaying).toMatchObject({ status: "cancelled" });
    await eventually(() => heard).toEqual(["StatusUpdate"]);
    expect(replayed).toEqual(["TurnBegin"]);
    await expect(client.replay(note, { signal: controller.signal })).rejects.toMatchObject(GIVEN_UP);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  test("leaves no listener on a signal that outlives a thousand turns", async () => {
    const { client, kernel } = await setUp();
    const { signal } = new AbortController();
    for (let n = 1; n <= 1_000; n += 1) {
      const turn = client.prompt("go", { signal });
      kernel.answer(await kernel.next("prompt"), { status: "finished" });
      await turn.result;
    }
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});

describe("what the host says of itself", () => {
  const introduced = (options: Partial<KernelClientOptions>, launches = new FakeLaunches()) => {
    const launchers = [launches.launcher("sidecar"), launches.launcher("in_process")] as const;
    return { launches, connecting: KernelClient.connect({ client: { name: "test" }, launchers, ...options }, HASTY) };
  };

  test("and a kernel refuses is the host's fault, said as such, and told to no other kernel", async () => {
    const { launches, connecting } = introduced({ hooks: [{ event: "Stop", timeout: 0.5, run: async () => never() }] });
    const kernel = await launches.next();
    kernel.refuse(await kernel.next("initialize"), -32602, "Invalid parameters for method `initialize`");
    await expect(connecting).rejects.toMatchObject({
      code: "refused",
      message: "What this host says of itself cannot be taken: Invalid parameters for method `initialize`",
    });
    expect(launches.all).toHaveLength(1);
  });

  test("and cannot be sent at all, too", async () => {
    const parameters: Record<string, unknown> = {};
    parameters.self = parameters;
    const tools = [{ name: "t", description: "d", parameters, run: async () => never() }];
    const { connecting } = introduced({ tools });
    await expect(connecting).rejects.toMatchObject({ code: "refused", message: expect.stringContaining("JSON") });
  });

  test.each([-1, 0.5, Number.NaN, "7" as never])(
    "a cursor that is none (%s) is refused before anything starts",
    async (since) => {
      const { launches, connecting } = introduced({ since });
      await expect(connecting).rejects.toMatchObject({ code: "refused", message: expect.stringContaining("since is") });
      expect(launches.all).toHaveLength(0);
    },
  );

  test("when its signal was aborted before, nothing starts", async () => {
    const { launches, connecting } = introduced({ signal: AbortSignal.abort() });
    await expect(connecting).rejects.toMatchObject({ code: "aborted" });
    expect(launches.all).toHaveLength(0);
  });
});

function never(): never {
  throw new Error("nobody asks this host");
}

describe("the ladder", () => {
  test("goes on with the rung that can be had when the other one cannot", async () => {
    const launches = new FakeLaunches();
    const gone = new KernelProcessError("spawn_failed", "no threads");
    const launchers = [launches.launcher("sidecar"), launches.launcher("in_process", [gone])] as const;
    const { client, kernel } = await setUp({ launchers }, {}, launches);
    kernel.die();
    // Killed before it spoke: the other rung is tried, which cannot be had at all.
    (await launches.next()).die();
    const third = await launches.next();
    expect(third.mode).toBe("sidecar");
    await third.greet(ALL_EXTENSIONS);
    const plan = client.setPlanMode(true);
    third.answer(await third.next("set_plan_mode"), { status: "ok", plan_mode: true });
    expect(await plan).toBe(true);
  });
});
