/** Turns that end in an error, and retries: TurnEnd always comes, the numbers and texts are those of the protocol. */
import { describe, expect, it } from "vitest";
import { say, script } from "./echo-scripts.js";
import { event, status, textPart } from "./expected-events.js";
import { type Message, startKernel } from "./kernel-process.js";
import { conversation, sessionIds, wireTypes } from "./session-records.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

function expectError(answer: Message, code: number, message: string | RegExp): void {
  expect(answer.result).toBeUndefined();
  expect(answer.error?.code).toBe(code);
  if (typeof message === "string") expect(answer.error?.message).toBe(message);
  else expect(answer.error?.message).toMatch(message);
  const data = answer.error?.data ?? null;
  if (data !== null) expect(data).toMatchObject({ code: expect.any(String) });
}

const FAILED_STEP = ["TurnBegin", "StepBegin", "StepInterrupted", "TurnEnd"];

describe("errors of a turn", () => {
  it("W-601 no usable model: TurnBegin, TurnEnd, -32001, and the message is not stored", async () => {
    const workspace = createWorkspace({ scripts: [say("x")] });
    const kernel = startKernel(workspace, { args: ["--model", "nope"] });
    const turn = await runTurn(kernel, "x");
    expect(turn.messages).toEqual([event("TurnBegin", { user_input: "x" }), event("TurnEnd")]);
    expectError(turn.response, -32001, "LLM is not set");
    expect(sessionIds(workspace).length).toBe(1);
    expect(conversation(workspace).filter((line) => line.role === "user")).toEqual([]);
  });

  it("W-602 a missing capability: TurnBegin, TurnEnd, -32002, and the message is not stored", async () => {
    const workspace = createWorkspace({ scripts: [say("x")] });
    const turn = await runTurn(startKernel(workspace), [{ type: "image_url", image_url: { url: "data:,x" } }]);
    expect(types(turn.messages)).toEqual(["TurnBegin", "TurnEnd"]);
    expectError(turn.response, -32002, "LLM model 'scripted_echo' does not support required capability: image_in.");
    expect(conversation(workspace).filter((line) => line.role === "user")).toEqual([]);
  });

  it("W-603 several missing capabilities are named together; audio needs none", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("x")] }));
    const media = ["image_url", "video_url"].map((type) => ({ type, [type]: { url: "data:,x" } }));
    expectError(
      (await runTurn(kernel, media)).response,
      -32002,
      /^LLM model 'scripted_echo' does not support required capabilities: (image_in, video_in|video_in, image_in)\.$/,
    );
    const audio = await runTurn(kernel, [{ type: "audio_url", audio_url: { url: "data:,x" } }]);
    expect(audio.response.result).toEqual({ status: "finished" });
  });

  it("W-604 a provider error that will not go away: no retry, StepInterrupted, TurnEnd, -32003 verbatim; the message stays", async () => {
    const workspace = createWorkspace({ scripts: ["error: 401 Token expired", say("again")] });
    const kernel = startKernel(workspace);
    const turn = await runTurn(kernel, "x");
    expect(types(turn.messages)).toEqual(FAILED_STEP);
    expectError(turn.response, -32003, "Token expired");
    expect(conversation(workspace)).toEqual([
      { role: "_checkpoint", id: 0 },
      { role: "user", content: "x" },
      { role: "_checkpoint", id: 1 },
    ]);
    expect(wireTypes(workspace)).toEqual(FAILED_STEP);
    expect((await runTurn(kernel, "y")).response.result).toEqual({ status: "finished" });
  });

  it("W-605 retries: StepRetry with all its fields, no second StepBegin, recorded", async () => {
    const workspace = createWorkspace({ scripts: ["error: 500", "error: connection", say("ok now")] });
    const turn = await runTurn(startKernel(workspace), "x");
    const [first, second] = payloads(turn.messages, "StepRetry");
    expect(turn.messages).toEqual([
      event("TurnBegin", { user_input: "x" }),
      event("StepBegin", { n: 1 }),
      event("StepRetry", {
        n: 1,
        next_attempt: 2,
        max_attempts: 3,
        wait_s: expect.any(Number),
        error_type: "APIStatusError",
        status_code: 500,
      }),
      event("StepRetry", {
        n: 1,
        next_attempt: 3,
        max_attempts: 3,
        wait_s: expect.any(Number),
        error_type: "APIConnectionError",
        status_code: null,
      }),
      textPart("ok now"),
      status,
      event("TurnEnd"),
    ]);
    expect(first?.wait_s).toBeGreaterThanOrEqual(0.3);
    expect(first?.wait_s).toBeLessThanOrEqual(0.8);
    expect(second?.wait_s).toBeGreaterThanOrEqual(0.6);
    expect(second?.wait_s).toBeLessThanOrEqual(1.1);
    expect(wireTypes(workspace)).toEqual(types(turn.messages));
  });

  it("W-606 all attempts used: StepInterrupted, TurnEnd and the last error", async () => {
    const kernel = startKernel(createWorkspace({ scripts: ["error: 503", "error: 429 slow down", "error: timeout"] }));
    const turn = await runTurn(kernel, "x");
    expect(types(turn.messages)).toEqual([
      ...["TurnBegin", "StepBegin", "StepRetry", "StepRetry", "StepInterrupted", "TurnEnd"],
    ]);
    expect(payloads(turn.messages, "StepRetry").map((p) => p.status_code)).toEqual([503, 429]);
    expectError(turn.response, -32003, "Simulated timeout error");
  });

  it("W-607 the number of attempts is an option", async () => {
    const workspace = createWorkspace({ scripts: ["error: 500", say("x")] });
    const turn = await runTurn(startKernel(workspace, { args: ["--max-retries-per-step", "1"] }), "x");
    expect(types(turn.messages)).toEqual(FAILED_STEP);
    expectError(turn.response, -32003, "Simulated 500 error");
  });

  it("W-608 a reply of thinking only is empty and tried again", async () => {
    const kernel = startKernel(createWorkspace({ scripts: ["think: hm", say("said")] }));
    const turn = await runTurn(kernel, "x");
    expect(types(turn.messages)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "StepRetry", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(payloads(turn.messages, "StepRetry")[0]).toMatchObject({
      next_attempt: 2,
      error_type: "APIEmptyResponseError",
      status_code: null,
    });
  });

  it("W-609 the voided attempt is neither in the context nor in the next request's figures", async () => {
    const workspace = createWorkspace({ scripts: ["think: lost", say("kept")] });
    await runTurn(startKernel(workspace), "x");
    expect(conversation(workspace).at(-1)).toEqual({ role: "assistant", content: "kept" });
    expect(conversation(workspace)).toHaveLength(4);
  });

  it("W-610 a queue of scripts that has run out says so and is not retried", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("x")] }));
    await runTurn(kernel, "x");
    for (let i = 0; i < 2; i++) {
      const turn = await runTurn(kernel, "x");
      expect(types(turn.messages)).toEqual(FAILED_STEP);
      expectError(turn.response, -32003, "ScriptedEchoChatProvider exhausted at turn 2.");
    }
  });

  it("W-611 faults in a script are -32003 with their line, whole script first, no part streamed", async () => {
    const faults: [string, string | RegExp][] = [
      ["# only a comment", "ScriptedEchoChatProvider DSL produced no streamable parts."],
      [script("text: a", "no colon here"), "Invalid echo DSL at line 2: 'no colon here'"],
      ["sing: la", "Unknown echo DSL kind 'sing' at line 1: 'sing: la'"],
      ["error:", /^Empty error payload at line 1: /],
      ["error: soon", "Invalid error spec at line 1: expected status code or 'connection'/'timeout', got 'soon'"],
      ['tool_call: {"id":"x"}', /^tool_call requires string id and name at line 1: /],
      ['usage: {"output":"many"}', /^Usage field 'output' must be an integer, got /],
    ];
    const kernel = startKernel(createWorkspace({ scripts: faults.map(([text]) => text) }));
    for (const [, message] of faults) {
      const turn = await runTurn(kernel, "x");
      expect(types(turn.messages)).toEqual(FAILED_STEP);
      expectError(turn.response, -32003, message);
    }
  });

  it("W-612 an error line anywhere discards the parts of that call", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [script("text: lost", "error: 400 no")] }));
    const turn = await runTurn(kernel, "x");
    expect(types(turn.messages)).toEqual(FAILED_STEP);
    expectError(turn.response, -32003, "no");
  });
});
