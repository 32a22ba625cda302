/** Hooks as a client sees them: which moments, in which order, with which facts, and what is kept on disk. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell, usage } from "./echo-scripts.js";
import { event, failure, status, textPart, toolResult } from "./expected-events.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { until } from "./process-scan.js";
import { conversation, sessionIds, wireTypes } from "./session-records.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const EVENTS = [
  ...["PreToolUse", "PostToolUse", "PostToolUseFailure", "UserPromptSubmit", "Stop", "StopFailure"],
  ...["SessionStart", "SessionEnd", "SubagentStart", "SubagentStop", "PreCompact", "PostCompact", "Notification"],
];
const YOLO = { args: ["--yolo"] };

function subscribe(...names: string[]): { hooks: Record<string, unknown>[] } {
  return { hooks: names.map((name, at) => ({ id: `h${at + 1}`, event: name })) };
}

function decide(kernel: KernelProcess, request: Message, action = "allow", reason = ""): void {
  kernel.answer(request, { request_id: request.id, action, reason });
}

function resolved(name: string, target: string, action = "allow", reason = ""): Message {
  return event("HookResolved", { event: name, target, action, reason, duration_ms: expect.any(Number) });
}

function triggered(name: string, target: string, hook_count = 1): Message {
  return event("HookTriggered", { event: name, target, hook_count });
}

/** Objects that a hook command `cat >> <file>` has collected. */
function seen(workspace: Workspace, file: string): Record<string, unknown>[] {
  const path = join(workspace.workDir, file);
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("initialize", () => {
  it("H-001 announces all events in order and counts commands and subscriptions; calls add up, unknown events are ignored", async () => {
    const hooks = ["PreToolUse", "Stop", "Stop"].map((name) => ({ event: name, command: "true" }));
    const kernel = startKernel(createWorkspace({ config: { hooks } }));
    const first = await kernel.initialize();
    expect(first.result?.hooks).toEqual({ supported_events: EVENTS, configured: { PreToolUse: 1, Stop: 2 } });
    const offer = [
      { id: "a", event: "PreToolUse", matcher: "Shell", timeout: 5 },
      { id: "b", event: "Bogus" },
      { id: "c", event: "Notification" },
    ];
    await kernel.initialize({ hooks: offer });
    const third = await kernel.initialize({ hooks: [{ id: "d", event: "PreToolUse" }] });
    expect(third.result?.hooks).toHaveProperty("configured", {
      PreToolUse: 3,
      Stop: 2,
      Notification: 1,
    });
  });

  it("H-002 a subscription of a wrong shape is -32602 and subscribes nothing", async () => {
    const kernel = startKernel(createWorkspace());
    for (const hook of [
      { event: "Stop" },
      { id: 1, event: "Stop" },
      { id: "h", event: "Stop", timeout: "5" },
      "Stop",
    ]) {
      const answer = await kernel.initialize({ hooks: [{ id: "ok", event: "Stop" }, hook] });
      expect(answer.error, JSON.stringify(hook)).toMatchObject({ code: -32602 });
    }
    const { result } = await kernel.initialize();
    expect(result?.hooks).toHaveProperty("configured", {});
  });
});

describe("subscriptions of the client", () => {
  it("H-101 PreToolUse: before the approval; block with a reason is the tool's error, and the loop goes on", async () => {
    const workspace = createWorkspace({ scripts: [script(say("a"), shell("t1", "touch ran")), say("b")] });
    const kernel = startKernel(workspace);
    await kernel.initialize(subscribe("PreToolUse"));
    const turn = await runTurn(kernel, "go", (request) => {
      expect(request.params?.type).toBe("HookRequest");
      decide(kernel, request, "block", "nope");
    });
    expect(turn.response.result).toEqual({ status: "finished" });
    const request = turn.messages.find((m) => m.method === "request") as Message;
    expect(request.id).toMatch(/^[0-9a-f]{12}$/);
    expect(request.params?.payload).toEqual({
      id: request.id,
      subscription_id: "h1",
      event: "PreToolUse",
      target: "Shell",
      input_data: {
        hook_event_name: "PreToolUse",
        session_id: sessionIds(workspace)[0],
        cwd: workspace.workDir,
        tool_name: "Shell",
        tool_input: { command: "touch ran" },
        tool_call_id: "t1",
      },
    });
    expect(turn.messages.slice(4)).toEqual([
      status,
      triggered("PreToolUse", "Shell"),
      request,
      resolved("PreToolUse", "Shell", "block", "nope"),
      toolResult("t1", failure("nope", "Hook blocked")),
      event("StepBegin", { n: 2 }),
      textPart("b"),
      status,
      event("TurnEnd"),
    ]);
    expect(existsSync(join(workspace.workDir, "ran"))).toBe(false);
    expect(wireTypes(workspace)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate"],
      ...["HookTriggered", "HookResolved", "ToolResult", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
  });

  it("H-102 allowed: the approval is asked, PostToolUse is announced before the result and never waited for", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "echo hi"), say("b")] });
    const kernel = startKernel(workspace);
    await kernel.initialize(subscribe("PreToolUse", "PostToolUse", "Stop"));
    const held: Message[] = [];
    const turn = await runTurn(kernel, "go", (request) => {
      const name = request.params?.payload.event;
      if (request.params?.type === "ApprovalRequest") kernel.approve(request);
      else if (name === "PostToolUse") held.push(request);
      else decide(kernel, request);
      if (name === "Stop") for (const open of held) decide(kernel, open);
    });
    expect(types(turn.messages).filter((type) => type !== "ContentPart")).toEqual([
      ...["TurnBegin", "StepBegin", "ToolCall", "StatusUpdate"],
      ...["HookTriggered", "request:HookRequest", "HookResolved"],
      ...["request:ApprovalRequest", "ApprovalResponse", "HookTriggered", "ToolResult", "request:HookRequest"],
      ...[
        "StepBegin",
        "StatusUpdate",
        "HookTriggered",
        "request:HookRequest",
        "HookResolved",
        "HookResolved",
        "TurnEnd",
      ],
    ]);
    const post = held[0]?.params?.payload.input_data;
    expect(post).toMatchObject({ hook_event_name: "PostToolUse", tool_call_id: "t1", tool_output: "hi\n" });
    expect(
      payloads(turn.messages, "HookResolved")
        .map((p) => p.event)
        .sort(),
    ).toEqual([...["PostToolUse", "PreToolUse", "Stop"]]);
  });

  it("H-103 a tool that fails: PostToolUseFailure with its error", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [shell("t1", "exit 3"), say("b")] }), YOLO);
    await kernel.initialize(subscribe("PostToolUse", "PostToolUseFailure"));
    const asked: Message[] = [];
    await runTurn(kernel, "go", (request) => void asked.push(request));
    expect(asked.map((request) => request.params?.payload)).toEqual([
      expect.objectContaining({
        event: "PostToolUseFailure",
        target: "Shell",
        input_data: expect.objectContaining({ tool_call_id: "t1", error: expect.stringContaining("exit code: 3") }),
      }),
    ]);
  });

  it("H-104 UserPromptSubmit: before TurnBegin; block shows the reason and ends the turn as finished", async () => {
    const workspace = createWorkspace({ scripts: [say("asked")] });
    const kernel = startKernel(workspace);
    await kernel.initialize(subscribe("UserPromptSubmit", "Stop"));
    const answers = [
      { action: "block", reason: "no way" },
      { action: "block", reason: "" },
      { action: "allow", reason: "" },
    ];
    const prompt = () =>
      runTurn(kernel, "go", (request) => {
        const { event: name } = request.params?.payload ?? {};
        kernel.answer(request, { request_id: request.id, ...(name === "UserPromptSubmit" ? answers.shift() : {}) });
      });
    const first = await prompt();
    expect(first.messages.filter((m) => m.method === "event")).toEqual([
      triggered("UserPromptSubmit", "go"),
      resolved("UserPromptSubmit", "go", "block", "no way"),
      event("TurnBegin", { user_input: "go" }),
      textPart("no way"),
      event("TurnEnd"),
    ]);
    expect(first.response.result).toEqual({ status: "finished" });
    expect(first.messages.find((m) => m.method === "request")?.params?.payload.input_data).toMatchObject({
      hook_event_name: "UserPromptSubmit",
      prompt: "go",
    });
    expect((await prompt()).messages).toContainEqual(textPart("Prompt blocked by hook."));
    const third = await prompt();
    expect(types(third.messages).slice(0, 5)).toEqual([
      ...["HookTriggered", "request:HookRequest", "HookResolved", "TurnBegin", "StepBegin"],
    ]);
    expect(conversation(workspace).filter((line) => line.role === "user")).toHaveLength(1);
  });

  it("H-105 a prompt of parts has an empty target, and the hook is told its text", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("a"), say("b")] }));
    const hooks = [
      { id: "all", event: "UserPromptSubmit" },
      { id: "some", event: "UserPromptSubmit", matcher: "secret" },
    ];
    await kernel.initialize({ hooks });
    const asked: Message[] = [];
    const collect = (request: Message) => {
      asked.push(request);
      decide(kernel, request);
    };
    await runTurn(kernel, [{ type: "text", text: "a secret" }], collect);
    await runTurn(kernel, "a secret", collect);
    expect(asked.map((m) => [m.params?.payload.subscription_id, m.params?.payload.target])).toEqual([
      ["all", ""],
      ["all", "a secret"],
      ["some", "a secret"],
    ]);
    expect(asked[0]?.params?.payload.input_data).toMatchObject({ prompt: "a secret" });
  });

  it("H-106 Stop: a block with a reason goes on with it as a user message, step 1 again, once", async () => {
    const workspace = createWorkspace({ scripts: [say("a"), say("b"), say("never")] });
    const kernel = startKernel(workspace);
    await kernel.initialize(subscribe("Stop"));
    const turn = await runTurn(kernel, "go", (request) => {
      expect(request.params?.payload).toMatchObject({ target: "", input_data: { stop_hook_active: false } });
      decide(kernel, request, "block", "keep going");
    });
    expect(turn.messages.filter((m) => m.method === "event")).toEqual([
      event("TurnBegin", { user_input: "go" }),
      event("StepBegin", { n: 1 }),
      textPart("a"),
      status,
      triggered("Stop", ""),
      resolved("Stop", "", "block", "keep going"),
      event("StepBegin", { n: 1 }),
      textPart("b"),
      status,
      event("TurnEnd"),
    ]);
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(conversation(workspace)).toEqual([
      { role: "_checkpoint", id: 0 },
      { role: "user", content: "go" },
      { role: "_checkpoint", id: 1 },
      { role: "assistant", content: "a" },
      { role: "_checkpoint", id: 2 },
      { role: "user", content: "keep going" },
      { role: "_checkpoint", id: 3 },
      { role: "assistant", content: "b" },
    ]);
  });

  it("H-107 Stop runs after a slash command, and a block without a reason changes nothing", async () => {
    const kernel = startKernel(createWorkspace());
    await kernel.initialize(subscribe("Stop"));
    const turn = await runTurn(kernel, "/clear", (request) => decide(kernel, request, "block"));
    expect(types(turn.messages)).toEqual([
      ...[
        "TurnBegin",
        "ContentPart",
        "StatusUpdate",
        "HookTriggered",
        "request:HookRequest",
        "HookResolved",
        "TurnEnd",
      ],
    ]);
  });

  it("H-108 a turn that fails: StopFailure with the class of the error, no Stop, everything before TurnEnd", async () => {
    const kernel = startKernel(createWorkspace({ scripts: ["error: 401 nope"] }));
    await kernel.initialize(subscribe("StopFailure", "Stop"));
    const turn = await runTurn(kernel, "go", (request) => decide(kernel, request));
    expect(turn.response.error).toMatchObject({ code: -32003 });
    expect(types(turn.messages)).toEqual([
      ...[
        "TurnBegin",
        "StepBegin",
        "StepInterrupted",
        "HookTriggered",
        "request:HookRequest",
        "HookResolved",
        "TurnEnd",
      ],
    ]);
    const request = turn.messages.find((m) => m.method === "request")?.params?.payload;
    expect(request).toMatchObject({
      event: "StopFailure",
      target: "APIStatusError",
      input_data: { error_type: "APIStatusError", error_message: expect.stringContaining("nope") },
    });
  });

  it("H-109 compaction: PreCompact between StepBegin and CompactionBegin, PostCompact after its end", async () => {
    const full = script(
      say("two"),
      call("t1", "SetTodoList", { todos: [] }),
      usage({ input_other: 96_000, output: 10 }),
    );
    const kernel = startKernel(
      createWorkspace({ scripts: [say("one"), full, say("SUMMARY"), say("three"), say("S2"), say("S3")] }),
    );
    await kernel.initialize(subscribe("PreCompact", "PostCompact"));
    const facts: unknown[] = [];
    const collect = (request: Message) => {
      facts.push(request.params?.payload.target, request.params?.payload.input_data);
      decide(kernel, request);
    };
    await runTurn(kernel, "a", collect);
    const turn = await runTurn(kernel, "b", collect);
    const order = types(turn.messages);
    const begin = order.indexOf("CompactionBegin");
    expect(order.slice(begin - 4, begin)).toEqual([
      "StepBegin",
      "HookTriggered",
      "request:HookRequest",
      "HookResolved",
    ]);
    expect(order.slice(begin, begin + 3)).toEqual(["CompactionBegin", "CompactionEnd", "HookTriggered"]);
    await runTurn(kernel, "/compact", collect);
    await runTurn(kernel, "/compact names", collect);
    expect(facts.filter((fact) => typeof fact === "string")).toEqual([
      ...["auto", "auto", "manual", "manual", "manual-with-prompt", "manual-with-prompt"],
    ]);
    expect(facts[1]).toMatchObject({ trigger: "auto", token_count: expect.any(Number) });
    expect(facts[3]).toMatchObject({ trigger: "auto", estimated_token_count: expect.any(Number) });
  });

  it("H-110 SessionStart is asked once, without events; matchers see startup and resume", async () => {
    const workspace = createWorkspace({ scripts: [say("a"), say("b")] });
    const hooks = [{ id: "s", event: "SessionStart" }];
    const kernel = startKernel(workspace);
    await kernel.initialize({ hooks });
    const request = await kernel.serverRequest("HookRequest");
    expect(request.params?.payload).toMatchObject({ target: "startup", input_data: { source: "startup" } });
    decide(kernel, request);
    const turn = await runTurn(kernel, "go");
    expect(types(turn.messages)).toEqual(["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
    await kernel.close();
    const again = startKernel(workspace, { args: ["--continue"] });
    await again.initialize({ hooks });
    const resumed = await again.serverRequest("HookRequest");
    expect(resumed.params?.payload).toMatchObject({ target: "resume", input_data: { source: "resume" } });
  });

  it("H-111 parallel calls: each has its own batch, and one that is blocked does not hold up the other", async () => {
    const two = script(shell("t1", "echo 1"), shell("t2", "echo 2"));
    const kernel = startKernel(createWorkspace({ scripts: [two, say("done")] }), YOLO);
    await kernel.initialize(subscribe("PreToolUse"));
    const id = kernel.request("prompt", { user_input: "go" });
    const first = await kernel.serverRequest("HookRequest");
    const second = await kernel.serverRequest("HookRequest");
    decide(kernel, second, "block", "not 2");
    expect(await kernel.event("ToolResult")).toMatchObject({ tool_call_id: "t2" });
    decide(kernel, first);
    expect(await kernel.event("ToolResult")).toMatchObject({ tool_call_id: "t1", return_value: { output: "1\n" } });
    expect((await kernel.response(id)).result).toEqual({ status: "finished" });
  });

  it("H-112 all subscriptions of an event are asked at once; the first block in their order wins", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [shell("t1", "echo 1"), say("done")] }), YOLO);
    await kernel.initialize(subscribe("PreToolUse", "PreToolUse", "PreToolUse"));
    const id = kernel.request("prompt", { user_input: "go" });
    const asked = [];
    for (let i = 0; i < 3; i++) asked.push(await kernel.serverRequest("HookRequest"));
    decide(kernel, asked[1] as Message, "block", "second");
    decide(kernel, asked[0] as Message);
    expect(await kernel.event("HookResolved")).toMatchObject({ action: "block", reason: "second" });
    decide(kernel, asked[2] as Message, "block", "late");
    expect((await kernel.response(id)).result).toEqual({ status: "finished" });
    expect(payloads(kernel.log, "HookTriggered")).toEqual([{ event: "PreToolUse", target: "Shell", hook_count: 3 }]);
    expect(payloads(kernel.log, "HookResolved")).toHaveLength(1);
  });

  it("H-113 a matcher that is no regular expression, or fits nothing, is never asked", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [shell("t1", "echo 1"), say("done")] }), YOLO);
    const matchers = ["(", "[", "^hell$", "WriteFile|Grep"];
    await kernel.initialize({ hooks: matchers.map((matcher) => ({ id: matcher, event: "PreToolUse", matcher })) });
    const turn = await runTurn(kernel, "go");
    expect(types(turn.messages)).not.toContain("HookTriggered");
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("H-114 replay shows Triggered and Resolved again, and asks nothing", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("a")] }));
    await kernel.initialize(subscribe("UserPromptSubmit", "Stop"));
    await runTurn(kernel, "go", (request) => decide(kernel, request));
    const from = kernel.log.length;
    expect((await kernel.call("replay")).result).toEqual({ status: "finished", events: 9, requests: 0 });
    expect(types(kernel.log.slice(from)).filter((type) => type.startsWith("Hook"))).toEqual([
      ...["HookTriggered", "HookResolved", "HookTriggered", "HookResolved"],
    ]);
  });
});

describe("commands of the configuration", () => {
  it("H-201 before an initialize they run and nothing is shown", async () => {
    const hooks = ["UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop"].map((name) => ({
      event: name,
      command: "cat >> seen",
    }));
    const workspace = createWorkspace({ scripts: [shell("t1", "echo hi"), say("b")], config: { hooks } });
    const kernel = startKernel(workspace, YOLO);
    const turn = await runTurn(kernel, "go");
    expect(types(turn.messages).filter((type) => type.includes("Hook"))).toEqual([]);
    await until("all hooks have run", () => seen(workspace, "seen").length === 4);
    await kernel.initialize();
    expect(types((await runTurn(kernel, "/clear")).messages).slice(0, 2)).toEqual(["HookTriggered", "HookResolved"]);
  });

  it("H-202 exit 2 blocks with stderr, a JSON decision with its reason; what is said otherwise allows", async () => {
    const deny = JSON.stringify({
      hookSpecificOutput: { permissionDecision: "deny", permissionDecisionReason: "by JSON" },
    });
    const commands: Record<string, string> = {
      SetTodoList: "echo by exit >&2; exit 2",
      Grep: `printf '%s' '${deny}'`,
      Glob: "exit 2",
      Shell: "echo '{\"fine\":true}'; exit 0",
    };
    const calls = script(
      call("t1", "SetTodoList", { todos: [] }),
      call("t2", "Grep", { pattern: "x" }),
      call("t3", "Glob", { pattern: "*" }),
      shell("t4", "echo ran"),
    );
    const hooks = Object.entries(commands).map(([matcher, command]) => ({ event: "PreToolUse", matcher, command }));
    const kernel = startKernel(createWorkspace({ scripts: [calls, say("done")], config: { hooks } }), YOLO);
    await kernel.initialize();
    const turn = await runTurn(kernel, "go");
    const results = Object.fromEntries(
      payloads(turn.messages, "ToolResult").map((p) => [p.tool_call_id, p.return_value]),
    );
    expect(results).toMatchObject({
      t1: failure("by exit", "Hook blocked"),
      t2: failure("by JSON", "Hook blocked"),
      t3: failure("Blocked by PreToolUse hook", "Hook blocked"),
      t4: { is_error: false, output: "ran\n" },
    });
  });

  it("H-203 a command gets the facts as JSON on stdin, in the work dir, without the kernel's secrets", async () => {
    const hooks = [{ event: "PreToolUse", command: "cat /dev/stdin > in.json; env > env.txt" }];
    const workspace = createWorkspace({ scripts: [shell("t1", "echo hi"), say("b")], config: { hooks } });
    const kernel = startKernel(workspace, { ...YOLO, env: { KIMI_API_KEY: "sk-1", HARMLESS: "1" } });
    await runTurn(kernel, "go");
    expect(seen(workspace, "in.json")).toEqual([
      {
        hook_event_name: "PreToolUse",
        session_id: sessionIds(workspace)[0],
        cwd: workspace.workDir,
        tool_name: "Shell",
        tool_input: { command: "echo hi" },
        tool_call_id: "t1",
      },
    ]);
    const env = readFileSync(join(workspace.workDir, "env.txt"), "utf8");
    expect(env).toContain("HARMLESS=1");
    expect(env).not.toContain("sk-1");
  });

  it("H-204 the same command twice runs once, and counts once", async () => {
    const command = "echo x >> ran";
    const hooks = ["", "S", "Other"].map((matcher) => ({ event: "PreToolUse", matcher, command }));
    const workspace = createWorkspace({ scripts: [shell("t1", "echo hi"), say("b")], config: { hooks } });
    const kernel = startKernel(workspace, YOLO);
    await kernel.initialize();
    const turn = await runTurn(kernel, "go");
    expect(payloads(turn.messages, "HookTriggered")).toEqual([{ event: "PreToolUse", target: "Shell", hook_count: 1 }]);
    expect(readFileSync(join(workspace.workDir, "ran"), "utf8")).toBe("x\n");
  });

  it("H-205 commands and subscriptions are one batch", async () => {
    const hooks = [{ event: "PreToolUse", command: "echo by command >&2; exit 2" }];
    const kernel = startKernel(
      createWorkspace({ scripts: [shell("t1", "echo 1"), say("b")], config: { hooks } }),
      YOLO,
    );
    await kernel.initialize(subscribe("PreToolUse"));
    const turn = await runTurn(kernel, "go", (request) => decide(kernel, request, "block", "by client"));
    expect(payloads(turn.messages, "HookTriggered")).toEqual([{ event: "PreToolUse", target: "Shell", hook_count: 2 }]);
    expect(payloads(turn.messages, "HookResolved")).toEqual([
      expect.objectContaining({ action: "block", reason: "by command" }),
    ]);
  });

  it("H-206 SessionStart runs before the first prompt's turn, SessionEnd at the end, and no block is honoured there", async () => {
    const hooks = ["SessionStart", "SessionEnd"].map((name) => ({
      event: name,
      command: "sleep 0.2; cat >> seen; exit 2",
    }));
    const workspace = createWorkspace({ scripts: [shell("t1", "cat seen"), say("b")], config: { hooks } });
    const kernel = startKernel(workspace, YOLO);
    await kernel.initialize();
    const turn = await runTurn(kernel, "go");
    const [result] = payloads(turn.messages, "ToolResult");
    expect(result).toMatchObject({ return_value: { output: expect.stringContaining('"SessionStart"') } });
    expect(await kernel.close()).toEqual({ code: 0, signal: null });
    expect(
      seen(workspace, "seen").map(({ hook_event_name, source, reason }) => [hook_event_name, source ?? reason]),
    ).toEqual([
      ["SessionStart", "startup"],
      ["SessionEnd", "exit"],
    ]);
  });
});
