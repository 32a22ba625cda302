import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { HookConfig } from "../config/config.js";
import { callPart, FakeProvider, failing, providerError, reply, usage } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import type { OpenRequest } from "../testing/recording-sink.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolError, toolOk } from "../tools/tool.js";
import { ClientRequestError } from "../turn/event-sink.js";

const fixtures = turnFixtures();
const hook = (event: HookConfig["event"], command: string, change: Partial<HookConfig> = {}): HookConfig => ({
  event,
  command,
  matcher: "",
  timeout: 30,
  on_error: "allow",
  ...change,
});
const answering = (answer: Record<string, unknown>) => (request: OpenRequest) => {
  if (request.type === "HookRequest") request.answer({ request_id: request.payload.id, ...answer });
};
const oneCall = () => new FakeProvider(reply([callPart("t1", "Act", { a: 1 })]), reply(["done"]));
const textOf = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");

describe("a batch", () => {
  test("the client sees Triggered, the request, Resolved; the hook decides before the tool looks at its arguments", async () => {
    const looked: unknown[] = [];
    const tool = fakeTool("Act", { prepare: () => void looked.push(1) });
    const { session, sink, workDir, journal } = fixtures.session({
      tools: [tool],
      provider: oneCall(),
      subscriptions: [{ id: "h1", event: "PreToolUse", matcher: "^Act$" }],
    });
    sink.onRequest = answering({ action: "block", reason: "nope" });
    expect(await session.prompt("go", null)).toEqual({ status: "finished" });
    expect(looked).toEqual([]);
    expect(sink.types().slice(2, 7)).toEqual([
      ...["ToolCall", "StatusUpdate", "HookTriggered", "request:HookRequest", "HookResolved"],
    ]);
    expect(sink.payloads("HookTriggered")).toEqual([{ event: "PreToolUse", target: "Act", hook_count: 1 }]);
    const input = { hook_event_name: "PreToolUse", session_id: "S1", cwd: workDir };
    const use = { tool_name: "Act", tool_input: { a: 1 }, tool_call_id: "t1" };
    expect(sink.payloads("HookRequest")).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{12}$/),
        subscription_id: "h1",
        event: "PreToolUse",
        target: "Act",
        input_data: { ...input, ...use },
      },
    ]);
    expect(sink.payloads("HookResolved")).toEqual([
      { event: "PreToolUse", target: "Act", action: "block", reason: "nope", duration_ms: expect.any(Number) },
    ]);
    expect(sink.payloads("ToolResult")[0]).toMatchObject({
      return_value: { is_error: true, message: "nope", display: [{ type: "brief", text: "Hook blocked" }] },
    });
    const notes = journal().filter(({ kind, type }) => /hook|answer/.test(String(kind)) || type === "HookRequest");
    expect(notes.map(({ kind }) => kind)).toEqual(["hook", "request", "answer", "hook_decided"]);
    expect(notes[0]).toMatchObject({ event: "PreToolUse", blocking: true, tool_call_id: "t1", input: use });
    expect(notes[3]).toMatchObject({ batch_id: notes[0]?.batch_id, action: "block", reason: "nope" });
  });

  test.each<[string, Record<string, unknown> | ClientRequestError, string]>([
    ["an error answer allows", new ClientRequestError("answered_error", "boom"), "ok"],
    ["a client that is gone blocks", new ClientRequestError("closed", "gone"), "Blocked by PreToolUse hook"],
    ["a block without a reason has a sentence", { action: "block" }, "Blocked by PreToolUse hook"],
    ["allow allows", { action: "allow", reason: "fine" }, "ok"],
  ])("%s", async (_name, answer, expected) => {
    const { session, sink } = fixtures.session({
      tools: [fakeTool("Act")],
      provider: oneCall(),
      subscriptions: [{ id: "h1", event: "PreToolUse" }],
    });
    sink.onRequest = (request) =>
      answer instanceof ClientRequestError ? request.fail(answer) : answering(answer)(request);
    await session.prompt("go", null);
    const value = sink.payloads("ToolResult")[0]?.return_value as Record<string, unknown>;
    expect(value.is_error === true ? value.message : value.output).toBe(expected);
  });

  test("a client that does not answer in its time allows, and its late answer is nobody's", async () => {
    const { session, sink } = fixtures.session({
      tools: [fakeTool("Act")],
      provider: oneCall(),
      subscriptions: [{ id: "h1", event: "PreToolUse", timeout: 0 }],
    });
    expect(await session.prompt("go", null)).toEqual({ status: "finished" });
    expect(sink.payloads("HookResolved")[0]).toMatchObject({ action: "allow", reason: "" });
    expect(sink.open).toEqual([]);
  });

  test("all run beside each other; the first no in their order wins, and what comes later is not waited for", async () => {
    const both = "until [ -e one ] && [ -e two ]; do sleep 0.01; done";
    const { session, sink } = fixtures.session({
      tools: [fakeTool("Act")],
      provider: oneCall(),
      hooks: [
        hook("PreToolUse", `touch one; ${both}; sleep 0.1; echo first >&2; exit 2`),
        hook("PreToolUse", `touch two; ${both}; echo second >&2; exit 2`),
        hook("PreToolUse", "exec sleep 20"),
      ],
      subscriptions: [{ id: "slow", event: "PreToolUse" }],
    });
    const before = performance.now();
    await session.prompt("go", null);
    expect(sink.payloads("HookTriggered")[0]).toMatchObject({ hook_count: 4 });
    expect(sink.payloads("HookResolved")[0]).toMatchObject({ action: "block", reason: "first" });
    expect(sink.payloads("HookResolved")).toHaveLength(1);
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(sink.open).toEqual([]);
  });

  test("a command that is there twice runs once", async () => {
    const { session, sink, workDir } = fixtures.session({
      provider: new FakeProvider(reply(["hi"])),
      hooks: [hook("Stop", "echo x >> ran"), hook("Stop", "echo x >> ran"), hook("Stop", "true", { matcher: "no" })],
      subscriptions: [],
    });
    await session.prompt("go", null);
    expect(sink.payloads("HookTriggered")).toEqual([{ event: "Stop", target: "", hook_count: 1 }]);
    expect(textOf(join(workDir, "ran"))).toBe("x\n");
  });

  test.each<[HookConfig["on_error"], string]>([
    ["allow", "ok"],
    ["block", "The hook failed with exit code 1."],
  ])("on_error %s: what a failing command means", async (on_error, expected) => {
    const { session, sink } = fixtures.session({
      tools: [fakeTool("Act")],
      provider: oneCall(),
      hooks: [hook("PreToolUse", "exit 1", { on_error })],
    });
    await session.prompt("go", null);
    const value = sink.payloads("ToolResult")[0]?.return_value as Record<string, unknown>;
    expect(value.is_error === true ? value.message : value.output).toBe(expected);
    // Nobody has introduced himself: hooks run and nothing is shown.
    expect(sink.types()).not.toContain("HookTriggered");
  });
});

describe("moments", () => {
  const everything = (dir: string) =>
    textOf(join(dir, "seen"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  const record = (...events: HookConfig["event"][]) => events.map((event) => hook(event, "cat >> seen"));

  test("a turn with a tool that works and one that does not", async () => {
    const provider = new FakeProvider(
      reply([callPart("t1", "Act"), callPart("t2", "Fail", { x: 1 })]),
      reply(["done"]),
    );
    const tools = [fakeTool("Act"), fakeTool("Fail", { run: () => toolError("broken", "b") })];
    const { session, workDir, sink, hooks } = fixtures.session({
      tools,
      provider,
      hooks: record("SessionStart", "UserPromptSubmit", "PostToolUse", "PostToolUseFailure", "Stop", "SessionEnd"),
      subscriptions: [],
    });
    await session.prompt(
      [
        { type: "text", text: "do" },
        { type: "text", text: "it" },
      ],
      null,
    );
    await session.close({ clean: true, graceMs: 1_000 });
    await hooks.end(new AbortController().signal);
    const base = { session_id: "S1", cwd: workDir };
    const seen = everything(workDir);
    const said = (event: string) => seen.filter((item) => item.hook_event_name === event);
    const used = (event: string, facts: object) => [{ ...base, hook_event_name: event, ...facts }];
    expect(said("SessionStart")).toEqual(used("SessionStart", { source: "startup" }));
    expect(said("UserPromptSubmit")).toEqual(used("UserPromptSubmit", { prompt: "do it" }));
    expect(said("PostToolUse")).toEqual(
      used("PostToolUse", { tool_name: "Act", tool_input: {}, tool_call_id: "t1", tool_output: "ok" }),
    );
    expect(said("PostToolUseFailure")).toEqual(
      used("PostToolUseFailure", { tool_name: "Fail", tool_input: { x: 1 }, tool_call_id: "t2", error: "broken" }),
    );
    expect(said("Stop")).toEqual(used("Stop", { stop_hook_active: false }));
    expect(said("SessionEnd")).toEqual(used("SessionEnd", { reason: "exit" }));
    expect(seen).toHaveLength(6);
    // Outside the turn nothing is shown.
    const shown = sink.payloads("HookTriggered").map(({ event, target }) => `${event} ${target}`);
    expect(shown[0]).toBe("UserPromptSubmit ");
    expect(shown.slice(1, 3).sort()).toEqual(["PostToolUse Act", "PostToolUseFailure Fail"]);
    expect(shown.slice(3)).toEqual(["Stop "]);
    expect(sink.payloads("HookResolved")).toHaveLength(4);
    expect(sink.types().at(-1)).toBe("TurnEnd");
  });

  test("calls that never act have no PostToolUse: unknown, refused by arguments, blocked", async () => {
    const provider = new FakeProvider(
      reply([callPart("t1", "Nope"), callPart("t2", "Bad", "{"), callPart("t3", "Act")]),
      reply(["done"]),
    );
    const bad = fakeTool("Bad", { prepare: () => toolError("bad", "bad") });
    const { session, sink } = fixtures.session({
      tools: [bad, fakeTool("Act")],
      provider,
      hooks: [hook("PreToolUse", "exit 2"), hook("PostToolUse", "true"), hook("PostToolUseFailure", "true")],
      subscriptions: [],
    });
    await session.prompt("go", null);
    expect(sink.payloads("HookTriggered")).toEqual([{ event: "PreToolUse", target: "Act", hook_count: 1 }]);
  });

  test("a call that copies another's result has no hooks; the client is asked about a result after it was shown", async () => {
    const { session, sink } = fixtures.session({
      tools: [fakeTool("Act")],
      provider: new FakeProvider(reply([callPart("t1", "Act"), callPart("t2", "Act")]), reply(["done"])),
      subscriptions: [{ id: "h", event: "PostToolUse" }],
    });
    sink.onRequest = answering({});
    await session.prompt("go", null);
    expect(sink.payloads("ToolResult")).toHaveLength(2);
    expect(sink.payloads("HookTriggered")).toHaveLength(1);
    const from = sink.types().indexOf("HookTriggered");
    const order = sink.types().slice(from, from + 3);
    expect(order.slice(0, 2)).toEqual(["HookTriggered", "ToolResult"]);
    expect(sink.payloads("HookRequest")).toHaveLength(1);
  });

  test("a failing turn: StopFailure with the class of the error, before TurnEnd", async () => {
    const error = providerError("boom", { retryable: false, errorType: "APIStatusError" });
    const { session, sink, workDir } = fixtures.session({
      provider: new FakeProvider(failing(error)),
      hooks: [hook("StopFailure", "cat >> seen", { matcher: "Status" }), hook("Stop", "true")],
      subscriptions: [],
    });
    await expect(session.prompt("go", null)).rejects.toThrow("boom");
    expect(sink.types()).toEqual([
      ...["TurnBegin", "StepBegin", "StepInterrupted", "HookTriggered", "HookResolved", "TurnEnd"],
    ]);
    // The turn has not waited for longer than 100 ms.
    await expect.poll(() => textOf(join(workDir, "seen")), { timeout: 8_000 }).not.toBe("");
    expect(everything(workDir)).toEqual([
      expect.objectContaining({ error_type: "APIStatusError", error_message: "boom" }),
    ]);
  });

  test("compaction: before it begins, and after it has ended", async () => {
    const provider = new FakeProvider(
      reply(["one"], { usage: usage(99_000, 1) }),
      reply(["SUMMARY"], { usage: usage(10, 5) }),
      reply(["two"]),
    );
    provider.maxContextSize = 100_000;
    const { session, sink, workDir } = fixtures.session({
      provider,
      hooks: [hook("PreCompact", "cat >> seen", { matcher: "auto" }), hook("PostCompact", "cat >> seen")],
      subscriptions: [],
    });
    await session.prompt("a", null);
    await session.prompt("b", null);
    const types = sink.types();
    const begin = types.indexOf("CompactionBegin");
    expect(types.slice(begin - 3, begin)).toEqual(["StepBegin", "HookTriggered", "HookResolved"]);
    expect(types.slice(begin, begin + 3)).toEqual(["CompactionBegin", "CompactionEnd", "HookTriggered"]);
    expect(everything(workDir)).toEqual([
      expect.objectContaining({ hook_event_name: "PreCompact", trigger: "auto", token_count: expect.any(Number) }),
      expect.objectContaining({
        hook_event_name: "PostCompact",
        trigger: "auto",
        estimated_token_count: expect.any(Number),
      }),
    ]);
  });

  test("subagents and notifications announce theirs", async () => {
    const { hooks, workDir } = fixtures.session({ hooks: record("SubagentStart", "SubagentStop", "Notification") });
    await hooks.subagentStarting("coder", "do", new AbortController().signal);
    hooks.subagentStopped("coder", "done");
    await expect.poll(() => everything(workDir).length).toBe(2);
    hooks.notified({ sink: "wire", type: "task.completed", title: "t", body: "b", severity: "info" });
    await expect.poll(() => everything(workDir).length).toBe(3);
    expect(everything(workDir)).toEqual([
      expect.objectContaining({ agent_name: "coder", prompt: "do" }),
      expect.objectContaining({ agent_name: "coder", response: "done" }),
      expect.objectContaining({
        ...{ sink: "wire", notification_type: "task.completed", title: "t", body: "b", severity: "info" },
      }),
    ]);
  });
});

describe("prompts and stops", () => {
  test("a blocked prompt: the reason and nothing else, no model, no context", async () => {
    const { session, sink, provider, contextRoles } = fixtures.session({
      hooks: [hook("UserPromptSubmit", "echo not that >&2; exit 2", { matcher: "^secret" }), hook("Stop", "true")],
      subscriptions: [],
      provider: new FakeProvider(reply(["fine"])),
    });
    expect(await session.prompt("secret plan", null)).toEqual({ status: "finished" });
    expect(sink.types()).toEqual(["HookTriggered", "HookResolved", "TurnBegin", "ContentPart", "TurnEnd"]);
    expect(sink.payloads("ContentPart")).toEqual([{ type: "text", text: "not that" }]);
    expect(provider.requests).toEqual([]);
    await session.prompt("other plan", null);
    expect(contextRoles()).toEqual(["_system_prompt", "_checkpoint", "user", "_checkpoint", "assistant"]);
  });

  test("a stop that is blocked with a reason goes on once, with steps counted anew", async () => {
    const { session, sink, contextRoles } = fixtures.session({
      hooks: [hook("Stop", "echo keep going >&2; exit 2")],
      subscriptions: [],
      provider: new FakeProvider(reply(["a"]), reply(["b"])),
    });
    expect(await session.prompt("go", null)).toEqual({ status: "finished" });
    expect(sink.payloads("StepBegin")).toEqual([{ n: 1 }, { n: 1 }]);
    expect(sink.types()).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "HookTriggered", "HookResolved"],
      ...["StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(contextRoles()).toEqual([
      ...["_system_prompt", "_checkpoint", "user", "_checkpoint", "assistant"],
      ...["_checkpoint", "user", "_checkpoint", "assistant"],
    ]);
  });

  test("a stop that is blocked without a reason ends the turn", async () => {
    const { session, sink } = fixtures.session({
      hooks: [hook("Stop", "exit 2")],
      subscriptions: [],
      provider: new FakeProvider(reply(["a"])),
    });
    expect(await session.prompt("go", null)).toEqual({ status: "finished" });
    expect(sink.payloads("StepBegin")).toHaveLength(1);
  });

  test("a steer that comes while the turn goes on after a stop is used", async () => {
    const { session, sink, provider } = fixtures.session({
      hooks: [hook("Stop", "echo more >&2; exit 2")],
      subscriptions: [],
      tools: [
        fakeTool("Act", {
          run: () => {
            void session.steer("this too", null);
            return toolOk("");
          },
        }),
      ],
      provider: new FakeProvider(reply(["a"]), reply([callPart("t1", "Act")]), reply(["b"])),
    });
    await session.prompt("go", null);
    expect(sink.payloads("SteerInput")).toEqual([{ user_input: "this too" }]);
    expect(provider.requests).toHaveLength(3);
  });
});

describe("cancel", () => {
  test("in a prompt's hooks: the process ends, Resolved, TurnBegin, TurnEnd, cancelled", async () => {
    const { session, sink, workDir } = fixtures.session({
      hooks: [hook("UserPromptSubmit", "touch begun; trap '' TERM; sleep 30; touch survived")],
      subscriptions: [],
    });
    const turn = session.prompt("go", null);
    await expect.poll(() => existsSync(join(workDir, "begun"))).toBe(true);
    const before = performance.now();
    void session.cancel(null);
    expect(await turn).toEqual({ status: "cancelled" });
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(sink.types()).toEqual(["HookTriggered", "HookResolved", "TurnBegin", "TurnEnd"]);
  });

  test("in a tool's hooks: nothing runs, and the batch is closed as a no", async () => {
    const ran: unknown[] = [];
    const { session, sink, journal } = fixtures.session({
      tools: [fakeTool("Act", { run: () => toolOk(String(ran.push(1))) })],
      provider: oneCall(),
      subscriptions: [{ id: "h", event: "PreToolUse" }],
    });
    const turn = session.prompt("go", null);
    await sink.seen("HookRequest");
    void session.cancel(null);
    expect(await turn).toEqual({ status: "cancelled" });
    expect(ran).toEqual([]);
    expect(sink.open).toEqual([]);
    expect(sink.types().slice(-2)).toEqual(["HookResolved", "TurnEnd"]);
    expect(sink.payloads("HookResolved")).toEqual([expect.objectContaining({ action: "block", reason: "" })]);
    expect(journal().filter(({ kind }) => kind === "hook_decided")).toEqual([
      expect.objectContaining({ action: "block" }),
    ]);
  });

  test("hooks that nobody waits for end with it", async () => {
    const stuckTool = fakeTool("Wait", {
      run: (_args, { signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    const { session, sink, workDir } = fixtures.session({
      tools: [fakeTool("Act"), stuckTool],
      provider: new FakeProvider(reply([callPart("t1", "Act")]), reply([callPart("t2", "Wait")])),
      hooks: [hook("PostToolUse", "echo $$ > pid; sleep 30; touch survived")],
      subscriptions: [],
    });
    const turn = session.prompt("go", null);
    await sink.seen("StatusUpdate", 2);
    await expect.poll(() => textOf(join(workDir, "pid"))).not.toBe("");
    void session.cancel(null);
    expect(await turn).toEqual({ status: "cancelled" });
    expect(sink.types().slice(-2)).toEqual(["HookResolved", "TurnEnd"]);
    const pid = Number(textOf(join(workDir, "pid")));
    await expect.poll(() => textOf(`/proc/${pid}/stat`).split(") ")[1]?.startsWith("Z") ?? true).toBe(true);
  });
});

describe("the end of a turn", () => {
  test("does not wait for a slow hook of PostToolUse: it is reported as allowed, and goes on", async () => {
    const { session, sink, workDir } = fixtures.session({
      tools: [fakeTool("Act")],
      provider: oneCall(),
      hooks: [hook("PostToolUse", "until [ -e go ]; do sleep 0.01; done; touch finished")],
      subscriptions: [{ id: "h", event: "PostToolUse" }],
    });
    await session.prompt("go", null);
    expect(sink.types().slice(-2)).toEqual(["HookResolved", "TurnEnd"]);
    expect(sink.open).toEqual([]);
    writeFileSync(join(workDir, "go"), "");
    await expect.poll(() => existsSync(join(workDir, "finished"))).toBe(true);
    expect(sink.types().at(-1)).toBe("TurnEnd");
  });

  test("SessionEnd is bounded: short when the process was told to stop", async () => {
    const { session, hooks } = fixtures.session({
      provider: new FakeProvider(reply(["a"])),
      hooks: [hook("SessionEnd", "sleep 30")],
    });
    await session.prompt("go", null);
    await session.close({ clean: true, graceMs: 1_000 });
    const before = performance.now();
    await hooks.end(AbortSignal.abort());
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  test("without a start there is no end", async () => {
    const { hooks, workDir } = fixtures.session({ hooks: [hook("SessionEnd", "touch ended")] });
    await hooks.end(new AbortController().signal);
    expect(existsSync(join(workDir, "ended"))).toBe(false);
  });
});
