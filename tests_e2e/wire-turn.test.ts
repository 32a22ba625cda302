/** A turn without side effects: order, envelopes, deltas, usage, echo of the input. */
import { describe, expect, it } from "vitest";
import { call, say, script, usage } from "./echo-scripts.js";
import { event, PLAIN_STATUS, status, textPart, toolCall } from "./expected-events.js";
import { startKernel } from "./kernel-process.js";
import { conversation, wireRecords } from "./session-records.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const PLAIN = ["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"];

describe("a turn", () => {
  it("W-101 plain text: TurnBegin, StepBegin 1, ContentPart, StatusUpdate, TurnEnd, then the answer, every key present", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("hello")] }));
    await kernel.initialize();
    const turn = await runTurn(kernel, "hi");
    expect(turn.messages).toEqual([
      event("TurnBegin", { user_input: "hi" }),
      event("StepBegin", { n: 1 }),
      textPart("hello"),
      status,
      event("TurnEnd"),
    ]);
    expect(turn.response).toEqual({ jsonrpc: "2.0", id: turn.response.id, result: { status: "finished" } });
    expect(kernel.noise).toEqual([]);
  });

  it("W-102 the next turn starts again with StepBegin 1, and a prompt needs no initialize", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("a"), say("b")] }));
    expect(types((await runTurn(kernel, "1")).messages)).toEqual(PLAIN);
    const second = await runTurn(kernel, "2");
    expect(types(second.messages)).toEqual(PLAIN);
    expect(payloads(second.messages, "StepBegin")).toEqual([{ n: 1 }]);
  });

  it("W-103 content parts are echoed normalised: media get id null, thinking gets encrypted null", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("a")], capabilities: ["image_in", "video_in"] }));
    const turn = await runTurn(kernel, [
      { type: "text", text: "look" },
      { type: "image_url", image_url: { url: "data:,x" } },
      { type: "video_url", video_url: { url: "data:,v", id: "v1" } },
      { type: "audio_url", audio_url: { url: "data:,a" } },
      { type: "think", think: "hm" },
    ]);
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(turn.messages[0]).toEqual(
      event("TurnBegin", {
        user_input: [
          { type: "text", text: "look" },
          { type: "image_url", image_url: { url: "data:,x", id: null } },
          { type: "video_url", video_url: { url: "data:,v", id: "v1" } },
          { type: "audio_url", audio_url: { url: "data:,a", id: null } },
          { type: "think", think: "hm", encrypted: null },
        ],
      }),
    );
  });

  it("W-104 an empty text and an empty list are prompts", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("a"), say("b")] }));
    for (const input of ["", []]) {
      const turn = await runTurn(kernel, input);
      expect(turn.response.result).toEqual({ status: "finished" });
      expect(turn.messages[0]).toEqual(event("TurnBegin", { user_input: input }));
    }
  });

  it("W-105 input of a wrong shape or with an unknown part type is -32602 and starts no turn", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("a")] }));
    const wrong: unknown[] = [5, null, { type: "text" }, ["x"], [{ type: "text" }], [{ type: "hologram", url: "x" }]];
    for (const input of wrong) {
      const answer = await kernel.call("prompt", { user_input: input });
      expect(answer.error).toMatchObject({ code: -32602, message: "Invalid parameters for method `prompt`" });
    }
    expect((await kernel.call("prompt", {})).error?.code).toBe(-32602);
    expect((await kernel.call("prompt")).error?.code).toBe(-32602);
    expect(types(kernel.log)).toEqual([]);
    expect((await runTurn(kernel, "ok")).response.result).toEqual({ status: "finished" });
  });

  it("W-106 one event per delta: text and thinking are never merged on stdout", async () => {
    const deltas = ["think: a", "think: b", say("c"), say("d "), say("e")];
    const kernel = startKernel(createWorkspace({ scripts: [script(...deltas)] }));
    const turn = await runTurn(kernel, "hi");
    expect(payloads(turn.messages, "ContentPart")).toEqual([
      { type: "think", think: "a", encrypted: null },
      { type: "think", think: "b", encrypted: null },
      { type: "text", text: "c" },
      { type: "text", text: "d " },
      { type: "text", text: "e" },
    ]);
  });

  it("W-107 usage figures and the message id are in StatusUpdate: input total, share of the window, all four numbers", async () => {
    const figures = { input_other: 10, output: 5, input_cache_read: 3, input_cache_creation: 2 };
    const workspace = createWorkspace({ scripts: [script("id: msg-1", say("a"), usage(figures))] });
    const kernel = startKernel(workspace);
    const turn = await runTurn(kernel, "hi");
    expect(payloads(turn.messages, "StatusUpdate")).toEqual([
      {
        ...PLAIN_STATUS,
        context_usage: 0.00015,
        context_tokens: 15,
        max_context_tokens: 100_000,
        token_usage: figures,
        message_id: "msg-1",
      },
    ]);
    expect(conversation(workspace).slice(3)).toEqual([
      { role: "_usage", token_count: 15 },
      { role: "assistant", content: "a" },
      { role: "_usage", token_count: 20 },
    ]);
  });

  it("W-108 media parts of the model are passed on with their id or null", async () => {
    const media = ['image_url: {"url":"data:,i","id":"i1"}', "audio_url: data:,a", "video_url: data:,v"];
    const kernel = startKernel(createWorkspace({ scripts: [script(say("see"), ...media)] }));
    const turn = await runTurn(kernel, "hi");
    expect(payloads(turn.messages, "ContentPart")).toEqual([
      { type: "text", text: "see" },
      { type: "image_url", image_url: { url: "data:,i", id: "i1" } },
      { type: "audio_url", audio_url: { url: "data:,a", id: null } },
      { type: "video_url", video_url: { url: "data:,v", id: null } },
    ]);
  });

  it("W-109 a streamed call is one ToolCall and one ToolCallPart per piece, null pieces too; it runs with the whole text", async () => {
    const pieces = [call("t1", "SetTodoList", null), 'tool_call_part: "{\\"todos\\":"', "tool_call_part: null"];
    const workspace = createWorkspace({ scripts: [script(...pieces, 'tool_call_part: " []}"'), say("done")] });
    const kernel = startKernel(workspace);
    const turn = await runTurn(kernel, "hi");
    expect(turn.messages.slice(2, 6)).toEqual([
      toolCall("t1", "SetTodoList", null),
      event("ToolCallPart", { arguments_part: '{"todos":' }),
      event("ToolCallPart", { arguments_part: null }),
      event("ToolCallPart", { arguments_part: " []}" }),
    ]);
    expect(payloads(turn.messages, "ToolResult")[0]).toMatchObject({ return_value: { is_error: false } });
    const recorded = wireRecords(workspace).filter(({ message }) => message.type.startsWith("ToolCall"));
    expect(recorded.map(({ message }) => message)).toEqual([toolCall("t1", "SetTodoList", '{"todos": []}').params]);
  });

  it("W-110 text, call, text is one message with two text parts", async () => {
    const first = script(say("a"), call("t1", "SetTodoList", { todos: [] }), say("tail"));
    const workspace = createWorkspace({ scripts: [first, say("done")] });
    await runTurn(startKernel(workspace), "hi");
    expect(conversation(workspace)[3]).toEqual({
      role: "assistant",
      content: [
        { type: "text", text: "a" },
        { type: "text", text: "tail" },
      ],
      tool_calls: [{ type: "function", id: "t1", function: { name: "SetTodoList", arguments: '{"todos":[]}' } }],
    });
  });

  it("W-111 a piece without a call before it is shown but not part of the message", async () => {
    const workspace = createWorkspace({ scripts: [script('tool_call_part: "zz"', say("a"))] });
    const turn = await runTurn(startKernel(workspace), "hi");
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(payloads(turn.messages, "ToolCallPart")).toEqual([{ arguments_part: "zz" }]);
    expect(conversation(workspace)[3]).toEqual({ role: "assistant", content: "a" });
  });

  it("W-112 max steps: every step is complete, then TurnEnd and max_steps_reached with the limit", async () => {
    const step = (id: string) => script(say("s"), call(id, "SetTodoList", { todos: [] }));
    const workspace = createWorkspace({ scripts: [step("t1"), step("t2"), step("t3"), say("after")] });
    const kernel = startKernel(workspace, { args: ["--max-steps-per-turn", "2"] });
    const turn = await runTurn(kernel, "hi");
    const oneStep = ["StepBegin", "ContentPart", "ToolCall", "StatusUpdate", "ToolResult"];
    expect(types(turn.messages)).toEqual(["TurnBegin", ...oneStep, ...oneStep, "TurnEnd"]);
    expect(turn.response.result).toEqual({ status: "max_steps_reached", steps: 2 });
    expect((await runTurn(kernel, "next")).response.result).toEqual({ status: "finished" });
  });

  it("W-113 the limit of steps may come from the config file", async () => {
    const step = script(say("s"), call("t1", "SetTodoList", { todos: [] }));
    const config = { loop_control: { max_steps_per_turn: 1 } };
    const turn = await runTurn(startKernel(createWorkspace({ scripts: [step], config })), "hi");
    expect(turn.response.result).toEqual({ status: "max_steps_reached", steps: 1 });
  });
});
