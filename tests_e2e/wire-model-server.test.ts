/** The kernel over HTTP, against a fake OpenAI-compatible server: streaming, cancel, failures, a stable prompt prefix. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PLAIN_STATUS } from "./expected-events.js";
import { closedPort, modelAt } from "./fake-model-server.js";
import { startKernel } from "./kernel-process.js";
import {
  argumentsDelta,
  type ChatBody,
  callDelta,
  callReply,
  finish,
  gate,
  type Reply,
  startModelServer,
  textDelta,
  textReply,
} from "./model-server.js";
import { conversation, jsonLines, seedSession } from "./session-records.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const never = (): Promise<void> => new Promise<void>(() => {});
const EXT = { name: "ext", description: "d", parameters: { type: "object" } };

async function setUp(replies: readonly Reply[], args: readonly string[] = []) {
  const server = await startModelServer(replies);
  const workspace = createWorkspace({ config: server.config() });
  return { server, workspace, kernel: startKernel(workspace, { args }) };
}

/** The messages as one text without its closing bracket, so that a longer list begins with a shorter one. */
function openList(messages: ChatBody["messages"]): string {
  return JSON.stringify(messages).slice(0, -1);
}

function expectPrefix(shorter: ChatBody, longer: ChatBody): void {
  expect(openList(longer.messages).startsWith(openList(shorter.messages))).toBe(true);
  expect(JSON.stringify(longer.tools)).toBe(JSON.stringify(shorter.tools));
}

describe("streaming", () => {
  it("W-801 a delta is an event as soon as it comes, one each, never merged", async () => {
    const hold = gate();
    const { kernel } = await setUp([[textDelta("Hel"), textDelta("lo"), hold.held, textDelta("!"), ...finish("stop")]]);
    const id = kernel.request("prompt", { user_input: "hi" });
    expect(await kernel.event("ContentPart")).toEqual({ type: "text", text: "Hel" });
    expect(await kernel.event("ContentPart")).toEqual({ type: "text", text: "lo" });
    expect(kernel.log.some((m) => m.id === id)).toBe(false);
    hold.open();
    expect(await kernel.event("ContentPart")).toEqual({ type: "text", text: "!" });
    expect((await kernel.response(id)).result).toEqual({ status: "finished" });
    expect(types(kernel.log)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ContentPart", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
  });

  it("W-802 a call streamed in pieces is ToolCall and ToolCallParts; it runs once, after the stream has ended", async () => {
    const hold = gate();
    const pieces = [callDelta("c1", "ext"), argumentsDelta('{"p":'), argumentsDelta('"x"}'), hold.held];
    const { kernel } = await setUp([[...pieces, ...finish("tool_calls")], textReply("done")]);
    await kernel.initialize({ external_tools: [EXT] });
    const id = kernel.request("prompt", { user_input: "hi" });
    await kernel.event("ToolCallPart");
    await kernel.event("ToolCallPart");
    expect(types(kernel.log)).not.toContain("request:ToolCallRequest");
    hold.open();
    const request = await kernel.serverRequest("ToolCallRequest");
    expect(request.params?.payload).toEqual({ id: request.id, name: "ext", arguments: '{"p":"x"}' });
    kernel.answer(request, {
      tool_call_id: request.id,
      return_value: { is_error: false, output: "o", message: "", display: [] },
    });
    expect((await kernel.response(id)).result).toEqual({ status: "finished" });
    const [first] = payloads(kernel.log, "ToolCall");
    expect(first).toMatchObject({ type: "function", id: request.id, function: { name: "ext" } });
    const joined = payloads(kernel.log, "ToolCallPart").map((p) => p.arguments_part ?? "");
    expect(`${(first?.function as { arguments: string | null } | undefined)?.arguments ?? ""}${joined.join("")}`).toBe(
      '{"p":"x"}',
    );
  });

  it("W-803 usage of the last chunk is in StatusUpdate, cached tokens apart", async () => {
    const usage = { prompt_tokens: 120, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 100 } };
    const { kernel } = await setUp([[textDelta("a"), ...finish("stop", usage)]]);
    const turn = await runTurn(kernel, "hi");
    expect(payloads(turn.messages, "StatusUpdate")).toEqual([
      {
        ...PLAIN_STATUS,
        context_usage: 0.0012,
        context_tokens: 120,
        max_context_tokens: 100_000,
        token_usage: { input_other: 20, output: 7, input_cache_read: 100, input_cache_creation: 0 },
        message_id: expect.anything(),
      },
    ]);
  });

  it("W-804 a held stream steered: the turn would end, the steer makes another step that the model sees", async () => {
    const hold = gate();
    const { kernel, server } = await setUp([[textDelta("a"), hold.held, ...finish("stop")], textReply("b")]);
    const id = kernel.request("prompt", { user_input: "hi" });
    await kernel.event("ContentPart");
    expect((await kernel.call("steer", { user_input: "and this" })).result).toEqual({ status: "steered" });
    hold.open();
    expect((await kernel.response(id)).result).toEqual({ status: "finished" });
    expect(types(kernel.log).slice(2)).toEqual([
      ...["ContentPart", "StatusUpdate", "SteerInput", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(server.requests[1]?.body.messages.at(-1)).toMatchObject({ role: "user", content: "and this" });
  });

  it("W-805 cancel in mid-stream closes the HTTP stream and answers at once; only the user message is kept", async () => {
    const { kernel, server, workspace } = await setUp([[textDelta("half"), never()], textReply("next")]);
    const id = kernel.request("prompt", { user_input: "hi" });
    await kernel.event("ContentPart");
    const start = Date.now();
    expect((await kernel.call("cancel")).result).toEqual({});
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(Date.now() - start).toBeLessThan(1_000);
    expect(await (await server.request(0)).closed).toBe(true);
    expect(types(kernel.log)).toEqual(["TurnBegin", "StepBegin", "ContentPart", "TurnEnd"]);
    expect(conversation(workspace)).toEqual([
      { role: "_checkpoint", id: 0 },
      { role: "user", content: "hi" },
      { role: "_checkpoint", id: 1 },
    ]);
    expect((await runTurn(kernel, "on")).response.result).toEqual({ status: "finished" });
    expect(server.requests[1]?.body.messages.map((m) => m.role)).toEqual(["system", "user", "user"]);
  });

  it("W-806 cancel before the first byte of the reply", async () => {
    const { kernel, server } = await setUp([[never()]]);
    const id = kernel.request("prompt", { user_input: "hi" });
    const request = await server.request(0);
    expect((await kernel.call("cancel")).result).toEqual({});
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(await request.closed).toBe(true);
    expect(types(kernel.log)).toEqual(["TurnBegin", "StepBegin", "TurnEnd"]);
  });
});

describe("failures of the server", () => {
  it("W-811 401 is not retried and its message is the error's, verbatim", async () => {
    const body = { error: { message: "Incorrect API key provided: sk-no.", type: "invalid_request_error" } };
    const { kernel, server } = await setUp([{ status: 401, body }]);
    const turn = await runTurn(kernel, "hi");
    expect(turn.response.error).toMatchObject({ code: -32003 });
    expect(turn.response.error?.message).toBe("Incorrect API key provided: sk-no.");
    expect(types(turn.messages)).toEqual(["TurnBegin", "StepBegin", "StepInterrupted", "TurnEnd"]);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]?.headers.authorization).toBe("Bearer sk-test");
  });

  it("W-812 500, then a reply: StepRetry, and the second request is the first again", async () => {
    const { kernel, server } = await setUp([{ status: 500, body: { error: { message: "oops" } } }, textReply("ok")]);
    const turn = await runTurn(kernel, "hi");
    expect(types(turn.messages)).toEqual([
      ...["TurnBegin", "StepBegin", "StepRetry", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(payloads(turn.messages, "StepRetry")[0]).toMatchObject({
      n: 1,
      next_attempt: 2,
      max_attempts: 3,
      error_type: "APIStatusError",
      status_code: 500,
    });
    expect(server.requests[1]?.text).toBe(server.requests[0]?.text);
  });

  it("W-813 a stream that is cut inside a call: StepRetry, the call does not run, the next attempt's does", async () => {
    const cutCall = [textDelta("a"), callDelta("c1", "Shell", '{"command":"touch first"}'), "cut"] as const;
    const again = callReply("c2", "Shell", { command: "touch second" });
    const { kernel, workspace } = await setUp([[...cutCall], again, textReply("done")], ["--yolo"]);
    const turn = await runTurn(kernel, "hi");
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(payloads(turn.messages, "StepRetry")).toHaveLength(1);
    expect(payloads(turn.messages, "ToolResult")).toHaveLength(1);
    expect(payloads(turn.messages, "StepBegin")).toEqual([{ n: 1 }, { n: 2 }]);
    expect(existsSync(join(workspace.workDir, "first"))).toBe(false);
    expect(existsSync(join(workspace.workDir, "second"))).toBe(true);
    const kept = conversation(workspace).find((line) => line.role === "assistant");
    expect(JSON.stringify(kept)).not.toContain("touch first");
  });

  it("W-814 a stream that ends without a finish reason counts as cut", async () => {
    const { kernel } = await setUp([[textDelta("half")], textReply("whole")]);
    const turn = await runTurn(kernel, "hi");
    expect(types(turn.messages)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "StepRetry", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
  });

  it("W-815 a call cut by the length limit is not run and the model is told", async () => {
    const half = [callDelta("c1", "Shell", '{"command":"touch ra'), ...finish("length")];
    const { kernel, workspace, server } = await setUp([half, textReply("done")], ["--yolo"]);
    const turn = await runTurn(kernel, "hi");
    expect(payloads(turn.messages, "ToolResult")[0]).toMatchObject({ return_value: { is_error: true } });
    expect(existsSync(join(workspace.workDir, "ra"))).toBe(false);
    const call = server.requests[1]?.body.messages.find((m) => m.role === "assistant");
    expect(JSON.stringify(call?.tool_calls)).toContain('"arguments":"{}"');
  });

  it("W-816 nobody listens: retried as a connection error, then -32003", async () => {
    const config = modelAt(`http://127.0.0.1:${await closedPort()}/v1`);
    const kernel = startKernel(createWorkspace({ config }), { args: ["--max-retries-per-step", "2"] });
    const turn = await runTurn(kernel, "hi");
    expect(types(turn.messages)).toEqual(["TurnBegin", "StepBegin", "StepRetry", "StepInterrupted", "TurnEnd"]);
    expect(payloads(turn.messages, "StepRetry")[0]).toMatchObject({
      error_type: "APIConnectionError",
      status_code: null,
    });
    expect(turn.response.error?.code).toBe(-32003);
  });
});

describe("the prompt", () => {
  const todo = (n: number) => callReply(`c${n}`, "SetTodoList", { todos: [{ title: `t${n}`, status: "pending" }] });

  it("W-821 each request of a tool loop begins with the one before, byte for byte; tools are the same text", async () => {
    const replies = [todo(1), todo(2), todo(3), todo(4), todo(5), textReply("done"), textReply("more")];
    const { kernel, server } = await setUp(replies);
    await kernel.initialize({ external_tools: [EXT] });
    await runTurn(kernel, "hi");
    await runTurn(kernel, "again");
    expect(server.requests).toHaveLength(7);
    for (let n = 1; n < server.requests.length; n++) {
      expectPrefix(server.requests[n - 1]?.body as ChatBody, server.requests[n]?.body as ChatBody);
    }
    const roles = server.requests[5]?.body.messages.map((m) => m.role).join(" ");
    expect(roles).toBe(`system user${" assistant tool".repeat(5)}`);
  });

  it("W-822 system text and tools are the same in another session, and hold no time of day", async () => {
    const { kernel, server, workspace } = await setUp([textReply("a"), textReply("b")]);
    await runTurn(kernel, "hi");
    await runTurn(startKernel(workspace), "something else");
    const [first, second] = server.requests.map((request) => request.body);
    expect(second?.messages[0]).toEqual(first?.messages[0]);
    expect(JSON.stringify(second?.tools)).toBe(JSON.stringify(first?.tools));
    const fixed = JSON.stringify([first?.messages[0], first?.tools]);
    expect(fixed).not.toMatch(/\d{1,2}:\d{2}/);
    expect(fixed).not.toMatch(/\b1[6-9]\d{8}\b/);
  });

  it("W-823 the tools are listed in their order, and what the kernel cannot do yet is not listed", async () => {
    const { kernel, server } = await setUp([textReply("a")]);
    await kernel.initialize({ external_tools: [EXT] });
    await runTurn(kernel, "hi");
    const names = server.requests[0]?.body.tools?.map((tool) => tool.function.name) ?? [];
    const order = ["SetTodoList", "Shell", "ReadFile", "Glob", "Grep", "WriteFile", "StrReplaceFile", "FetchURL"];
    expect(names.filter((name) => order.includes(name))).toEqual(order);
    expect(names).toContain("ext");
    for (const later of ["AskUserQuestion", "EnterPlanMode", "ExitPlanMode", "SearchWeb", "ReadMediaFile"]) {
      expect(names).not.toContain(later);
    }
  });

  it("W-824 a resumed session sends the prefix it had", async () => {
    const { kernel, server, workspace } = await setUp([todo(1), textReply("a"), textReply("b")]);
    await runTurn(kernel, "hi");
    await kernel.close();
    await runTurn(startKernel(workspace, { args: ["--continue"] }), "on");
    expectPrefix(server.requests[1]?.body as ChatBody, server.requests[2]?.body as ChatBody);
  });

  it("W-825 a history with calls that never got a result is repaired before the model sees it", async () => {
    const server = await startModelServer([textReply("a")]);
    const workspace = createWorkspace({ config: server.config() });
    const id = randomUUID();
    const call = (name: string) => ({ type: "function", id: name, function: { name: "Shell", arguments: "{}" } });
    seedSession(workspace, id, {
      "wire.jsonl": jsonLines([{ type: "metadata", protocol_version: "1.10" }]),
      "context.jsonl": jsonLines([
        { role: "_system_prompt", content: "You help." },
        { role: "_checkpoint", id: 0 },
        { role: "user", content: "hi" },
        { role: "_checkpoint", id: 1 },
        { role: "assistant", content: "x", tool_calls: [call("t1"), call("t2")] },
        { role: "tool", tool_call_id: "t1", content: "done" },
      ]),
    });
    const turn = await runTurn(startKernel(workspace, { args: ["--session", id] }), "on");
    expect(turn.response.result).toEqual({ status: "finished" });
    const messages = server.requests[0]?.body.messages ?? [];
    expect(messages[0]).toMatchObject({ role: "system", content: "You help." });
    expect(messages.map((m) => m.role)).toEqual(["system", "user", "assistant", "tool", "tool", "user"]);
    expect(messages.filter((m) => m.role === "tool").map((m) => m.tool_call_id)).toEqual(["t1", "t2"]);
  });

  it("W-826 tool results reach the model in call order, message and output, under their ids", async () => {
    const shellCall = callReply("c1", "Shell", { command: "echo 1" });
    const { kernel, server } = await setUp([shellCall, textReply("done")], ["--yolo"]);
    await runTurn(kernel, "hi");
    const [assistant, tool] = server.requests[1]?.body.messages.slice(-2) ?? [];
    expect(assistant?.tool_calls?.[0]?.id).toBe(tool?.tool_call_id);
    const text = JSON.stringify(tool?.content);
    expect(text).toContain("<system>Command executed successfully.</system>");
    expect(text).toContain("1\\n");
  });

  it("W-827 without approval answers nothing reaches the model; a rejection is told in the next turn's history", async () => {
    const shellCall = callReply("c1", "Shell", { command: "echo 1" });
    const { kernel, server } = await setUp([shellCall, textReply("next")]);
    await runTurn(kernel, "hi", (request) => {
      expect(server.requests).toHaveLength(1);
      kernel.approve(request, "reject");
    });
    expect(server.requests).toHaveLength(1);
    await runTurn(kernel, "on");
    const messages = server.requests[1]?.body.messages ?? [];
    expect(messages.map((m) => m.role)).toEqual(["system", "user", "assistant", "tool", "user"]);
    expect(JSON.stringify(messages[3]?.content)).toContain("The tool call is rejected by the user.");
  });

  it("W-828 the request of a compaction begins as the one before did, with the same tools", async () => {
    const { kernel, server } = await setUp([
      textReply("one"),
      textReply("two"),
      textReply("SUMMARY"),
      textReply("three"),
    ]);
    await runTurn(kernel, "a");
    await runTurn(kernel, "b");
    expect((await runTurn(kernel, "/compact")).response.result).toEqual({ status: "finished" });
    const [first, second, summary] = server.requests.map((request) => request.body) as [ChatBody, ChatBody, ChatBody];
    expectPrefix(first, summary);
    expect(summary.messages[0]).toEqual(second.messages[0]);
    await runTurn(kernel, "c");
    const after = server.requests[3]?.body as ChatBody;
    expect(after.messages[0]).toEqual(first.messages[0]);
    expect(JSON.stringify(after.tools)).toBe(JSON.stringify(first.tools));
    expect(JSON.stringify(after.messages)).toContain("SUMMARY");
  });

  it("W-829 cancel while the summary is made: CompactionEnd, TurnEnd, cancelled, the conversation as it was", async () => {
    const { kernel, server, workspace } = await setUp([textReply("one"), textReply("two"), [never()], textReply("go")]);
    await runTurn(kernel, "a");
    await runTurn(kernel, "b");
    const before = conversation(workspace);
    const start = kernel.log.length;
    const id = kernel.request("prompt", { user_input: "/compact" });
    const request = await server.request(2);
    expect((await kernel.call("cancel")).result).toEqual({});
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(types(kernel.log.slice(start))).toEqual(["TurnBegin", "CompactionBegin", "CompactionEnd", "TurnEnd"]);
    expect(await request.closed).toBe(true);
    expect(conversation(workspace)).toEqual(before);
    expect((await runTurn(kernel, "on")).response.result).toEqual({ status: "finished" });
  });
});
