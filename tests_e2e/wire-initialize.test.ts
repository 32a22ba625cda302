/** The initialize method and the table of states: which method is allowed when. */
import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { call, say } from "./echo-scripts.js";
import { event } from "./expected-events.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { jsonLines, seedSession } from "./session-records.js";
import { runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const EXT = { name: "ext", description: "d", parameters: { type: "object" } };
const IN_PROGRESS = { code: -32000, message: "An agent turn is already in progress" };
const NO_TURN = { code: -32000, message: "No agent turn is in progress" };

/** The method's request with its least params. */
const LEAST: Record<string, unknown> = {
  initialize: { protocol_version: "1.10" },
  prompt: { user_input: "x" },
  steer: { user_input: "x" },
};

async function outcome(kernel: KernelProcess, method: string): Promise<unknown> {
  const answer = await kernel.call(method, LEAST[method]);
  return answer.error === undefined ? answer.result : { code: answer.error.code, message: answer.error.message };
}

describe("initialize", () => {
  it("W-001 names protocol and server, lists commands, and leaves out what it has nothing to say about", async () => {
    const kernel = startKernel(createWorkspace());
    const answer = await kernel.call("initialize", { protocol_version: "1.10" });
    expect(answer).toEqual({ jsonrpc: "2.0", id: answer.id, result: answer.result });
    const result = answer.result as Record<string, unknown>;
    expect(result.protocol_version).toBe("1.10");
    expect(result.server).toEqual({ name: expect.stringMatching(/./), version: expect.stringMatching(/^\d+\.\d+/) });
    expect(Array.isArray(result.slash_commands)).toBe(true);
    expect(result).not.toHaveProperty("external_tools");
    for (const key of ["external_tools", "hooks", "capabilities"]) expect(result[key]).not.toBeNull();
  });

  it("W-002 answers its own version whatever the client claims; client, hooks and capabilities may be sent", async () => {
    const kernel = startKernel(createWorkspace());
    const answer = await kernel.call("initialize", {
      protocol_version: "99.0",
      client: { name: "test", version: "1" },
      capabilities: { supports_question: true, supports_plan_mode: true, zz: 1 },
      hooks: [{ id: "h", event: "Bogus" }],
      external_tools: [],
      unknown: 1,
    });
    expect(answer.result?.protocol_version).toBe("1.10");
  });

  it("W-003 wrong params are -32602 and change nothing", async () => {
    const kernel = startKernel(createWorkspace());
    const wrong: unknown[] = [
      {},
      { protocol_version: 1 },
      null,
      [],
      { protocol_version: "1.10", external_tools: [{}] },
    ];
    for (const params of wrong) {
      const { error } = await kernel.call("initialize", params);
      expect(error, JSON.stringify(params)).toMatchObject({
        code: -32602,
        message: "Invalid parameters for method `initialize`",
      });
    }
    expect((await kernel.initialize()).error).toBeUndefined();
  });
});

describe("states", () => {
  it("W-011 idle, initialised or not: initialize, prompt and replay run; steer and cancel have no turn", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("a"), say("b")] }));
    for (const round of ["before", "after"]) {
      expect(await outcome(kernel, "steer"), round).toEqual(NO_TURN);
      expect(await outcome(kernel, "cancel"), round).toEqual(NO_TURN);
      expect(await outcome(kernel, "replay"), round).toMatchObject({ status: "finished" });
      expect(await outcome(kernel, "prompt"), round).toEqual({ status: "finished" });
      expect(await outcome(kernel, "initialize"), round).toMatchObject({ protocol_version: "1.10" });
    }
    expect(await outcome(kernel, "initialize")).toMatchObject({ protocol_version: "1.10" });
  });

  it("W-012 a turn runs: initialize, prompt and replay are refused, steer and cancel answered", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [call("t1", "ext")] }));
    await kernel.initialize({ external_tools: [EXT] });
    const id = kernel.request("prompt", { user_input: "go" });
    await kernel.serverRequest("ToolCallRequest");
    for (const method of ["initialize", "prompt", "replay"]) {
      expect(await outcome(kernel, method), method).toEqual(IN_PROGRESS);
    }
    expect(await outcome(kernel, "steer")).toEqual({ status: "steered" });
    expect(await outcome(kernel, "cancel")).toEqual({});
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
  });

  it("W-013 a replay runs: initialize, prompt and replay are refused, steer is lost, cancel stops it", async () => {
    const workspace = createWorkspace({ scripts: [say("x")] });
    const id = randomUUID();
    const records = 4_000;
    const text = "r".repeat(2_000);
    const message = { type: "ContentPart", payload: { type: "text", text } };
    seedSession(workspace, id, {
      "context.jsonl": jsonLines([{ role: "_system_prompt", content: "You help." }]),
      "wire.jsonl": jsonLines([
        { type: "metadata", protocol_version: "1.10" },
        ...Array.from({ length: records }, () => ({ timestamp: 1.5, message })),
      ]),
    });
    const kernel = startKernel(workspace, { args: ["--session", id] });
    const methods = ["initialize", "prompt", "replay", "steer", "set_plan_mode", "cancel"];
    const burst = ["replay", ...methods].map((method, i) => {
      const params = method === "set_plan_mode" ? { enabled: true } : LEAST[method];
      return `${JSON.stringify({ jsonrpc: "2.0", id: `b${i}`, method, ...(params === undefined ? {} : { params }) })}\n`;
    });
    kernel.raw(burst.join(""));
    const answers: Message[] = [];
    for (const [i] of burst.entries()) answers.push(await kernel.response(`b${i}`));
    const [replay, initialize, prompt, second, steer, plan, cancel] = answers;
    for (const refused of [initialize, prompt, second]) expect(refused?.error).toMatchObject(IN_PROGRESS);
    expect(steer?.result).toEqual({ status: "steered" });
    expect(plan?.result).toEqual({ status: "ok", plan_mode: true });
    expect(cancel?.result).toEqual({});
    const sent = types(kernel.log).length;
    // The one event that is not of the replay tells of plan mode.
    expect(replay?.result).toEqual({ status: "cancelled", events: sent - 1, requests: 0 });
    expect(sent).toBeLessThan(records);
    expect((await runTurn(kernel, "after")).messages[0]).toEqual(event("TurnBegin", { user_input: "after" }));
    expect(types(kernel.log.slice(sent))).not.toContain("SteerInput");
  });

  it("W-014 a burst in one write: the prompt runs, what comes behind it is refused, each has one answer", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [call("t1", "ext")] }));
    await kernel.initialize({ external_tools: [EXT] });
    const line = (id: string, method: string) =>
      `${JSON.stringify({ jsonrpc: "2.0", id, method, params: LEAST[method] ?? {} })}\n`;
    kernel.raw(line("p", "prompt") + line("i", "initialize") + line("r", "replay") + line("c", "cancel"));
    expect((await kernel.response("i")).error).toMatchObject(IN_PROGRESS);
    expect((await kernel.response("r")).error).toMatchObject(IN_PROGRESS);
    expect((await kernel.response("c")).result).toEqual({});
    expect((await kernel.response("p")).result).toEqual({ status: "cancelled" });
    for (const id of ["p", "i", "r", "c"]) expect(kernel.log.filter((m) => m.id === id)).toHaveLength(1);
  });

  it("W-015 unknown methods, and those that only a kernel may send, are -32601", async () => {
    const kernel = startKernel(createWorkspace());
    for (const method of ["nope", "event", "request"]) {
      expect((await kernel.call(method, {})).error).toMatchObject({
        code: -32601,
        message: `Unexpected method received: ${method}`,
      });
    }
  });
});
