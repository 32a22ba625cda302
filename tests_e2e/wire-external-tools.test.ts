/** Tools of the client: registration, ToolCallRequest, what comes back. */
import { describe, expect, it } from "vitest";
import { call, say, script } from "./echo-scripts.js";
import { event, failure, status, textPart, toolCall, toolResult } from "./expected-events.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { conversation } from "./session-records.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const ECHO = {
  name: "ext",
  description: "Says it back.",
  parameters: { type: "object", properties: { p: { type: "string" } } },
};

function ok(kernel: KernelProcess, request: Message, value: Record<string, unknown> = {}): void {
  const result = { is_error: false, output: "o", message: "", display: [], ...value };
  kernel.answer(request, { tool_call_id: request.id, return_value: result });
}

function toolsOf(answer: Message): unknown {
  return answer.result?.external_tools;
}

describe("external tools", () => {
  it("W-301 a call goes to the client without an approval and its value comes back as it is", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [call("t1", "ext", { p: "x" }), say("done")] }));
    expect(toolsOf(await kernel.initialize({ external_tools: [ECHO] }))).toEqual({ accepted: ["ext"], rejected: [] });
    const value = {
      is_error: true,
      output: [{ type: "text", text: "o" }],
      message: "m",
      display: [
        { type: "brief", text: "b" },
        { type: "custom", foo: 1 },
      ],
      extras: { a: 1 },
    };
    const turn = await runTurn(kernel, "go", (request) => ok(kernel, request, value));
    expect(turn.messages).toEqual([
      event("TurnBegin", { user_input: "go" }),
      event("StepBegin", { n: 1 }),
      toolCall("t1", "ext", '{"p":"x"}'),
      status,
      {
        jsonrpc: "2.0",
        method: "request",
        id: "t1",
        params: { type: "ToolCallRequest", payload: { id: "t1", name: "ext", arguments: '{"p":"x"}' } },
      },
      toolResult("t1", {
        ...value,
        display: [
          { type: "brief", text: "b" },
          { type: "custom", data: { foo: 1 } },
        ],
      }),
      event("StepBegin", { n: 2 }),
      textPart("done"),
      status,
      event("TurnEnd"),
    ]);
  });

  it("W-302 an error answer is a tool error with the client's message", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [call("t1", "ext"), say("done")] }));
    await kernel.initialize({ external_tools: [ECHO] });
    const turn = await runTurn(kernel, "go", (request) =>
      kernel.send({ id: request.id as string, error: { code: 5, message: "client boom" } }),
    );
    expect(payloads(turn.messages, "ToolResult")).toEqual([
      { tool_call_id: "t1", return_value: failure("client boom", "External tool error") },
    ]);
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("W-303 an answer of a wrong shape is a tool error", async () => {
    const wrong: unknown[] = [{ nope: 1 }, null, "o", { tool_call_id: "t", return_value: { is_error: "no" } }];
    const scripts = wrong.flatMap((_, i) => [call(`t${i}`, "ext"), say("done")]);
    const kernel = startKernel(createWorkspace({ scripts }));
    await kernel.initialize({ external_tools: [ECHO] });
    for (const answer of wrong) {
      const turn = await runTurn(kernel, "go", (request) => kernel.answer(request, answer));
      expect(payloads(turn.messages, "ToolResult")[0]?.return_value, JSON.stringify(answer)).toEqual(
        failure("Invalid tool result payload from client.", "Invalid tool result"),
      );
    }
  });

  it("W-304 arguments that do not fit the schema are refused before the client is asked", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [call("t1", "ext", { p: 1 }), say("done")] }));
    await kernel.initialize({ external_tools: [ECHO] });
    const turn = await runTurn(kernel, "go");
    expect(types(turn.messages)).not.toContain("request:ToolCallRequest");
    expect(payloads(turn.messages, "ToolResult")[0]?.return_value).toMatchObject({
      is_error: true,
      message: expect.stringMatching(/^Error validating JSON arguments: ./),
      display: [{ type: "brief", text: "Invalid arguments" }],
    });
    expect(payloads(turn.messages, "StepBegin")).toHaveLength(2);
  });

  it("W-305 a name twice in one call is accepted twice and the last definition holds; so does a later registration", async () => {
    const loose = { ...ECHO, parameters: { type: "object", properties: { p: { type: "number" } } } };
    const scripts = [call("t1", "ext", { p: 1 }), say("a"), call("t2", "ext", { p: 1 }), say("b")];
    const kernel = startKernel(createWorkspace({ scripts }));
    const both = await kernel.initialize({ external_tools: [ECHO, loose] });
    expect(toolsOf(both)).toEqual({ accepted: ["ext", "ext"], rejected: [] });
    expect(types((await runTurn(kernel, "go", (r) => ok(kernel, r))).messages)).toContain("request:ToolCallRequest");
    expect(toolsOf(await kernel.initialize({ external_tools: [ECHO] }))).toEqual({ accepted: ["ext"], rejected: [] });
    expect(types((await runTurn(kernel, "go", (r) => ok(kernel, r))).messages)).not.toContain(
      "request:ToolCallRequest",
    );
  });

  it("W-306 names of built-in tools are refused", async () => {
    const kernel = startKernel(createWorkspace());
    const answer = await kernel.initialize({ external_tools: [{ ...ECHO, name: "Shell" }, ECHO] });
    expect(toolsOf(answer)).toEqual({
      accepted: ["ext"],
      rejected: [{ name: "Shell", reason: "conflicts with builtin tool" }],
    });
  });

  it("W-307 a definition whose parameters are no JSON Schema is refused with a reason, the others are taken", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [call("t1", "bad"), say("done")] }));
    const answer = await kernel.initialize({
      external_tools: [{ ...ECHO, name: "bad", parameters: { type: "nope" } }, ECHO],
    });
    expect(toolsOf(answer)).toEqual({
      accepted: ["ext"],
      rejected: [{ name: "bad", reason: expect.stringMatching(/./) }],
    });
    const turn = await runTurn(kernel, "go");
    expect(payloads(turn.messages, "ToolResult")[0]?.return_value).toEqual(
      failure("Tool `bad` not found", "Tool `bad` not found"),
    );
  });

  it("W-308 a call without arguments counts as an empty object", async () => {
    const strict = { ...ECHO, parameters: { type: "object", properties: {}, additionalProperties: false } };
    const kernel = startKernel(createWorkspace({ scripts: [call("t1", "ext", null), say("done")] }));
    await kernel.initialize({ external_tools: [strict] });
    let asked: unknown;
    const turn = await runTurn(kernel, "go", (request) => {
      asked = request.params?.payload.arguments;
      ok(kernel, request);
    });
    expect([null, "", "{}"]).toContain(asked);
    expect(payloads(turn.messages, "ToolResult")[0]?.return_value).toMatchObject({ is_error: false, output: "o" });
  });

  it("W-309 the JSON-RPC id binds the result, whatever tool_call_id says", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [call("t1", "ext"), say("done")] }));
    await kernel.initialize({ external_tools: [ECHO] });
    const turn = await runTurn(kernel, "go", (request) => {
      const value = { is_error: false, output: "mine", message: "", display: [] };
      kernel.answer(request, { tool_call_id: "zz", return_value: value });
    });
    expect(payloads(turn.messages, "ToolResult")).toEqual([
      { tool_call_id: "t1", return_value: { is_error: false, output: "mine", message: "", display: [], extras: null } },
    ]);
  });

  it("W-310 two calls are open at once; results come as answered, the context keeps call order", async () => {
    const workspace = createWorkspace({
      scripts: [script(call("t1", "ext", { p: "1" }), call("t2", "ext", { p: "2" })), say("done")],
    });
    const kernel = startKernel(workspace);
    await kernel.initialize({ external_tools: [ECHO] });
    const open: Message[] = [];
    const turn = await runTurn(kernel, "go", async (request) => {
      open.push(request);
      if (open.length < 2) return;
      ok(kernel, open[1] as Message, { output: "second" });
      await kernel.find((m) => m.params?.type === "ToolResult", "the first result");
      ok(kernel, open[0] as Message, { output: "first" });
    });
    expect(open.map((request) => request.id)).toEqual(["t1", "t2"]);
    expect(payloads(turn.messages, "ToolResult").map((p) => p.tool_call_id)).toEqual(["t2", "t1"]);
    expect(conversation(workspace).filter((line) => line.role === "tool")).toEqual([
      { role: "tool", tool_call_id: "t1", content: "first" },
      { role: "tool", tool_call_id: "t2", content: "second" },
    ]);
  });

  it("W-311 what the model reads: message as a system note, then the output; a note when there is neither", async () => {
    const calls = script(...["1", "2", "3", "4"].map((n) => call(`t${n}`, "ext", { p: n })));
    const workspace = createWorkspace({ scripts: [calls, say("done")] });
    const kernel = startKernel(workspace);
    await kernel.initialize({ external_tools: [ECHO] });
    const values: Record<string, Record<string, unknown>> = {
      t1: { output: "out", message: "note" },
      t2: { output: "", message: "" },
      t3: { output: "why", message: "bad", is_error: true },
      t4: { output: [{ type: "text", text: "part" }], message: "note" },
    };
    await runTurn(kernel, "go", (request) => ok(kernel, request, values[String(request.id)]));
    const text = (value: string) => ({ type: "text", text: value });
    expect(conversation(workspace).filter((line) => line.role === "tool")).toEqual([
      { role: "tool", tool_call_id: "t1", content: [text("<system>note</system>"), text("out")] },
      { role: "tool", tool_call_id: "t2", content: "<system>Tool output is empty.</system>" },
      { role: "tool", tool_call_id: "t3", content: [text("<system>ERROR: bad</system>"), text("why")] },
      { role: "tool", tool_call_id: "t4", content: [text("<system>note</system>"), text("part")] },
    ]);
  });
});
