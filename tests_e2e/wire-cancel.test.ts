/** Cancel in every state of a turn: answered at once, TurnEnd always, nothing of the unfinished step kept. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { modelAt, startFakeModelServer } from "./fake-model-server.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { conversation, wireTypes } from "./session-records.js";
import { runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const EXT = { name: "ext", description: "d", parameters: { type: "object" } };

/** A generous bound; the aim is 100 ms. */
const BOUND_MS = 1_000;

interface Cancelled {
  /** Events of the turn since the cancel was sent; its own answer has no place among them. */
  after: Message[];
  prompt: Message;
  ms: number;
}

/** Cancels the running turn and waits for both answers. */
async function cancel(kernel: KernelProcess, promptId: string | number): Promise<Cancelled> {
  const start = Date.now();
  const before = kernel.log.length;
  const answer = await kernel.call("cancel");
  expect(answer).toEqual({ jsonrpc: "2.0", id: answer.id, result: {} });
  const prompt = await kernel.response(promptId);
  const ms = Date.now() - start;
  const after = kernel.log.slice(before, kernel.log.indexOf(prompt));
  return { after, prompt, ms };
}

describe("cancel", () => {
  it("W-501 in the middle of a tool: {}, TurnEnd, cancelled; no ToolResult, no StepInterrupted, the process is gone", async () => {
    const command = "echo $$ > pid; sleep 30; touch survived";
    const workspace = createWorkspace({ scripts: [script(say("w"), shell("t1", command)), say("after")] });
    const kernel = startKernel(workspace, { args: ["--yolo"] });
    const id = kernel.request("prompt", { user_input: "go" });
    await kernel.event("StatusUpdate");
    const pidFile = join(workspace.workDir, "pid");
    await expect.poll(() => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "", { timeout: 5_000 }).toBe(true);
    const { after, prompt, ms } = await cancel(kernel, id);
    expect(types(after)).toEqual(["TurnEnd"]);
    expect(prompt.result).toEqual({ status: "cancelled" });
    expect(ms).toBeLessThan(BOUND_MS);
    const pid = Number(readFileSync(pidFile, "utf8"));
    await expect.poll(() => isAlive(pid), { timeout: 2_000 }).toBe(false);
    expect(types((await runTurn(kernel, "next")).messages)).toHaveLength(5);
    expect(conversation(workspace)).toEqual([
      { role: "_checkpoint", id: 0 },
      { role: "user", content: "go" },
      { role: "_checkpoint", id: 1 },
      { role: "_checkpoint", id: 2 },
      { role: "user", content: "next" },
      { role: "_checkpoint", id: 3 },
      { role: "assistant", content: "after" },
    ]);
    expect(wireTypes(workspace).slice(0, 6)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate", "TurnEnd"],
    ]);
  });

  it("W-502 with an approval open: ApprovalResponse reject, then TurnEnd; the late yes runs nothing", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "touch ran"), say("after")] });
    const kernel = startKernel(workspace);
    const id = kernel.request("prompt", { user_input: "go" });
    const request = await kernel.serverRequest("ApprovalRequest");
    const { after, prompt, ms } = await cancel(kernel, id);
    expect(types(after)).toEqual(["ApprovalResponse", "TurnEnd"]);
    expect(after[0]?.params?.payload).toEqual({ request_id: request.id, response: "reject", feedback: "" });
    expect(prompt.result).toEqual({ status: "cancelled" });
    expect(ms).toBeLessThan(BOUND_MS);
    kernel.approve(request);
    expect((await runTurn(kernel, "next")).response.result).toEqual({ status: "finished" });
    expect(existsSync(join(workspace.workDir, "ran"))).toBe(false);
    expect(kernel.log.filter((m) => m.error !== undefined)).toEqual([]);
  });

  it("W-503 with a tool of the client open: TurnEnd, cancelled; the late result is ignored", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "ext"), say("after")] });
    const kernel = startKernel(workspace);
    await kernel.initialize({ external_tools: [EXT] });
    const id = kernel.request("prompt", { user_input: "go" });
    const request = await kernel.serverRequest("ToolCallRequest");
    const { after, prompt, ms } = await cancel(kernel, id);
    expect(types(after)).toEqual(["TurnEnd"]);
    expect(prompt.result).toEqual({ status: "cancelled" });
    expect(ms).toBeLessThan(BOUND_MS);
    kernel.answer(request, {
      tool_call_id: "t1",
      return_value: { is_error: false, output: "late", message: "", display: [] },
    });
    const turn = await runTurn(kernel, "next");
    expect(types(turn.messages)).toEqual(["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
    expect(wireTypes(workspace).slice(0, 5)).toEqual([
      ...["TurnBegin", "StepBegin", "ToolCall", "StatusUpdate", "ToolCallRequest"],
    ]);
  });

  it("W-504 an id that a cancelled call may still be answered under is not used for a new call", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [call("t1", "ext"), call("t1", "ext"), say("done")] }));
    await kernel.initialize({ external_tools: [EXT] });
    const id = kernel.request("prompt", { user_input: "go" });
    await kernel.serverRequest("ToolCallRequest");
    await cancel(kernel, id);
    const value = (output: string) => ({ is_error: false, output, message: "", display: [] });
    const turn = await runTurn(kernel, "next", (request) => {
      kernel.send({ id: "t1", result: { tool_call_id: "t1", return_value: value("late") } });
      kernel.answer(request, { tool_call_id: request.id, return_value: value("fresh") });
    });
    const request = turn.messages.find((m) => m.method === "request");
    expect(request?.id).not.toBe("t1");
    expect(request?.params?.payload.id).toBe(request?.id);
    const shown = turn.messages.find((m) => m.params?.type === "ToolCall");
    expect(shown?.params?.payload.id).toBe(request?.id);
    const result = turn.messages.find((m) => m.params?.type === "ToolResult")?.params?.payload;
    expect(result).toMatchObject({ tool_call_id: request?.id, return_value: { output: "fresh" } });
  });

  it("W-505 is repeatable while busy and refused while idle", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [shell("t1", "sleep 30")] }), { args: ["--yolo"] });
    expect((await kernel.call("cancel")).error).toMatchObject({
      code: -32000,
      message: "No agent turn is in progress",
    });
    const id = kernel.request("prompt", { user_input: "go" });
    await kernel.event("StatusUpdate");
    const ids = [kernel.request("cancel"), kernel.request("cancel", {}), kernel.request("cancel", null)];
    expect((await kernel.response(ids[0] as string)).result).toEqual({});
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    for (const each of ids.slice(1)) await kernel.response(each);
    expect((await kernel.call("cancel")).error?.code).toBe(-32000);
  });

  it("W-506 once TurnEnd is out it changes nothing: either answer, and the turn stays finished", async () => {
    const kernel = startKernel(createWorkspace({ scripts: Array.from({ length: 8 }, () => say("x")) }));
    for (let i = 0; i < 8; i++) {
      const id = kernel.request("prompt", { user_input: "go" });
      await kernel.event("TurnEnd");
      const late = kernel.request("cancel", {});
      expect((await kernel.response(id)).result).toEqual({ status: "finished" });
      const answer = await kernel.response(late);
      expect(answer.result ?? answer.error?.code).toEqual(answer.result === undefined ? -32000 : {});
    }
  });

  it("W-507 sent with the prompt in one write: TurnBegin and TurnEnd still come, in order, before the answer", async () => {
    const workspace = createWorkspace({ scripts: [shell("t1", "sleep 30")] });
    const kernel = startKernel(workspace, { args: ["--yolo"] });
    kernel.raw(
      '{"jsonrpc":"2.0","id":"p","method":"prompt","params":{"user_input":"go"}}\n{"jsonrpc":"2.0","id":"c","method":"cancel"}\n',
    );
    expect((await kernel.response("c")).result).toEqual({});
    const prompt = await kernel.response("p");
    expect(prompt.result).toEqual({ status: "cancelled" });
    const seen = types(kernel.log.slice(0, kernel.log.indexOf(prompt)));
    if (seen.length > 0) expect([seen[0], seen.at(-1)]).toEqual(["TurnBegin", "TurnEnd"]);
    expect(seen).not.toContain("StepInterrupted");
  });

  it("W-508 while waiting for a retry: at once, without StepInterrupted", async () => {
    // The first wait is so long that a cancel always falls into it.
    const model = await startFakeModelServer((_request, response) => {
      response.writeHead(500, { "retry-after": "60" }).end();
    });
    const loop_control = { max_retries_per_step: 2 };
    const kernel = startKernel(createWorkspace({ config: { ...modelAt(model.url), loop_control } }));
    const id = kernel.request("prompt", { user_input: "go" });
    expect(await kernel.event("StepRetry")).toMatchObject({ wait_s: 60 });
    const { after, prompt } = await cancel(kernel, id);
    expect(types(after)).toEqual(["TurnEnd"]);
    expect(prompt.result).toEqual({ status: "cancelled" });
    expect(model.seen).toHaveLength(1);
  });

  it("W-509 with several approvals open: each gets its ApprovalResponse before TurnEnd", async () => {
    const two = script(shell("t1", "echo 1"), shell("t2", "touch x"));
    const kernel = startKernel(createWorkspace({ scripts: [two] }));
    const id = kernel.request("prompt", { user_input: "go" });
    const first = await kernel.serverRequest("ApprovalRequest");
    const second = await kernel.serverRequest("ApprovalRequest");
    const { after } = await cancel(kernel, id);
    expect(types(after)).toEqual(["ApprovalResponse", "ApprovalResponse", "TurnEnd"]);
    expect(new Set(after.slice(0, 2).map((m) => m.params?.payload.request_id))).toEqual(new Set([first.id, second.id]));
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
