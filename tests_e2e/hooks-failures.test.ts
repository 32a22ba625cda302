/** Hooks that hang, crash or talk nonsense, clients that do not answer or go away, and what is left behind: nothing. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { failure } from "./expected-events.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { processesWithMark, until, untilNoneLeft } from "./process-scan.js";
import { conversation, sessionIds, wireRecords, wireTypes } from "./session-records.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const BLOCKED = failure("Blocked by PreToolUse hook", "Hook blocked");
const touched = (workspace: Workspace, file: string) => existsSync(join(workspace.workDir, file));

/** A kernel whose model makes one Shell call, with these hooks; its processes carry a mark. */
function oneCall(hooks: readonly Record<string, unknown>[], mark: string) {
  const scripts = [script(say("a"), shell("t1", "touch ran; echo out")), say("b"), say("c")];
  const workspace = createWorkspace({ scripts, config: { hooks } });
  return { workspace, kernel: startKernel(workspace, { args: ["--yolo"], env: { E2E_MARK: mark } }) };
}

const mark = (id: string) => `${id}-${process.pid}`;
/** Marked processes without the kernel itself and its watchdog: hook commands that sleep. */
const sleepers = (id: string) => processesWithMark(mark(id)).filter((line) => line.includes("sleep"));

async function result(kernel: KernelProcess): Promise<Record<string, unknown>> {
  const turn = await runTurn(kernel, "go");
  expect(turn.response.result).toEqual({ status: "finished" });
  return payloads(turn.messages, "ToolResult")[0]?.return_value as Record<string, unknown>;
}

describe("commands that fail", () => {
  const FAILING: [string, string][] = [
    ["crashes", "kill -SEGV $$"],
    ["exits with another code", "echo broken >&2; exit 1"],
    ["does not exist", "/no/such/hook"],
    ["prints half a decision", `printf '{"hookSpecificOutput": {"permissionDecision": "deny"'`],
    ["prints a decision nobody knows", `echo '{"hookSpecificOutput": {"permissionDecision": ["deny"]}}'`],
  ];

  it("H-301 a command that crashes, fails or prints half a decision allows; with on_error block it blocks", async () => {
    const tools = FAILING.map((_, at) => ({ name: `ext${at}`, description: "d", parameters: { type: "object" } }));
    const calls = script(...tools.map(({ name }) => call(name, name)));
    const names = FAILING.map(([name]) => name);
    for (const on_error of ["allow", "block"]) {
      const hooks = FAILING.map(([, command], at) => ({
        event: "PreToolUse",
        matcher: `^ext${at}$`,
        command,
        on_error,
      }));
      const kernel = startKernel(createWorkspace({ scripts: [calls, say("b")], config: { hooks } }));
      await kernel.initialize({ external_tools: tools });
      const turn = await runTurn(kernel, "go", (request) =>
        kernel.answer(request, {
          tool_call_id: request.id,
          return_value: { is_error: false, output: "ran", message: "", display: [] },
        }),
      );
      const results = new Map(payloads(turn.messages, "ToolResult").map((p) => [p.tool_call_id, p.return_value]));
      const failed = tools.map(({ name }) => (results.get(name) as { is_error: boolean }).is_error);
      expect(Object.fromEntries(names.map((name, at) => [name, failed[at]]))).toEqual(
        Object.fromEntries(names.map((name) => [name, on_error === "block"])),
      );
    }
  });

  it("H-302 garbage on stdout, however much, is no decision", async () => {
    const commands = ["head -c 3000000 /dev/urandom", "yes | head -c 3000000", "echo '[1,2'", "echo '{}'", "echo null"];
    const hooks = commands.map((command) => ({ event: "PreToolUse", command, on_error: "block" }));
    const { kernel } = oneCall(hooks, mark("H-302"));
    await kernel.initialize();
    expect(await result(kernel)).toMatchObject({ is_error: false, output: "out\n" });
    expect(payloads(kernel.log, "HookResolved")[0]).toMatchObject({ action: "allow", reason: "" });
  });

  it("H-303 a command that hangs is ended at its timeout, with all it started; on_error says what that means", async () => {
    for (const on_error of ["allow", "block"]) {
      const hang = "trap '' TERM; sleep 300 & sleep 300";
      const { kernel } = oneCall([{ event: "PreToolUse", command: hang, timeout: 1, on_error }], mark("H-303"));
      await kernel.initialize();
      const start = Date.now();
      expect((await result(kernel)).is_error).toBe(on_error === "block");
      expect(Date.now() - start).toBeLessThan(6_000);
      expect(payloads(kernel.log, "HookResolved")[0]?.duration_ms).toBeGreaterThanOrEqual(1_000);
      await until("what it started is gone", () => sleepers("H-303").length === 0, 3_000);
      await kernel.close();
    }
  });

  it("H-304 a command that never reads its stdin is given a large prompt all the same", async () => {
    const workspace = createWorkspace({
      scripts: [say("a")],
      config: { hooks: [{ event: "UserPromptSubmit", command: "exec sleep 0.1" }] },
    });
    const kernel = startKernel(workspace);
    const turn = await runTurn(kernel, "x".repeat(3_000_000));
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("H-305 a pattern that would never come to an end does not hang the kernel, and counts as a match", async () => {
    const hooks = [{ event: "UserPromptSubmit", matcher: "^(a+)+$", command: "exit 2" }];
    const kernel = startKernel(createWorkspace({ scripts: [say("a")], config: { hooks } }));
    const turn = await runTurn(kernel, `${"a".repeat(60)}!`);
    expect(types(turn.messages)).toEqual(["TurnBegin", "ContentPart", "TurnEnd"]);
  });

  it("H-306 a wrong hook in the configuration is said before anything is served", async () => {
    for (const hook of [
      { event: "Nope", command: "x" },
      { event: "Stop" },
      { event: "Stop", command: "x", timeout: 0 },
    ]) {
      const kernel = startKernel(createWorkspace({ config: { hooks: [hook] } }));
      expect((await kernel.exit()).code).toBe(2);
      expect(kernel.stderr).toMatch(/Invalid configuration file .*hooks\.0\./);
    }
  });
});

describe("clients that fail", () => {
  it("H-311 an error or an answer of a wrong shape allows", async () => {
    const answers = [
      { error: { code: -1, message: "nah" } },
      { result: null },
      { result: { action: "block" } },
      { result: { request_id: "x", action: "maybe" } },
      { result: { request_id: "x", action: "block", reason: 5 } },
    ];
    const scripts = answers.flatMap((_, at) => [shell(`t${at}`, `echo ${at}`), say("b")]);
    const kernel = startKernel(createWorkspace({ scripts }), { args: ["--yolo"] });
    await kernel.initialize({ hooks: [{ id: "h", event: "PreToolUse" }] });
    for (const answer of answers) {
      const turn = await runTurn(kernel, "go", (request) => kernel.send({ id: request.id as string, ...answer }));
      expect(payloads(turn.messages, "HookResolved")[0], JSON.stringify(answer)).toMatchObject({ action: "allow" });
    }
  });

  it("H-312 the id of the request binds the answer: another request_id inside is taken, an unknown id is nobody's", async () => {
    const { kernel, workspace } = oneCall([], mark("H-312"));
    await kernel.initialize({ hooks: [{ id: "h", event: "PreToolUse" }] });
    const turn = await runTurn(kernel, "go", (request) => {
      kernel.send({ id: "000000000000", result: { request_id: request.id, action: "allow", reason: "" } });
      kernel.answer(request, { request_id: "other", action: "block" });
    });
    expect(payloads(turn.messages, "ToolResult")[0]?.return_value).toEqual(BLOCKED);
    expect(touched(workspace, "ran")).toBe(false);
  });

  it("H-313 no answer in the subscription's time allows; the late one changes nothing", async () => {
    const { kernel, workspace } = oneCall([], mark("H-313"));
    await kernel.initialize({ hooks: [{ id: "h", event: "PreToolUse", timeout: 1 }] });
    const asked: Message[] = [];
    const turn = await runTurn(kernel, "go", (request) => void asked.push(request));
    const [resolved] = payloads(turn.messages, "HookResolved");
    expect(resolved).toMatchObject({ action: "allow", reason: "" });
    expect(resolved?.duration_ms).toBeGreaterThanOrEqual(990);
    expect(touched(workspace, "ran")).toBe(true);
    kernel.answer(asked[0] as Message, { request_id: asked[0]?.id, action: "block", reason: "late" });
    expect((await runTurn(kernel, "again")).response.result).toEqual({ status: "finished" });
    expect(kernel.log.filter((m) => m.error !== undefined)).toEqual([]);
  });

  it("H-314 the client goes away: an undecided PreToolUse blocks, nothing runs, the record says so", async () => {
    const { kernel, workspace } = oneCall([], mark("H-314"));
    await kernel.initialize({ hooks: [{ id: "h", event: "PreToolUse" }] });
    kernel.request("prompt", { user_input: "go" });
    await kernel.serverRequest("HookRequest");
    expect((await kernel.close()).code).toBe(0);
    expect(touched(workspace, "ran")).toBe(false);
    const resolved = wireRecords(workspace).find((record) => record.message.type === "HookResolved");
    expect(resolved?.message.payload).toMatchObject({ event: "PreToolUse", action: "block" });
    expect(wireTypes(workspace).at(-1)).toBe("TurnEnd");
    expect(wireTypes(workspace)).not.toContain("HookRequest");
  });

  it("H-315 the client goes away while a command decides: it is ended, nothing runs", async () => {
    const { kernel, workspace } = oneCall(
      [{ event: "PreToolUse", command: "touch begun; sleep 300", timeout: 600 }],
      mark("H-315"),
    );
    await kernel.initialize();
    kernel.request("prompt", { user_input: "go" });
    await until("the hook runs", () => touched(workspace, "begun"));
    expect((await kernel.close()).code).toBe(0);
    expect(touched(workspace, "ran")).toBe(false);
    await untilNoneLeft(mark("H-315"));
    expect(wireTypes(workspace).slice(-2)).toEqual(["HookResolved", "TurnEnd"]);
  });

  it("H-316 killed while a hook is undecided: the next start closes the turn, and the call is known not to have run", async () => {
    const { kernel, workspace } = oneCall([], mark("H-316"));
    await kernel.initialize({ hooks: [{ id: "h", event: "PreToolUse" }] });
    kernel.request("prompt", { user_input: "go" });
    await kernel.serverRequest("HookRequest");
    await kernel.kill();
    const again = startKernel(workspace, { args: ["--session", sessionIds(workspace)[0] as string] });
    const turn = await runTurn(again, "next", (request) => again.approve(request, "reject"));
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(touched(workspace, "ran")).toBe(false);
    const message = conversation(workspace).find((line) => line.role === "tool");
    expect(JSON.stringify(message?.content)).toMatch(/interrupt/i);
    const kinds = wireTypes(workspace);
    expect(kinds.indexOf("HookTriggered")).toBeLessThan(kinds.indexOf("TurnEnd"));
  });
});

describe("cancel and the end", () => {
  it("H-321 cancel while a hook is asked: at once, Resolved, TurnEnd, cancelled; the late answer is ignored", async () => {
    const { kernel, workspace } = oneCall([], mark("H-321"));
    await kernel.initialize({ hooks: [{ id: "h", event: "PreToolUse" }] });
    const id = kernel.request("prompt", { user_input: "go" });
    const request = await kernel.serverRequest("HookRequest");
    const start = Date.now();
    const from = kernel.log.length;
    expect((await kernel.call("cancel")).result).toEqual({});
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(Date.now() - start).toBeLessThan(1_000);
    expect(types(kernel.log.slice(from))).toEqual(["HookResolved", "TurnEnd"]);
    kernel.answer(request, { request_id: request.id, action: "allow", reason: "" });
    await runTurn(kernel, "next");
    expect(touched(workspace, "ran")).toBe(false);
  });

  it("H-322 cancel while a prompt's hook runs: TurnBegin and TurnEnd still come, and the process is gone", async () => {
    const command = "touch begun; trap '' TERM; sleep 300";
    const workspace = createWorkspace({ config: { hooks: [{ event: "UserPromptSubmit", command }] } });
    const kernel = startKernel(workspace, { env: { E2E_MARK: mark("H-322") } });
    await kernel.initialize();
    const id = kernel.request("prompt", { user_input: "go" });
    await until("the hook runs", () => touched(workspace, "begun"));
    await kernel.call("cancel");
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(types(kernel.log)).toEqual(["HookTriggered", "HookResolved", "TurnBegin", "TurnEnd"]);
    await until("the hook is gone", () => sleepers("H-322").length === 0);
  });

  it("H-323 cancel ends hooks that nobody waits for", async () => {
    const hooks = [{ event: "PostToolUse", command: "touch begun; sleep 300" }];
    const scripts = [shell("t1", "echo 1"), shell("t2", "sleep 299")];
    const workspace = createWorkspace({ scripts, config: { hooks } });
    const kernel = startKernel(workspace, { args: ["--yolo"], env: { E2E_MARK: mark("H-323") } });
    await kernel.initialize();
    const id = kernel.request("prompt", { user_input: "go" });
    await until("both run", () => touched(workspace, "begun") && sleepers("H-323").length >= 2);
    await kernel.call("cancel");
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(types(kernel.log).slice(-2)).toEqual(["HookResolved", "TurnEnd"]);
    await until("the hook is gone", () => sleepers("H-323").length === 0);
  });

  it("H-324 a slow PostToolUse does not hold up the end of the turn, and nothing comes behind TurnEnd", async () => {
    const hooks = [{ event: "PostToolUse", command: "until [ -e go ]; do sleep 0.05; done; touch finished" }];
    const { kernel, workspace } = oneCall(hooks, mark("H-324"));
    await kernel.initialize({ hooks: [{ id: "h", event: "PostToolUse" }] });
    const turn = await runTurn(kernel, "go");
    expect(types(turn.messages).slice(-2)).toEqual(["HookResolved", "TurnEnd"]);
    expect(touched(workspace, "finished")).toBe(false);
    const length = kernel.log.length;
    writeFileSync(join(workspace.workDir, "go"), "");
    await until("it has gone on to its end", () => touched(workspace, "finished"));
    expect((await kernel.call("replay")).result?.status).toBe("finished");
    expect(types(kernel.log.slice(length))).toEqual(wireTypes(workspace));
  });

  it("H-325 a SessionEnd that hangs: files are complete before it, and SIGTERM ends the wait", async () => {
    const workspace = createWorkspace({
      scripts: [say("a")],
      config: { hooks: [{ event: "SessionEnd", command: "touch ending; sleep 300" }] },
    });
    const kernel = startKernel(workspace, { env: { E2E_MARK: mark("H-325") } });
    await runTurn(kernel, "go");
    kernel.child.stdin.end();
    await until("the hook runs", () => touched(workspace, "ending"));
    expect(wireTypes(workspace)).toEqual(["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
    kernel.child.kill("SIGTERM");
    expect(await kernel.exit(2_400)).toEqual({ code: 0, signal: null });
    await untilNoneLeft(mark("H-325"));
  });

  it("H-326 left alone, a SessionEnd that hangs has five seconds", async () => {
    const workspace = createWorkspace({
      scripts: [say("a")],
      config: { hooks: [{ event: "SessionEnd", command: "echo $$ > pid; sleep 300" }] },
    });
    const kernel = startKernel(workspace, { env: { E2E_MARK: mark("H-326") } });
    await runTurn(kernel, "go");
    const start = Date.now();
    expect(await kernel.close()).toEqual({ code: 0, signal: null });
    expect(Date.now() - start).toBeGreaterThan(3_000);
    expect(Date.now() - start).toBeLessThan(7_500);
    expect(readFileSync(join(workspace.workDir, "pid"), "utf8")).toMatch(/^\d+\n$/);
    await untilNoneLeft(mark("H-326"));
  });

  it("H-327 SIGKILL takes the hooks with it", async () => {
    const { kernel, workspace } = oneCall([{ event: "PreToolUse", command: "touch begun; sleep 300" }], mark("H-327"));
    kernel.request("prompt", { user_input: "go" });
    await until("the hook runs", () => touched(workspace, "begun"));
    await kernel.kill();
    await untilNoneLeft(mark("H-327"));
    expect(touched(workspace, "ran")).toBe(false);
  });
});
