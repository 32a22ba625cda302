/** Steering a running turn: when it enters, what it forces, and that none is lost. */
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { event } from "./expected-events.js";
import { type Message, startKernel } from "./kernel-process.js";
import { conversation } from "./session-records.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const EXT = { name: "ext", description: "d", parameters: { type: "object" } };
const VALUE = { is_error: false, output: "o", message: "", display: [] };

describe("steer", () => {
  it("W-701 text and parts enter after the tools of the step, in order, before the next StepBegin", async () => {
    const workspace = createWorkspace({ scripts: [script(say("w"), call("t1", "ext")), say("after")] });
    const kernel = startKernel(workspace);
    await kernel.initialize({ external_tools: [EXT] });
    const parts = [{ type: "text", text: "do B" }];
    const turn = await runTurn(kernel, "go", async (request) => {
      expect((await kernel.call("steer", { user_input: "do A" })).result).toEqual({ status: "steered" });
      expect((await kernel.call("steer", { user_input: parts })).result).toEqual({ status: "steered" });
      kernel.answer(request, { tool_call_id: "t1", return_value: VALUE });
    });
    expect(types(turn.messages).slice(5)).toEqual([
      ...["request:ToolCallRequest", "ToolResult", "SteerInput", "SteerInput", "StepBegin"],
      ...["ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(payloads(turn.messages, "SteerInput")).toEqual([{ user_input: "do A" }, { user_input: parts }]);
    expect(conversation(workspace).slice(3)).toEqual([
      {
        role: "assistant",
        content: "w",
        tool_calls: [{ type: "function", id: "t1", function: { name: "ext", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "t1", content: "o" },
      { role: "user", content: "do A" },
      { role: "user", content: "do B" },
      { role: "_checkpoint", id: 2 },
      { role: "assistant", content: "after" },
    ]);
  });

  it("W-702 a picture the model cannot see ends the turn with -32002: TurnEnd, no StepInterrupted", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [call("t1", "ext"), say("never")] }));
    await kernel.initialize({ external_tools: [EXT] });
    const turn = await runTurn(kernel, "go", async (request) => {
      const image = [{ type: "image_url", image_url: { url: "data:,a" } }];
      expect((await kernel.call("steer", { user_input: image })).result).toEqual({ status: "steered" });
      kernel.answer(request, { tool_call_id: "t1", return_value: VALUE });
    });
    expect(types(turn.messages).slice(-2)).toEqual(["ToolResult", "TurnEnd"]);
    expect(turn.response.error).toMatchObject({
      code: -32002,
      message: "LLM model 'scripted_echo' does not support required capability: image_in.",
    });
  });

  it("W-703 while idle it is refused, with wrong params too", async () => {
    const kernel = startKernel(createWorkspace());
    expect((await kernel.call("steer", { user_input: "x" })).error).toMatchObject({
      code: -32000,
      message: "No agent turn is in progress",
    });
    const wrong = await kernel.call("steer", { user_input: 5 });
    expect(wrong.error).toMatchObject({ code: -32602, message: "Invalid parameters for method `steer`" });
  });

  it("W-704 a slash command in a steer is text", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "ext"), say("after")] });
    const kernel = startKernel(workspace);
    await kernel.initialize({ external_tools: [EXT] });
    const turn = await runTurn(kernel, "go", async (request) => {
      await kernel.call("steer", { user_input: "/clear" });
      kernel.answer(request, { tool_call_id: "t1", return_value: VALUE });
    });
    expect(turn.messages).toContainEqual(event("SteerInput", { user_input: "/clear" }));
    expect(conversation(workspace)).toContainEqual({ role: "user", content: "/clear" });
  });

  it("W-705 after a rejection it keeps the turn going", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [shell("t1", "echo 1"), say("went on")] }));
    const turn = await runTurn(kernel, "go", async (request) => {
      await kernel.call("steer", { user_input: "try without" });
      kernel.approve(request, "reject");
    });
    expect(types(turn.messages).slice(6)).toEqual([
      ...["ToolResult", "SteerInput", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
  });

  it("W-706 none is accepted and lost, however late: accepted means a SteerInput and another step", async () => {
    const kernel = startKernel(createWorkspace({ scripts: Array.from({ length: 40 }, () => say("x")) }));
    for (let i = 0; i < 10; i++) {
      const start = kernel.log.length;
      const id = kernel.request("prompt", { user_input: `go ${i}` });
      const trigger = i % 2 === 0 ? "ContentPart" : "StatusUpdate";
      await kernel.event(trigger);
      const steered = kernel.request("steer", { user_input: `late ${i}` });
      const prompt = await kernel.response(id);
      const answer = await kernel.response(steered);
      expect(prompt.result).toEqual({ status: "finished" });
      const seen = kernel.log.slice(start, kernel.log.indexOf(prompt)).filter((m: Message) => m.method === "event");
      const accepted = answer.result?.status === "steered";
      expect(payloads(seen, "SteerInput")).toHaveLength(accepted ? 1 : 0);
      expect(payloads(seen, "StepBegin")).toHaveLength(accepted ? 2 : 1);
      if (!accepted) expect(answer.error).toMatchObject({ code: -32000, message: "No agent turn is in progress" });
    }
  });
});
