/** Questions and plan mode through the Node SDK, which announces both capabilities. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { StreamEvent, Turn } from "@moonshot-ai/kimi-agent-sdk";
import { expect, it } from "vitest";
import { call, say, shell } from "./echo-scripts.js";
import { eventPayloads, readTurn, requestId, sdkWorkspace, startSession } from "./sdk-session.js";

const QUESTION = {
  question: "Which way?",
  header: "Way",
  options: [{ label: "Left", description: "shorter" }, { label: "Right" }],
};

/** Answers every question of the turn with one label. */
function answering(turn: Turn, label: string): (event: StreamEvent) => unknown {
  return (event) => {
    const id = requestId(event, "QuestionRequest");
    if (id === null) return null;
    const { questions } = (event as unknown as { payload: { questions: { question: string }[] } }).payload;
    return turn.respondQuestion(id, id, Object.fromEntries(questions.map(({ question }) => [question, label])));
  };
}

it("N-071 a question is shown, and its answer reaches the model", async () => {
  const session = startSession(
    sdkWorkspace({ scripts: [call("t1", "AskUserQuestion", { questions: [QUESTION] }), say("done")] }),
  );
  const turn = session.prompt("go");
  const { events, result } = await readTurn(turn, answering(turn, "Right"));
  expect(eventPayloads(events, "QuestionRequest")[0]).toMatchObject({
    tool_call_id: "t1",
    questions: [
      { ...QUESTION, options: [QUESTION.options[0], { label: "Right", description: "" }], multi_select: false },
    ],
  });
  const [{ return_value }] = eventPayloads(events, "ToolResult") as [{ return_value: { output: string } }];
  expect(JSON.parse(return_value.output)).toEqual({ answers: { "Which way?": "Right" } });
  expect(result.status).toBe("finished");
});

it("N-072 plan mode is switched by hand: the session knows, and nothing is changed while it is on", async () => {
  const workspace = sdkWorkspace({
    scripts: [say("hi"), call("t1", "WriteFile", { path: "a", content: "a" }), say("ok")],
  });
  const session = startSession(workspace, { yoloMode: true });
  await readTurn(session.prompt("start"));
  expect(await session.setPlanMode(true)).toBe(true);
  expect(session.planMode).toBe(true);
  const { events } = await readTurn(session.prompt("write"));
  expect(eventPayloads(events, "ToolResult")[0]).toMatchObject({ return_value: { is_error: true } });
  expect(eventPayloads(events, "StatusUpdate")[0]).toMatchObject({ plan_mode: true });
  expect(existsSync(join(workspace.workDir, "a"))).toBe(false);
  expect(await session.setPlanMode(false)).toBe(false);
  expect(session.planMode).toBe(false);
});

it("N-073 the model asks for plan mode: a question, and a status when it is on", async () => {
  const session = startSession(sdkWorkspace({ scripts: [call("t1", "EnterPlanMode"), say("planning")] }));
  const turn = session.prompt("go");
  const { events, result } = await readTurn(turn, answering(turn, "Yes"));
  expect(eventPayloads(events, "QuestionRequest")[0]).toMatchObject({
    questions: [{ question: "Enter plan mode?", header: "Plan Mode", options: [{ label: "Yes" }, { label: "No" }] }],
  });
  expect(eventPayloads(events, "StatusUpdate").map(({ plan_mode }) => plan_mode)).toContain(true);
  expect(result.status).toBe("finished");
});

it("N-074 plan mode can be switched while a turn runs", async () => {
  const session = startSession(sdkWorkspace({ scripts: [shell("t1", "echo a > a"), say("done")] }));
  const turn = session.prompt("go");
  const { events, result } = await readTurn(turn, async (event) => {
    const id = requestId(event, "ApprovalRequest");
    if (id === null) return;
    expect(await session.setPlanMode(true)).toBe(true);
    await turn.approve(id, "reject");
  });
  expect(eventPayloads(events, "StatusUpdate").map(({ plan_mode }) => plan_mode)).toContain(true);
  expect(result.status).toBe("finished");
});
