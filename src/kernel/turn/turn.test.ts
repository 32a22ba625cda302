import { describe, expect, test } from "vitest";
import { shimmedOperations } from "../storage/testing/shimmed-operations.js";
import {
  callPart,
  FakeProvider,
  failing,
  providerError,
  reply,
  type ScriptedReply,
  stuck,
  usage,
} from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { approving } from "../testing/recording-sink.js";
import { type FixtureOptions, turnFixtures } from "../testing/turn-fixture.js";
import { toolOk } from "../tools/tool.js";
import { runTurn } from "./turn.js";

const fixtures = turnFixtures();
const image = { type: "image_url" as const, image_url: { url: "data:,x", id: null } };
const shoot = fakeTool("shoot", { run: () => toolOk([image]) });
let args = 0;
/** A step that calls a tool, each time with other arguments. */
const calling = () => reply([callPart(`t${++args}`, "act", { n: args })]);

async function setUp(replies: ScriptedReply[], options: FixtureOptions = {}) {
  const provider = new FakeProvider(...replies);
  const made = await fixtures.turn({
    tools: [fakeTool("act"), fakeTool("ask", { ask: true }), shoot],
    ...options,
    provider,
  });
  const controller = new AbortController();
  return {
    ...made,
    controller,
    run: (input: Parameters<typeof runTurn>[0] = "go") => runTurn(input, made.deps, controller.signal),
  };
}

const roles = (history: { messages: readonly { role: string }[] }) => history.messages.map(({ role }) => role);

test("steps follow until the model is done", async () => {
  const { run, sink, history, journal } = await setUp([calling(), calling(), reply(["done"])]);
  expect(await run()).toEqual({ status: "finished" });
  expect(sink.payloads("StepBegin")).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect(roles(history)).toEqual(["user", "assistant", "tool", "assistant", "tool", "assistant"]);
  const steps = journal().filter(({ kind }) => kind === "step");
  expect(steps.map(({ n, checkpoint }) => [n, checkpoint])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
});

test("max steps: all of them whole, then the limit", async () => {
  const { run, sink, deps } = await setUp([calling(), calling(), reply(["never"])], {
    loop: { max_steps_per_turn: 2 },
  });
  expect(await run()).toEqual({ status: "max_steps_reached", steps: 2 });
  expect(sink.types()).toEqual([
    ...["StepBegin", "ToolCall", "StatusUpdate", "ToolResult"],
    ...["StepBegin", "ToolCall", "StatusUpdate", "ToolResult"],
  ]);
  expect(deps.steers.isOpen).toBe(false);
});

test("done in the last step is done", async () => {
  const { run } = await setUp([calling(), reply(["done"])], { loop: { max_steps_per_turn: 2 } });
  expect(await run()).toEqual({ status: "finished" });
});

test("a rejection without a reason ends the turn as finished, without another model call", async () => {
  const { run, sink, provider } = await setUp([reply([callPart("t", "ask")]), reply(["never"])]);
  sink.onRequest = approving({ response: "reject" });
  expect(await run()).toEqual({ status: "finished" });
  expect(provider.requests).toHaveLength(1);
  expect(sink.types()).not.toContain("StepInterrupted");
});

test("a model that repeats itself is stopped at the twelfth call in a row", async () => {
  const same = Array.from({ length: 20 }, (_, n) => reply([callPart(`t${n}`, "act", { same: true })]));
  const { run, provider, sink } = await setUp(same);
  expect(await run()).toEqual({ status: "finished" });
  expect(provider.requests).toHaveLength(12);
  expect(sink.types().at(-1)).toBe("ToolResult");
});

describe("steers", () => {
  const steer = (id: string, userInput: string | (typeof image)[] = id) => ({ id, userInput });

  test("enter between two steps, in order, after the results", async () => {
    const { run, sink, history, deps, journal } = await setUp([calling(), reply(["done"])]);
    deps.steers.push(steer("a"));
    deps.steers.push(steer("b"));
    await run();
    expect(sink.types()).toEqual([
      ...["StepBegin", "ToolCall", "StatusUpdate", "ToolResult", "SteerInput", "SteerInput"],
      ...["StepBegin", "ContentPart", "StatusUpdate"],
    ]);
    expect(sink.payloads("SteerInput")).toEqual([{ user_input: "a" }, { user_input: "b" }]);
    expect(roles(history)).toEqual(["user", "assistant", "tool", "user", "user", "assistant"]);
    const consumed = journal().filter(({ kind, steer_id }) => kind === "context" && steer_id !== undefined);
    expect(consumed.map(({ steer_id }) => steer_id)).toEqual(["a", "b"]);
  });

  test("keep a turn going that would end, after a rejection too", async () => {
    const { run, sink, deps, provider } = await setUp([reply([callPart("t", "ask")]), reply(["done"])]);
    sink.onRequest = approving({ response: "reject" });
    deps.steers.push(steer("go on"));
    expect(await run()).toEqual({ status: "finished" });
    expect(provider.requests).toHaveLength(2);
    expect(deps.steers.isOpen).toBe(false);
  });

  test("do not lift the limit of steps", async () => {
    const { run, deps, sink } = await setUp([reply(["one"])], { loop: { max_steps_per_turn: 1 } });
    deps.steers.push(steer("more"));
    expect(await run()).toEqual({ status: "max_steps_reached", steps: 1 });
    expect(sink.types().at(-1)).toBe("SteerInput");
  });

  test("that the model cannot read fail the turn, without StepInterrupted", async () => {
    const { run, deps, sink, history } = await setUp([calling(), reply(["never"])]);
    deps.steers.push(steer("s", [image]));
    await expect(run()).rejects.toMatchObject({ code: "llm_not_supported" });
    expect(sink.types()).toEqual(["StepBegin", "ToolCall", "StatusUpdate", "ToolResult"]);
    expect(roles(history)).toEqual(["user", "assistant", "tool"]);
  });
});

describe("StepInterrupted", () => {
  test.each<[string, ScriptedReply[], string]>([
    ["a provider's error", [failing(providerError("boom", { retryable: false }))], "boom"],
    ["a bug", [failing(new TypeError("oops"))], "oops"],
    ["media in a tool's result", [reply([callPart("t", "shoot")])], "does not support"],
  ])("comes for %s", async (_name, replies, message) => {
    const { run, sink } = await setUp(replies);
    await expect(run()).rejects.toThrow(message);
    expect(sink.types().at(-1)).toBe("StepInterrupted");
    expect(sink.payloads("StepInterrupted")).toEqual([{}]);
  });

  test("does not come for a prompt that the model cannot read: nothing began", async () => {
    const { run, sink, history } = await setUp([reply(["never"])]);
    await expect(run([image])).rejects.toMatchObject({ code: "llm_not_supported" });
    expect(sink.types()).toEqual([]);
    expect(history.messages).toEqual([]);
  });

  test("does not come for a cancel, before or in a step", async () => {
    const { run, sink, controller } = await setUp([stuck(["a"])]);
    const turn = run();
    await sink.seen("ContentPart");
    controller.abort(new Error("enough"));
    await expect(turn).rejects.toThrow("enough");
    expect(sink.types()).toEqual(["StepBegin", "ContentPart"]);
    await expect(run()).rejects.toThrow("enough");
    expect(sink.types()).toHaveLength(2);
  });

  test("does not come, nor hide the reason, when the disk is full", async () => {
    let full = false;
    const ops = shimmedOperations(({ name }) => (full && name === "write" ? { errno: "ENOSPC" } : null));
    const { run, sink } = await setUp(
      [
        async function* () {
          full = true;
          yield [{ kind: "content", part: { type: "text", text: "lost" } }];
          throw new Error("not reached");
        },
      ],
      { ops },
    );
    await expect(run()).rejects.toMatchObject({ code: "storage_full" });
    expect(sink.types()).toEqual(["StepBegin"]);
    full = false;
  });
});

describe("compaction", () => {
  test("comes inside the step, before its model call; the checkpoint after it", async () => {
    const { run, sink, provider, journal } = await setUp([
      reply([callPart("t", "act")], { usage: usage(950, 10) }),
      reply(["summary"], { usage: usage(900, 20) }),
      reply(["done"], { usage: usage(100, 5) }),
    ]);
    provider.maxContextSize = 1_000;
    await run();
    expect(sink.types()).toEqual([
      ...["StepBegin", "ToolCall", "StatusUpdate", "ToolResult"],
      ...["StepBegin", "CompactionBegin", "CompactionEnd", "ContentPart", "StatusUpdate"],
    ]);
    expect(
      journal()
        .filter(({ kind }) => kind === "step")
        .map(({ checkpoint }) => checkpoint),
    ).toEqual([1, 1]);
  });

  test("a failure: CompactionEnd, then StepInterrupted, and the conversation stays", async () => {
    const { run, sink, provider, history } = await setUp([failing(providerError("nope", { retryable: false }))]);
    provider.maxContextSize = 100;
    history.appendUser([{ type: "text", text: "x".repeat(400) }]);
    history.appendUser([{ type: "text", text: "y" }]);
    await expect(run()).rejects.toThrow("nope");
    expect(sink.types()).toEqual(["StepBegin", "CompactionBegin", "CompactionEnd", "StepInterrupted"]);
    expect(history.messages).toHaveLength(3);
  });
});
