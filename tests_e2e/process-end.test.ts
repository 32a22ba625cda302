/** How a kernel ends: end of input, signals, and a death without warning. Nothing is granted, lost or left behind. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type KernelProcess, type StartOptions, startKernel } from "./kernel-process.js";
import { processesWithMark, until, untilNoneLeft } from "./process-scan.js";
import { shellTurn, toolCall } from "./scripts.js";
import { jsonLines, onlySession, recordedTypes, sessionFolders } from "./session-files.js";
import { payloads, runTurn, text, types } from "./turn.js";
import { createWorkspace, setScripts, type Workspace } from "./workspace.js";

interface Running {
  kernel: KernelProcess;
  workspace: Workspace;
  mark: string;
}

let marks = 0;

/** A kernel whose tool is running: `started` exists in the work dir. */
async function midTool(options: StartOptions = {}, command = "echo up > started; sleep 60"): Promise<Running> {
  const mark = `end-${process.pid}-${++marks}`;
  const workspace = createWorkspace({ scripts: shellTurn(command) });
  const args = ["--yolo", ...(options.args ?? [])];
  const kernel = startKernel(workspace, { ...options, args, env: { E2E_MARK: mark } });
  await kernel.initialize();
  kernel.request("prompt", { user_input: "go" }, "live");
  await until("the tool runs", () => existsSync(join(workspace.workDir, "started")), 8_000);
  return { kernel, workspace, mark };
}

/** Asserts an end within two seconds and gives its exit. */
async function endsInTime(
  kernel: KernelProcess,
  trigger: () => void,
): Promise<{ code: number | null; signal: string | null }> {
  const begin = Date.now();
  trigger();
  const exit = await kernel.exit(5_000);
  expect(Date.now() - begin).toBeLessThan(2_000);
  return exit;
}

const lastSession = (workspace: Workspace): unknown => {
  const { work_dirs } = JSON.parse(readFileSync(join(workspace.share, "kimi.json"), "utf8")) as {
    work_dirs: { path: string; last_session_id: string | null }[];
  };
  return work_dirs.find((entry) => entry.path === workspace.workDir)?.last_session_id;
};

const sessionId = (workspace: Workspace): string => onlySession(workspace).split("/").at(-1) as string;

describe("end of input", () => {
  it("B-040 F4 idle: exit 0 within a second, and no empty session stays", async () => {
    const workspace = createWorkspace();
    const kernel = startKernel(workspace);
    await kernel.initialize();
    const begin = Date.now();
    expect(await kernel.close()).toEqual({ code: 0, signal: null });
    expect(Date.now() - begin).toBeLessThan(1_000);
    expect(kernel.stderr).toBe("");
    expect(sessionFolders(workspace)).toEqual([]);
  });

  it("B-041 before anything was said: exit 0 and silence", async () => {
    const workspace = createWorkspace();
    const kernel = startKernel(workspace);
    expect(await kernel.close()).toEqual({ code: 0, signal: null });
    expect([kernel.log, kernel.noise, kernel.stderr, sessionFolders(workspace)]).toEqual([[], [], "", []]);
  });

  it("B-042 F4 in mid-turn: exit 0 in time, TurnEnd on disk, no process left, --continue finds it", async () => {
    const { kernel, workspace, mark } = await midTool();
    expect(await endsInTime(kernel, () => kernel.child.stdin.end())).toEqual({ code: 0, signal: null });
    expect(recordedTypes(onlySession(workspace)).at(-1)).toBe("TurnEnd");
    expect(recordedTypes(onlySession(workspace)).slice(0, 4)).toEqual([
      "TurnBegin",
      "StepBegin",
      "ContentPart",
      "ToolCall",
    ]);
    expect(lastSession(workspace)).toBe(sessionId(workspace));
    await untilNoneLeft(mark);
  });

  it("B-043 F4 awaiting approval: never granted, exit 0", async () => {
    const mark = `ask-${process.pid}`;
    const workspace = createWorkspace({ scripts: shellTurn("echo ran > effects") });
    const kernel = startKernel(workspace, { env: { E2E_MARK: mark } });
    await kernel.initialize();
    kernel.request("prompt", { user_input: "go" });
    const request = await kernel.serverRequest("ApprovalRequest");
    // The answer and the end come in one write after the end has been said: too late is no.
    expect(await endsInTime(kernel, () => kernel.child.stdin.end())).toEqual({ code: 0, signal: null });
    kernel.approve(request);
    expect(existsSync(join(workspace.workDir, "effects"))).toBe(false);
    expect(recordedTypes(onlySession(workspace)).at(-1)).toBe("TurnEnd");
    await untilNoneLeft(mark);
    expect(existsSync(join(workspace.workDir, "effects"))).toBe(false);
  });

  it("B-044 an external tool that is asked for at the end of input is not left open in the records", async () => {
    const workspace = createWorkspace({ scripts: [`text: a\n${toolCall("x1", "lookup", { q: "k" })}`, "text: never"] });
    const kernel = startKernel(workspace);
    const schema = { type: "object", properties: { q: { type: "string" } } };
    await kernel.initialize({ external_tools: [{ name: "lookup", description: "d", parameters: schema }] });
    kernel.request("prompt", { user_input: "go" });
    await kernel.serverRequest("ToolCallRequest");
    expect(await endsInTime(kernel, () => kernel.child.stdin.end())).toEqual({ code: 0, signal: null });
    expect(recordedTypes(onlySession(workspace)).at(-1)).toBe("TurnEnd");
  });

  it("B-045 the resume hint names the session, on stderr and not as JSON", async () => {
    const workspace = createWorkspace({ scripts: ["text: hello"] });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "hi");
    expect(kernel.stderr).toBe("");
    expect(await kernel.close()).toEqual({ code: 0, signal: null });
    expect(kernel.stderr).toContain(sessionId(workspace));
    expect(kernel.stderr.trim().split("\n")).toHaveLength(1);
    expect(kernel.stderr.trim()).not.toMatch(/^\{/);
  });

  it("B-046 everything said before the end arrives, even a large answer right before it", async () => {
    const script = Array.from({ length: 400 }, (_, i) => `text: ${i};${"x".repeat(2_000)}`).join("\n");
    const workspace = createWorkspace({ scripts: [script] });
    const kernel = startKernel(workspace);
    const prompt = kernel.request("prompt", { user_input: "go" });
    await kernel.response(prompt);
    const replay = kernel.request("replay");
    await kernel.response(replay);
    expect((await kernel.close()).code).toBe(0);
    expect(payloads(kernel.log, "ContentPart").length).toBe(400 + 1);
    expect(recordedTypes(onlySession(workspace))).toEqual([
      "TurnBegin",
      "StepBegin",
      "ContentPart",
      "StatusUpdate",
      "TurnEnd",
    ]);
  });
});

describe("signals", () => {
  it("B-050 SIGINT in mid-turn: like the end of input, exit 0", async () => {
    const { kernel, workspace, mark } = await midTool();
    expect(await endsInTime(kernel, () => kernel.child.kill("SIGINT"))).toEqual({ code: 0, signal: null });
    expect(recordedTypes(onlySession(workspace)).at(-1)).toBe("TurnEnd");
    expect(lastSession(workspace)).toBe(sessionId(workspace));
    await untilNoneLeft(mark);
  });

  it("B-051 SIGTERM idle: exit 0, and --continue finds the session", async () => {
    const workspace = createWorkspace({ scripts: ["text: one", "text: two"] });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "first");
    expect(await endsInTime(kernel, () => kernel.child.kill("SIGTERM"))).toEqual({ code: 0, signal: null });
    const again = startKernel(workspace, { args: ["--continue"] });
    expect((await again.call("replay")).result).toMatchObject({ status: "finished", events: 5, requests: 0 });
  });

  it("B-052 SIGTERM in mid-turn: exit 143, the turn is recorded, --continue finds the session", async () => {
    const { kernel, workspace, mark } = await midTool();
    const exit = await endsInTime(kernel, () => kernel.child.kill("SIGTERM"));
    // A shell would name a death by the signal itself 143 as well.
    expect(exit.signal === "SIGTERM" ? 143 : exit.code).toBe(143);
    expect(recordedTypes(onlySession(workspace)).at(-1)).toBe("TurnEnd");
    await untilNoneLeft(mark);
    const again = startKernel(workspace, { args: ["--continue"] });
    expect((await again.call("replay")).result).toMatchObject({ status: "finished" });
    expect(payloads(again.log, "ContentPart")).toEqual([{ type: "text", text: "before" }]);
    expect(sessionFolders(workspace)).toHaveLength(1);
  });

  it("B-053 SIGTERM while an approval is open: nothing is granted, no pending call hangs", async () => {
    const workspace = createWorkspace({ scripts: shellTurn("echo ran > effects") });
    const kernel = startKernel(workspace);
    const id = kernel.request("prompt", { user_input: "go" });
    await kernel.serverRequest("ApprovalRequest");
    const exit = await endsInTime(kernel, () => kernel.child.kill("SIGTERM"));
    expect(exit.signal === "SIGTERM" ? 143 : exit.code).toBe(143);
    // Nobody cancelled: an answer, where the kernel gives one, is no result.
    expect(kernel.log.find((message) => message.id === id)?.result).toBeUndefined();
    expect(existsSync(join(workspace.workDir, "effects"))).toBe(false);
  });

  it("B-054 a tool that ignores SIGTERM does not hold up the end", async () => {
    const { kernel, mark } = await midTool({}, "trap '' TERM INT HUP; echo up > started; while :; do sleep 0.05; done");
    expect(await endsInTime(kernel, () => kernel.child.stdin.end())).toEqual({ code: 0, signal: null });
    await untilNoneLeft(mark);
  });
});

describe("death without warning", () => {
  it("B-055 SIGKILL in mid-tool leaves no tool process, and the session reopens with the turn closed honestly", async () => {
    const { kernel, workspace, mark } = await midTool({}, "echo up > started; sleep 60 & sleep 61");
    kernel.child.kill("SIGKILL");
    expect(await kernel.exit()).toEqual({ code: null, signal: "SIGKILL" });
    await untilNoneLeft(mark);
    const folder = onlySession(workspace);
    const id = sessionId(workspace);
    setScripts(workspace, ["text: I see"]);
    const again = startKernel(workspace, { args: ["--yolo", "--session", id], env: { E2E_MARK: mark } });
    await again.initialize();
    const turn = await runTurn(again, "what now?");
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(text(turn.messages)).toBe("I see");
    const records = recordedTypes(folder);
    expect(records.filter((type) => type === "TurnBegin")).toHaveLength(2);
    expect(records.filter((type) => type === "TurnEnd")).toHaveLength(2);
    const second = records.lastIndexOf("TurnBegin");
    expect(records[second - 1]).toBe("TurnEnd");
    expect(records.slice(0, second)).toContain("ContentPart");
    const wire = jsonLines(join(folder, "wire.jsonl")).flatMap(({ message }) =>
      message === undefined ? [] : [message as { type: string; payload: Record<string, unknown> }],
    );
    const results = wire.filter(({ type }) => type === "ToolResult");
    expect(results[0]?.payload).toMatchObject({ tool_call_id: "t1", return_value: { is_error: true } });
    await again.kill();
    await untilNoneLeft(mark);
    const context = jsonLines(join(folder, "context.jsonl"));
    const called = context.flatMap((line) => ((line.tool_calls ?? []) as { id: string }[]).map((call) => call.id));
    const answered = context.flatMap((line) => (line.role === "tool" ? [line.tool_call_id] : []));
    expect(called.slice(0, 1)).toEqual(answered.slice(0, 1));
    expect(JSON.stringify(context)).toContain("before");
  }, 30_000);

  it("B-056 SIGKILL right after a finished turn loses nothing of it", async () => {
    const workspace = createWorkspace({ scripts: ["text: kept", "text: more"] });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "remember");
    kernel.child.kill("SIGKILL");
    await kernel.exit();
    const again = startKernel(workspace, { args: ["--continue"] });
    const { result } = await again.call("replay");
    expect(result).toMatchObject({ status: "finished", events: 5 });
    expect(types(again.log)).toEqual(["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
    expect((await runTurn(again, "go on")).response.result).toEqual({ status: "finished" });
    const context = jsonLines(join(onlySession(workspace), "context.jsonl"));
    expect(context.filter(({ role }) => role === "user").map(({ content }) => content)).toEqual(["remember", "go on"]);
  });

  it("B-057 SIGKILL while an approval is open: reopening grants nothing", async () => {
    const workspace = createWorkspace({ scripts: shellTurn("echo ran >> effects") });
    const kernel = startKernel(workspace);
    await kernel.initialize();
    kernel.request("prompt", { user_input: "go" });
    const request = await kernel.serverRequest("ApprovalRequest");
    kernel.child.kill("SIGKILL");
    await kernel.exit();
    const again = startKernel(workspace, { args: ["--session", sessionId(workspace)] });
    await again.initialize();
    again.approve(request);
    const turn = await runTurn(again, "next", (asked) => again.approve(asked, "reject"));
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(existsSync(join(workspace.workDir, "effects"))).toBe(false);
  });

  it("B-058 no process of a kernel outlives it after ordinary turns", async () => {
    const mark = `after-${process.pid}`;
    const workspace = createWorkspace({ scripts: shellTurn("sleep 50 & sleep 51 & disown -a; echo ok") });
    const kernel = startKernel(workspace, { args: ["--yolo"], env: { E2E_MARK: mark } });
    await runTurn(kernel, "go");
    await until("they are gone", () => !processesWithMark(mark).some((line) => line.includes("sleep 5")), 3_000);
    await kernel.close();
    await untilNoneLeft(mark);
  });
});
