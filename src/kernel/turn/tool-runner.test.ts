import { describe, expect, test } from "vitest";
import { KernelError } from "../errors.js";
import type { ToolCall } from "../messages.js";
import { shimmedOperations } from "../storage/testing/shimmed-operations.js";
import { toolCall } from "../testing/fake-provider.js";
import { type FakeToolOptions, fakeTool, fakeToolset } from "../testing/fake-tools.js";
import { approving, type OpenRequest } from "../testing/recording-sink.js";
import { type FixtureOptions, turnFixtures } from "../testing/turn-fixture.js";
import { type ToolReturn, toolError, toolOk } from "../tools/tool.js";
import type { Toolset } from "../tools/toolset.js";
import { runCalls, type ToolRunnerDeps } from "./tool-runner.js";

const fixtures = turnFixtures();

/** Something that happens when the test says so. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

async function setUp(tools: Record<string, FakeToolOptions>, options: FixtureOptions & { toolset?: Toolset } = {}) {
  const made = await fixtures.turn({
    ...options,
    tools: Object.entries(tools).map(([name, each]) => fakeTool(name, each)),
  });
  const deps: ToolRunnerDeps = {
    ...made.deps,
    toolset: options.toolset ?? made.deps.toolset,
    finish: (_call, value) => value,
  };
  const controller = new AbortController();
  const run = (calls: ToolCall[], refused: Map<string, ToolReturn> = new Map()) =>
    runCalls(calls, refused, deps, controller.signal);
  const results = () => made.sink.payloads("ToolResult").map(({ tool_call_id }) => tool_call_id);
  const asked = () => made.sink.payloads("ApprovalRequest").map(({ tool_call_id }) => tool_call_id);
  return { ...made, deps, controller, run, results, asked };
}

const call = (id: string, name = id, args: unknown = {}) => toolCall(id, name, args);
const turnOfTheLoop = () => new Promise(setImmediate);

test("results are recorded as they come and given back in call order", async () => {
  const slow = gate();
  const { run, results } = await setUp({
    a: { run: () => slow.opened.then(() => toolOk("A")) },
    b: {
      run: () => {
        setImmediate(slow.open);
        return toolOk("B");
      },
    },
  });
  const done = await run([call("a"), call("b")]);
  expect(results()).toEqual(["b", "a"]);
  expect(done.map(({ call: { id }, value }) => [id, value.output])).toEqual([
    ["a", "A"],
    ["b", "B"],
  ]);
});

test("what is said at the end is in the record and in the result", async () => {
  const { deps, sink } = await setUp({ a: {} });
  const finish: ToolRunnerDeps["finish"] = (_call, value) => ({ ...value, output: "more" });
  const [done] = await runCalls([call("a")], new Map(), { ...deps, finish }, new AbortController().signal);
  expect(done?.value.output).toBe("more");
  expect(sink.payloads("ToolResult")).toMatchObject([{ return_value: { output: "more" } }]);
});

describe("questions", () => {
  test("come in call order, however long each call takes to get there", async () => {
    const slow = gate();
    const { run, sink, asked } = await setUp({
      a: { ask: true, prepare: () => slow.opened.then(() => undefined) },
      b: {},
      c: { ask: true },
      d: { ask: true },
    });
    sink.onRequest = approving({ response: "approve" });
    const done = run([call("a"), call("b"), call("c"), call("d")]);
    await sink.seen("ToolResult");
    await turnOfTheLoop();
    expect(asked()).toEqual([]);
    slow.open();
    await done;
    expect(asked()).toEqual(["a", "c", "d"]);
  });

  test("all are open at once", async () => {
    const { run, sink, asked } = await setUp({ a: { ask: true }, b: { ask: true } });
    const done = run([call("a"), call("b")]);
    await sink.seen("ApprovalRequest", 2);
    expect(asked()).toEqual(["a", "b"]);
    for (const request of [...sink.open].reverse())
      request.answer({ request_id: request.payload.id, response: "approve" });
    await done;
    expect(sink.payloads("ApprovalResponse")).toHaveLength(2);
  });

  test("do not wait for a call that asks nothing and takes its time", async () => {
    const slow = gate();
    const { run, sink } = await setUp({ a: { run: () => slow.opened.then(() => toolOk("")) }, b: { ask: true } });
    sink.onRequest = approving({ response: "approve" });
    const done = run([call("a"), call("b")]);
    await sink.seen("ToolResult");
    slow.open();
    await done;
  });

  test("behind a call on the same thing the question comes later, and holds up no other", async () => {
    const answered: string[] = [];
    const edit = { ask: true, exclusiveKey: () => "file" };
    const { run, sink, asked } = await setUp({ e1: edit, e2: edit, other: { ask: true } });
    const done = run([call("e1"), call("e2"), call("other")]);
    await sink.seen("ApprovalRequest", 2);
    expect(asked()).toEqual(["e1", "other"]);
    sink.onRequest = ({ payload, answer }: OpenRequest) => {
      answered.push(String(payload.tool_call_id));
      answer({ request_id: payload.id, response: "approve" });
    };
    for (const request of [...sink.open]) request.answer({ request_id: request.payload.id, response: "approve" });
    await done;
    expect(asked()).toEqual(["e1", "other", "e2"]);
    expect(answered).toEqual(["e2"]);
  });

  test("carry the turn's one source id and the call", async () => {
    const { run, sink } = await setUp({ a: { ask: true } });
    sink.onRequest = approving({ response: "approve" });
    await run([call("t1", "a")]);
    expect(sink.payloads("ApprovalRequest")).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        tool_call_id: "t1",
        sender: "a",
        action: "mcp:a",
        description: "Call MCP tool `a`.",
        source_kind: "foreground_turn",
        source_id: "0".repeat(32),
        agent_id: null,
        subagent_type: null,
        source_description: null,
        display: [],
      },
    ]);
  });
});

describe("a call made twice in a step", () => {
  test("acts once; the copy has its own result", async () => {
    let runs = 0;
    const { run, sink, results } = await setUp({
      a: {
        ask: true,
        run: () => {
          runs += 1;
          return toolOk(`run ${runs}`);
        },
      },
    });
    sink.onRequest = approving({ response: "approve" });
    const done = await run([call("t1", "a", '{"x":1,"y":2}'), call("t2", "a", '{ "y": 2, "x": 1 }'), call("t3", "a")]);
    expect(runs).toBe(2);
    expect(done.map(({ call: { id }, value }) => [id, value.output])).toEqual([
      ["t1", "run 1"],
      ["t2", "run 1"],
      ["t3", "run 2"],
    ]);
    expect(results().sort()).toEqual(["t1", "t2", "t3"]);
    expect(sink.payloads("ApprovalRequest")).toHaveLength(2);
  });

  test("is rejected twice by one no", async () => {
    const { run, sink } = await setUp({ a: { ask: true } });
    sink.onRequest = approving({ response: "reject", feedback: "later" });
    const done = await run([call("t1", "a"), call("t2", "a")]);
    expect(done.map(({ rejection }) => rejection)).toEqual(["later", "later"]);
  });
});

describe("calls on the same thing", () => {
  const log: string[] = [];
  const edit = (name: string, other: FakeToolOptions = {}): FakeToolOptions => ({
    exclusiveKey: () => "/file",
    prepare: () => {
      log.push(`${name} planned`);
      return undefined;
    },
    run: async () => {
      await turnOfTheLoop();
      log.push(`${name} acted`);
      return toolOk("");
    },
    ...other,
  });

  test("are planned after the one before has acted", async () => {
    log.length = 0;
    const { run } = await setUp({ a: edit("a"), b: edit("b") });
    await run([call("a"), call("b")]);
    expect(log).toEqual(["a planned", "a acted", "b planned", "b acted"]);
  });

  test("keep the call order although the first tool loads slower", async () => {
    log.length = 0;
    const [a, b] = [fakeTool("a", edit("a")), fakeTool("b", edit("b"))];
    const toolset = fakeToolset(a, b);
    const slowFirst: Toolset = {
      ...toolset,
      find: async (name) => {
        if (name === "a") await turnOfTheLoop();
        return toolset.find(name);
      },
    };
    const { run } = await setUp({}, { toolset: slowFirst });
    await run([call("a"), call("b")]);
    expect(log).toEqual(["a planned", "a acted", "b planned", "b acted"]);
  });

  test("go on when the one before failed or was rejected", async () => {
    log.length = 0;
    const failing = edit("a", { run: () => Promise.reject(new Error("disk on fire")) });
    const { run, sink } = await setUp({ a: failing, b: edit("b", { ask: true }), c: edit("c") });
    sink.onRequest = approving({ response: "reject" });
    const done = await run([call("a"), call("b"), call("c")]);
    expect(log).toEqual(["a planned", "b planned", "c planned", "c acted"]);
    expect(done.map(({ value }) => value.isError)).toEqual([true, true, false]);
  });
});

describe("a no", () => {
  test("a yes that cannot be stored is no word of the user's", async () => {
    const { run, sink, log } = await setUp({ a: { ask: true, run: () => Promise.reject(new Error("it ran")) } });
    const note = log.note.bind(log);
    log.note = (record, options) => {
      if (record.kind === "answer") throw new KernelError("storage_full", "fake: the disk is full");
      return note(record, options);
    };
    sink.onRequest = approving({ response: "approve" });
    const [done] = await run([call("a")]);
    const why = "fake: the disk is full";
    const message = `The decision about this call could not be stored, so the call was not run. ${why}`;
    expect(done).toMatchObject({ value: { isError: true, message }, rejection: null });
    expect(sink.payloads("ToolResult")).toMatchObject([
      { return_value: { message, extras: { code: "storage_full" } } },
    ]);
    expect(sink.payloads("ApprovalResponse")).toMatchObject([{ response: "reject", feedback: why }]);
  });

  test("stays one when it cannot be stored", async () => {
    const { run, sink, log } = await setUp({ a: { ask: true, run: () => Promise.reject(new Error("it ran")) } });
    const note = log.note.bind(log);
    log.note = (record, options) => {
      if (record.kind === "answer") throw new KernelError("storage_full", "fake: the disk is full");
      return note(record, options);
    };
    sink.onRequest = approving({ response: "reject", feedback: "use rg" });
    const [done] = await run([call("a")]);
    expect(done).toMatchObject({ value: { isError: true }, rejection: "use rg" });
    expect(sink.payloads("ApprovalResponse")).toMatchObject([{ response: "reject", feedback: "use rg" }]);
  });

  test.each([
    [
      { response: "reject" },
      "The tool call is rejected by the user. Stop what you are doing and wait for the user to tell you how to proceed.",
      "Rejected by user",
      "",
    ],
    [
      { response: "reject", feedback: "use rg" },
      "The tool call is rejected by the user. User feedback: use rg",
      "Rejected: use rg",
      "use rg",
    ],
    [
      { response: "yes please" },
      "The tool call is rejected by the user. Stop what you are doing and wait for the user to tell you how to proceed.",
      "Rejected by user",
      "",
    ],
  ])("%j", async (decision, message, brief, rejection) => {
    let ran = false;
    const { run, sink, journal } = await setUp({
      a: {
        ask: true,
        run: () => {
          ran = true;
          return toolOk("");
        },
      },
    });
    sink.onRequest = approving(decision);
    const [done] = await run([call("a")]);
    expect(done).toMatchObject({ value: { isError: true, output: "", message }, rejection });
    expect(done?.value.display).toEqual([{ type: "brief", text: brief }]);
    expect(ran).toBe(false);
    expect(journal().filter(({ kind }) => kind === "intent")).toEqual([]);
  });

  test("of the policy is no rejection by a person: the turn may go on", async () => {
    const { deps } = await setUp({});
    const share = deps.workDir.replace(/work$/, "");
    const path = `${share}kimi.json`;
    const tool = fakeTool("a");
    const denied = {
      ...tool,
      prepare: async () => ({
        ask: {
          action: "edit file outside of working directory",
          description: "",
          display: [],
          subject: { kind: "edit" as const, path, insideWorkspace: false },
        },
        effect: "write" as const,
        execute: () => Promise.reject(new Error("it ran")),
      }),
    };
    const [done] = await runCalls(
      [call("a")],
      new Map(),
      { ...deps, toolset: fakeToolset(denied) },
      new AbortController().signal,
    );
    expect(done).toMatchObject({ rejection: null, value: { isError: true, display: [{ text: "Not allowed" }] } });
    expect(done?.value.message).toContain("kernel's own records");
  });
});

describe("a call that cannot run", () => {
  test("unknown tool", async () => {
    const { run } = await setUp({});
    const [done] = await run([call("t", "Nope")]);
    expect(done?.value).toEqual(toolError("Tool `Nope` not found", "Tool `Nope` not found"));
  });

  test("refused beforehand", async () => {
    let prepared = false;
    const { run } = await setUp({
      a: {
        prepare: () => {
          prepared = true;
          return undefined;
        },
      },
    });
    const refusal = toolError("cut", "cut");
    const [done] = await run([call("a")], new Map([["a", refusal]]));
    expect(done?.value).toEqual(refusal);
    expect(prepared).toBe(false);
  });

  test("ended by its own check", async () => {
    const { run, journal } = await setUp({
      a: { ask: true, prepare: () => toolError("no such file", "File not found") },
    });
    const [done] = await run([call("a")]);
    expect(done).toMatchObject({ value: { message: "no such file" }, rejection: null });
    expect(journal().map(({ kind }) => kind)).not.toContain("intent");
  });

  test.each<[string, FakeToolOptions]>([
    ["in prepare", { prepare: () => Promise.reject(new Error("bad")) }],
    ["in execute", { run: () => Promise.reject(new Error("bad")) }],
    [
      "in exclusiveKey",
      {
        exclusiveKey: () => {
          throw new Error("bad");
        },
      },
    ],
  ])("throwing %s", async (_name, options) => {
    const { run, results } = await setUp({ a: options, b: {} });
    const done = await run([call("a"), call("b")]);
    expect(done[0]?.value).toEqual(toolError("Error running tool: bad", "Tool runtime error"));
    expect(done[1]?.value.isError).toBe(false);
    expect(results().sort()).toEqual(["a", "b"]);
  });

  test("throwing outside of its promise, or not to be loaded", async () => {
    const { deps } = await setUp({});
    const thrower = {
      ...fakeTool("a"),
      prepare: async () => ({ ask: null, effect: "none" as const, execute: thrown }),
    };
    const toolset: Toolset = {
      definitions: async () => [],
      find: async (name) => (name === "a" ? thrower : thrown()),
    };
    const done = await runCalls([call("a"), call("b")], new Map(), { ...deps, toolset }, new AbortController().signal);
    expect(done.map(({ value }) => value.message)).toEqual(["Error running tool: bad", "Error running tool: bad"]);
  });
});

describe("the journal", () => {
  test("has the intent before the tool acts, then the process, then the result", async () => {
    let seen: unknown[] = [];
    const { run, journal } = await setUp({
      a: {
        effect: "exec",
        run: (_args, { onProcess }) => {
          onProcess?.({ pgid: 7, startTime: "s" });
          seen = journal().map(({ kind }) => kind);
          return toolOk("");
        },
      },
    });
    await run([call("t1", "a", '{"x":1}')]);
    expect(seen.slice(-2)).toEqual(["intent", "process"]);
    const [intent, process, result] = journal().slice(-3);
    expect(intent).toMatchObject({
      tool_call_id: "t1",
      name: "a",
      arguments: '{"x":1}',
      class: "exec",
      action_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      before: [],
      after: [],
    });
    expect(process).toMatchObject({ effect_id: intent?.effect_id, pgid: 7, start_time: "s" });
    expect(result).toMatchObject({ kind: "result", type: "ToolResult" });
  });

  test("has no intent for what changes nothing outside the kernel", async () => {
    const { run, journal } = await setUp({ a: { effect: "none" } });
    await run([call("a")]);
    expect(journal().map(({ kind }) => kind)).not.toContain("intent");
  });
});

describe("storage that fails", () => {
  const failFrom = (state: { full: boolean }) =>
    shimmedOperations(({ name }) => (state.full && name === "write" ? { errno: "ENOSPC" } : null));

  test("on the intent: the tool does not act, the calls reject", async () => {
    const state = { full: false };
    let ran = false;
    const { run } = await setUp(
      {
        a: {
          prepare: () => {
            state.full = true;
            return undefined;
          },
          run: () => {
            ran = true;
            return toolOk("");
          },
        },
      },
      { ops: failFrom(state) },
    );
    await expect(run([call("a")])).rejects.toMatchObject({ code: "storage_full" });
    expect(ran).toBe(false);
    state.full = false;
  });

  test("on one call: the others are stopped, an open question too, and nobody is waited for", async () => {
    const state = { full: false };
    let stopped = false;
    const { run, sink } = await setUp(
      {
        a: { ask: true },
        b: {
          run: (_args, { signal }) =>
            new Promise((_, reject) => {
              signal.addEventListener("abort", () => {
                stopped = true;
                reject(signal.reason);
              });
            }),
        },
        c: {
          prepare: async () => {
            await sink.seen("ApprovalRequest");
            state.full = true;
            return undefined;
          },
        },
      },
      { ops: failFrom(state) },
    );
    await expect(run([call("a"), call("b"), call("c")])).rejects.toMatchObject({ code: "storage_full" });
    expect(stopped).toBe(true);
    expect(sink.open).toEqual([]);
    expect(sink.payloads("ToolResult")).toEqual([]);
    state.full = false;
  });

  test("inside a tool counts as well", async () => {
    const { run } = await setUp({ a: { run: () => Promise.reject(new KernelError("storage_full", "full")) } });
    await expect(run([call("a")])).rejects.toMatchObject({ code: "storage_full" });
  });
});

describe("an abort", () => {
  const reason = new Error("enough");

  test("rejects with its reason; a result that comes within the grace is not recorded", async () => {
    let finished = false;
    const { run, controller, sink, journal } = await setUp({
      a: {
        run: async (_args, { signal }) => {
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          // As long as ending a process takes: TERM, a pause, KILL.
          await new Promise((resolve) => setTimeout(resolve, 55));
          finished = true;
          return toolOk("too late");
        },
      },
      b: {},
    });
    const done = run([call("a"), call("b")]);
    await sink.seen("ToolResult");
    controller.abort(reason);
    await expect(done).rejects.toBe(reason);
    expect(finished).toBe(true);
    expect(sink.payloads("ToolResult").map(({ tool_call_id }) => tool_call_id)).toEqual(["b"]);
    expect(journal().filter(({ kind }) => kind === "result")).toHaveLength(1);
  });

  test("between two results that are ready leaves the second unrecorded", async () => {
    const { run, controller, sink, journal } = await setUp({});
    const deliver = sink.deliver.bind(sink);
    sink.deliver = (seq, records) => {
      deliver(seq, records);
      controller.abort(reason);
    };
    await expect(run([call("a"), call("b")])).rejects.toBe(reason);
    expect(journal().filter(({ kind }) => kind === "result")).toHaveLength(1);
  });

  test("waits no longer than the grace for a tool that does not end, and never hears of it again", async () => {
    const late = gate();
    let ran = () => {};
    const running = new Promise<void>((resolve) => {
      ran = resolve;
    });
    const { run, controller, sink, journal } = await setUp({
      a: {
        run: async () => {
          ran();
          await late.opened;
          return toolOk("too late");
        },
      },
    });
    const done = run([call("a")]);
    await running;
    const start = performance.now();
    controller.abort(reason);
    await expect(done).rejects.toBe(reason);
    expect(performance.now() - start).toBeLessThan(1_000);
    late.open();
    await turnOfTheLoop();
    expect(sink.payloads("ToolResult")).toEqual([]);
    expect(journal().filter(({ kind }) => kind === "result")).toEqual([]);
  });

  test("a tool that is still being checked is left, one that waits in a queue never starts", async () => {
    const started: string[] = [];
    const edit = (name: string): FakeToolOptions => ({
      exclusiveKey: () => "f",
      prepare: () => {
        started.push(name);
        return new Promise(() => {});
      },
    });
    const { run, controller } = await setUp({ a: edit("a"), b: edit("b") });
    const done = run([call("a"), call("b")]);
    await turnOfTheLoop();
    controller.abort(reason);
    await expect(done).rejects.toBe(reason);
    await turnOfTheLoop();
    expect(started).toEqual(["a"]);
  });

  test("before anything began nothing begins", async () => {
    let prepared = false;
    const { run, controller } = await setUp({
      a: {
        prepare: () => {
          prepared = true;
          return undefined;
        },
      },
    });
    controller.abort(reason);
    await expect(run([call("a")])).rejects.toBe(reason);
    expect(prepared).toBe(false);
  });
});

function thrown(): never {
  throw new Error("bad");
}
