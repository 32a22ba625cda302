/** Plan mode through the model's own tools: entering, the plan and its approval, and what runs meanwhile. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { event, PLAIN_STATUS, textPart, toolCall, toolResult, UUID } from "./expected-events.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import {
  ABLE,
  answerQuestion,
  optionsOf,
  planStatus,
  plans,
  questionsOf,
  resultOf,
  writePlan,
} from "./plan-session.js";
import { readState, wireTypes } from "./session-records.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const ID = "6b1f5a52-0d0e-4c7e-9f0a-1c2d3e4f5a6b";
const EXT = { name: "ext", description: "d", parameters: { type: "object" } };
const enter = (id = "t1") => call(id, "EnterPlanMode");
const exit = (id = "t1", args: Record<string, unknown> = {}) => call(id, "ExitPlanMode", args);
const write = (id: string, path: string, content = "no") => call(id, "WriteFile", { path, content });
const onlyEdits = (file: string) => `Plan mode is active. You may only edit the current plan file: \`${file}\`.`;

/** A kernel whose client can show everything, with plan mode on and this plan written. */
async function planning(scripts: string[], plan: string | null = "# PLAN", args: string[] = []) {
  const workspace = createWorkspace({ scripts });
  const kernel = startKernel(workspace, { args });
  await kernel.initialize({ capabilities: ABLE, external_tools: [EXT] });
  await kernel.call("set_plan_mode", { enabled: true });
  if (plan !== null) writePlan(workspace, plan);
  return { workspace, kernel, file: planFile(workspace) };
}

function planFile(workspace: Workspace): string {
  return join(workspace.share, "plans", `${readState(workspace).plan_slug}.md`);
}

/** Types of a turn behind the first StatusUpdate. */
function afterStatus(messages: readonly Message[]): string[] {
  const all = types(messages);
  return all.slice(all.indexOf("StatusUpdate") + 1);
}

const turnWith = (kernel: KernelProcess, answer: string) =>
  runTurn(kernel, "go", (request) => answerQuestion(kernel, request, answer));

describe("entering", () => {
  it("P-001 EnterPlanMode, Yes: the question, the result, then StatusUpdate with plan_mode, then the next step", async () => {
    const workspace = createWorkspace({ scripts: [script(say("e"), enter()), say("x")] });
    const kernel = startKernel(workspace);
    await kernel.initialize({ capabilities: ABLE });
    let request: Message = {};
    const turn = await runTurn(kernel, "go", (asked) => {
      request = asked;
      answerQuestion(kernel, asked, { "Enter plan mode?": "Yes" });
    });
    expect(request.id).toMatch(UUID);
    expect(request.params?.payload).toMatchObject({ id: request.id, tool_call_id: "t1" });
    const [question] = questionsOf(request);
    expect(question).toMatchObject({ question: "Enter plan mode?", header: "Plan Mode", multi_select: false });
    expect(optionsOf(request).map(({ label }) => label)).toEqual(["Yes", "No"]);
    const result = resultOf(turn.messages, "t1");
    expect(result).toMatchObject({ is_error: false, message: "Plan mode on" });
    expect(turn.messages).toEqual([
      event("TurnBegin", { user_input: "go" }),
      event("StepBegin", { n: 1 }),
      textPart("e"),
      toolCall("t1", "EnterPlanMode", "{}"),
      event("StatusUpdate", PLAIN_STATUS),
      request,
      toolResult("t1", result),
      planStatus(true),
      event("StepBegin", { n: 2 }),
      textPart("x"),
      planStatus(true),
      event("TurnEnd"),
    ]);
    expect(readState(workspace)).toMatchObject({ plan_mode: true });
    expect(readState(workspace).plan_slug).toMatch(/./);
  });

  it("P-002 No, other words and no answer: plan mode stays off and nothing is told", async () => {
    const answers = ["No", "later maybe", ""];
    const scripts = answers.flatMap((_, n) => [enter(`t${n}`), say("on")]);
    const workspace = createWorkspace({ scripts });
    const kernel = startKernel(workspace);
    await kernel.initialize({ capabilities: ABLE });
    for (const [n, answer] of answers.entries()) {
      const turn = await turnWith(kernel, answer);
      expect(afterStatus(turn.messages).slice(0, 3)).toEqual(["request:QuestionRequest", "ToolResult", "StepBegin"]);
      expect(resultOf(turn.messages, `t${n}`).is_error).toBe(false);
      expect(payloads(turn.messages, "StatusUpdate").map((payload) => payload.plan_mode)).toEqual([false, false]);
    }
    expect(resultOf(kernel.log, "t1").output).toContain("later maybe");
    expect(readState(workspace).plan_mode).toBe(false);
  });

  it("P-003 the change is told after all results of the step; in it the mode holds at once", async () => {
    const workspace = createWorkspace({ scripts: [script(enter("t1"), call("t2", "ext")), say("x")] });
    const kernel = startKernel(workspace);
    await kernel.initialize({ capabilities: ABLE, external_tools: [EXT] });
    const open: Message[] = [];
    const id = kernel.request("prompt", { user_input: "go" });
    open.push(await kernel.serverRequest("QuestionRequest"));
    const external = await kernel.find((m) => m.params?.type === "ToolCallRequest", "the external call");
    answerQuestion(kernel, open[0] as Message, "Yes");
    await kernel.event("ToolResult");
    const value = { is_error: false, output: "o", message: "", display: [] };
    kernel.answer(external, { tool_call_id: "t2", return_value: value });
    await kernel.response(id);
    const all = types(kernel.log);
    expect(all.slice(all.indexOf("ToolResult"))).toEqual([
      ...["ToolResult", "ToolResult", "StatusUpdate", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
  });

  it("P-004 a client that cannot be asked: the tools execute, with an honest error, and nothing changes", async () => {
    const workspace = createWorkspace({ scripts: [script(enter("t1"), exit("t2")), say("on"), exit("t3"), say("on")] });
    const kernel = startKernel(workspace);
    const off = await runTurn(kernel, "go");
    await kernel.call("set_plan_mode", { enabled: true });
    writePlan(workspace, "# PLAN");
    const on = await runTurn(kernel, "go");
    for (const [messages, id] of [[off.messages, "t1"] as const, [on.messages, "t3"] as const]) {
      expect(resultOf(messages, id).is_error).toBe(true);
      expect(resultOf(messages, id).message).toContain("does not support interactive questions");
    }
    for (const { messages } of [off, on])
      expect(types(messages).filter((type) => /request:|Plan/.test(type))).toEqual([]);
    expect(readState(workspace).plan_mode).toBe(true);
  });
});

describe("the plan", () => {
  it("P-011 ExitPlanMode, Approve: PlanDisplay, the question, the result, StatusUpdate, the next step", async () => {
    const { kernel, workspace, file } = await planning([script(say("exit"), exit()), say("after")]);
    let request: Message = {};
    const turn = await runTurn(kernel, "go", (asked) => {
      request = asked;
      answerQuestion(kernel, asked, { "Approve this plan": "Approve" });
    });
    const [question] = questionsOf(request);
    expect(question).toMatchObject({ question: "Approve this plan", header: "Plan", multi_select: false });
    expect(question?.other_label).toBe("Revise");
    expect(optionsOf(request).map(({ label }) => label)).toEqual(["Approve", "Reject", "Reject and Exit"]);
    const result = resultOf(turn.messages, "t1");
    expect(result).toMatchObject({ is_error: false, message: "Plan approved" });
    expect(result.output).toContain(file);
    expect(turn.messages).toEqual([
      event("TurnBegin", { user_input: "go" }),
      event("StepBegin", { n: 1 }),
      textPart("exit"),
      toolCall("t1", "ExitPlanMode", "{}"),
      planStatus(true),
      event("PlanDisplay", { content: "# PLAN", file_path: file }),
      request,
      toolResult("t1", result),
      planStatus(false),
      event("StepBegin", { n: 2 }),
      textPart("after"),
      event("StatusUpdate", PLAIN_STATUS),
      event("TurnEnd"),
    ]);
    expect(readState(workspace).plan_mode).toBe(false);
    expect(readFileSync(file, "utf8")).toBe("# PLAN");
  });

  it("P-012 the model's options stand in the place of Approve; the chosen one is named", async () => {
    const options = [{ label: "A", description: "da" }, { label: "B" }, { label: "C" }];
    const { kernel } = await planning([exit("t1", { options }), say("after")]);
    let request: Message = {};
    const turn = await runTurn(kernel, "go", (asked) => {
      request = asked;
      answerQuestion(kernel, asked, "B");
    });
    const shown = optionsOf(request);
    expect(shown.map(({ label }) => label)).toEqual(["A", "B", "C", "Reject", "Reject and Exit"]);
    expect(shown[0]).toEqual({ label: "A", description: "da" });
    expect(shown[1]).toEqual({ label: "B", description: "" });
    expect(resultOf(turn.messages, "t1")).toMatchObject({ is_error: false, message: "Plan approved: B" });
  });

  it("P-013 Reject ends the turn and planning goes on; Reject and Exit ends both", async () => {
    const { kernel, workspace } = await planning([exit("t1"), exit("t2")]);
    const rejected = await turnWith(kernel, "Reject");
    expect(afterStatus(rejected.messages)).toEqual(["PlanDisplay", "request:QuestionRequest", "ToolResult", "TurnEnd"]);
    expect(resultOf(rejected.messages, "t1").is_error).toBe(true);
    expect(rejected.response.result).toEqual({ status: "finished" });
    expect(readState(workspace).plan_mode).toBe(true);
    const left = await turnWith(kernel, "Reject and Exit");
    expect(afterStatus(left.messages)).toEqual([
      ...["PlanDisplay", "request:QuestionRequest", "ToolResult", "StatusUpdate", "TurnEnd"],
    ]);
    expect(left.messages.at(-2)).toEqual(planStatus(false));
    expect(resultOf(left.messages, "t2").is_error).toBe(true);
    expect(left.response.result).toEqual({ status: "finished" });
    expect(readState(workspace).plan_mode).toBe(false);
  });

  it("P-014 other words are a request to revise: planning goes on in the same turn", async () => {
    const { kernel, workspace } = await planning([exit("t1"), say("better"), exit("t2"), say("better")]);
    const turn = await turnWith(kernel, "make it shorter");
    expect(afterStatus(turn.messages).slice(0, 4)).toEqual([
      ...["PlanDisplay", "request:QuestionRequest", "ToolResult", "StepBegin"],
    ]);
    expect(resultOf(turn.messages, "t1").output).toContain("make it shorter");
    const almost = await turnWith(kernel, "approve");
    expect(types(almost.messages).filter((type) => type === "StepBegin")).toHaveLength(2);
    expect(readState(workspace).plan_mode).toBe(true);
  });

  it("P-015 no answer, a malformed one or an error approves nothing: the turn ends, planning goes on", async () => {
    const { kernel, workspace } = await planning(["a", "b", "c", "d"].map((id) => exit(id)));
    const answers: ((request: Message) => void)[] = [
      (request) => kernel.answer(request, { request_id: request.id, answers: {} }),
      (request) => kernel.answer(request, { answers: "Approve" }),
      (request) => kernel.answer(request, { request_id: request.id, answers: { "Another plan": "Approve" } }),
      (request) => kernel.send({ id: request.id as string, error: { code: -32000, message: "Approve" } }),
    ];
    for (const answer of answers) {
      const turn = await runTurn(kernel, "go", answer);
      expect(afterStatus(turn.messages)).toEqual(["PlanDisplay", "request:QuestionRequest", "ToolResult", "TurnEnd"]);
      expect(turn.response.result).toEqual({ status: "finished" });
      expect(readState(workspace).plan_mode).toBe(true);
    }
  });

  it("P-016 no plan, an empty one, four options, taken or repeated labels, not planning: nobody is asked", async () => {
    const options = (...labels: string[]) => ({ options: labels.map((label) => ({ label })) });
    const bad = [
      options("1", "2", "3", "4"),
      options("A", "A"),
      options("Reject"),
      options("Reject and Exit"),
      options("Revise"),
      options(""),
      { options: "A" },
    ];
    const scripts = [
      exit("t1"),
      say("on"),
      exit("t2"),
      say("on"),
      script(...bad.map((args, n) => exit(`b${n}`, args))),
      say("on"),
    ];
    const { kernel, workspace, file } = await planning([...scripts, exit("t3"), say("on")], null);
    const none = await runTurn(kernel, "go");
    expect(resultOf(none.messages, "t1").is_error).toBe(true);
    expect(resultOf(none.messages, "t1").message).toContain(file);
    writePlan(workspace, " \n");
    expect(resultOf((await runTurn(kernel, "go")).messages, "t2").is_error).toBe(true);
    writePlan(workspace, "# PLAN");
    const wrong = await runTurn(kernel, "go");
    for (const n of bad.keys()) {
      expect(resultOf(wrong.messages, `b${n}`).message, `case ${n}`).toMatch(
        /^Error validating JSON arguments: options/,
      );
    }
    await kernel.call("set_plan_mode", { enabled: false });
    expect(resultOf((await runTurn(kernel, "go")).messages, "t3").is_error).toBe(true);
    expect(types(kernel.log).filter((type) => /request:|PlanDisplay/.test(type))).toEqual([]);
  });

  it("P-017 a plan that changes while it is shown is not approved", async () => {
    const { kernel, workspace, file } = await planning([exit("t1"), say("again")]);
    const turn = await runTurn(kernel, "go", (request) => {
      writeFileSync(file, "# OTHER");
      answerQuestion(kernel, request, "Approve");
    });
    expect(resultOf(turn.messages, "t1").is_error).toBe(true);
    expect(readState(workspace).plan_mode).toBe(true);
  });

  it("P-018 cancel with the plan shown: {}, TurnEnd, cancelled; planning goes on, the late answer changes nothing", async () => {
    const { kernel, workspace } = await planning([exit("t1"), say("next")]);
    const id = kernel.request("prompt", { user_input: "go" });
    const request = await kernel.serverRequest("QuestionRequest");
    expect((await kernel.call("cancel")).result).toEqual({});
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    answerQuestion(kernel, request, "Approve");
    const next = await runTurn(kernel, "on");
    expect(next.messages).toContainEqual(planStatus(true));
    expect(readState(workspace).plan_mode).toBe(true);
  });

  it("P-019 the client leaves with the plan shown: nothing is approved, and the next kernel still plans", async () => {
    const { kernel, workspace } = await planning([exit("t1"), say("still")]);
    kernel.request("prompt", { user_input: "go" });
    await kernel.serverRequest("QuestionRequest");
    expect((await kernel.close(2_000)).code).toBe(0);
    expect(wireTypes(workspace).at(-1)).toBe("TurnEnd");
    expect(readState(workspace).plan_mode).toBe(true);
    writeFileSync(join(workspace.workDir, "..", "scripts.json"), JSON.stringify([write("t1", "a.txt"), say("still")]));
    const next = startKernel(workspace, { args: ["--continue"] });
    const turn = await runTurn(next, "go");
    expect(resultOf(turn.messages, "t1").message).toBe(onlyEdits(planFile(workspace)));
  });
});

describe("while planning", () => {
  it("P-021 edits are refused but for the plan file, which is written and read unasked", async () => {
    const plan = `~/.kimi/plans/${ID}.md`;
    const scripts = [
      script(write("t1", "a.txt"), write("t2", plan, "# PLAN"), call("t5", "SetTodoList", { todos: [] })),
      script(call("t3", "StrReplaceFile", { path: plan, edit: { old: "PLAN", new: "NEW" } })),
      script(
        call("t4", "ReadFile", { path: plan }),
        call("t6", "StrReplaceFile", { path: "b.txt", edit: { old: "b", new: "c" } }),
      ),
      say("on"),
    ];
    const { kernel, workspace, file } = await planning(scripts, null, ["--session", ID]);
    writeFileSync(join(workspace.workDir, "b.txt"), "b");
    const turn = await runTurn(kernel, "go");
    const restricted = { is_error: true, output: "", message: onlyEdits(file) };
    expect(resultOf(turn.messages, "t1")).toMatchObject(restricted);
    expect(resultOf(turn.messages, "t6")).toMatchObject(restricted);
    for (const id of ["t2", "t3", "t4", "t5"]) expect(resultOf(turn.messages, id).is_error, id).toBe(false);
    expect(resultOf(turn.messages, "t4").output).toContain("# NEW");
    expect(existsSync(join(workspace.workDir, "a.txt"))).toBe(false);
    expect(plans(workspace)).toEqual({ [`${ID}.md`]: "# NEW" });
    expect(types(turn.messages).filter((type) => type.startsWith("request:"))).toEqual([]);
  });

  it("P-022 a link in the place of the plan file is not the plan file", async () => {
    const plan = `~/.kimi/plans/${ID}.md`;
    const { kernel, workspace, file } = await planning([write("t1", plan), say("on")], null, ["--session", ID]);
    const victim = join(workspace.workDir, "victim.txt");
    writeFileSync(victim, "mine");
    mkdirSync(join(workspace.share, "plans"), { recursive: true });
    symlinkSync(victim, file);
    const turn = await runTurn(kernel, "go");
    expect(resultOf(turn.messages, "t1").message).toBe(onlyEdits(file));
    expect(readFileSync(victim, "utf8")).toBe("mine");
  });

  it("P-023 a command runs only when a person approves it: no grant counts", async () => {
    const scripts = [shell("t0", "echo a"), say("on"), script(shell("t1", "echo b"), shell("t2", "echo c")), say("on")];
    const workspace = createWorkspace({ scripts });
    const kernel = startKernel(workspace);
    await kernel.initialize({ capabilities: ABLE });
    await runTurn(kernel, "go", (request) => kernel.approve(request, "approve_for_session"));
    await kernel.call("set_plan_mode", { enabled: true });
    const asked: unknown[] = [];
    const turn = await runTurn(kernel, "go", (request) => {
      asked.push(request.params?.payload.description);
      kernel.approve(request, asked.length === 1 ? "approve_for_session" : "approve");
    });
    expect(asked).toEqual(["Run command `echo b`", "Run command `echo c`"]);
    expect(resultOf(turn.messages, "t2").output).toBe("c\n");
  });

  it("P-024 yolo approves no command while planning; with nobody there it is refused unasked", async () => {
    const { kernel } = await planning([shell("t1", "echo ok"), say("on")], null, ["--yolo"]);
    const asked = await runTurn(kernel, "go", (request) => kernel.approve(request, "reject"));
    expect(types(asked.messages)).toContain("request:ApprovalRequest");
    expect(resultOf(asked.messages, "t1").is_error).toBe(true);
    const away = await planning([shell("t1", "echo ok"), say("on")], null, ["--afk"]);
    const turn = await runTurn(away.kernel, "go");
    expect(types(turn.messages).filter((type) => type.startsWith("request:"))).toEqual([]);
    expect(resultOf(turn.messages, "t1").is_error).toBe(true);
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("P-025 the client's own tools have no approval of their own: they are refused", async () => {
    const { kernel } = await planning([call("t1", "ext"), say("on")], null);
    const turn = await runTurn(kernel, "go");
    expect(types(turn.messages).filter((type) => type.startsWith("request:"))).toEqual([]);
    expect(resultOf(turn.messages, "t1").message).toMatch(/^Plan mode is active\. `ext` /);
  });

  it("P-026 an edit asked for before plan mode began is not made after it", async () => {
    const workspace = createWorkspace({ scripts: [write("t1", "a.txt"), say("on")] });
    const kernel = startKernel(workspace);
    await kernel.initialize({ capabilities: ABLE });
    const turn = await runTurn(kernel, "go", async (request) => {
      await kernel.call("set_plan_mode", { enabled: true });
      kernel.approve(request);
    });
    expect(resultOf(turn.messages, "t1").message).toBe(onlyEdits(planFile(workspace)));
    expect(existsSync(join(workspace.workDir, "a.txt"))).toBe(false);
  });

  it("P-027 after the approval edits are asked for and made again", async () => {
    const { kernel, workspace } = await planning([exit("t1"), write("t2", "a.txt", "yes"), say("on")]);
    const turn = await runTurn(kernel, "go", (request) => {
      if (request.params?.type === "QuestionRequest") answerQuestion(kernel, request, "Approve");
      else kernel.approve(request);
    });
    expect(resultOf(turn.messages, "t2").is_error).toBe(false);
    expect(readFileSync(join(workspace.workDir, "a.txt"), "utf8")).toBe("yes");
  });

  it("P-029 a subagent is held to it too", async () => {
    const agent = call("t1", "Agent", { description: "write it", prompt: "write it" });
    const scripts = [agent, write("s1", "a.txt"), say("done ".repeat(50)), say("on")];
    const { kernel, workspace, file } = await planning(scripts, null);
    const turn = await runTurn(kernel, "go", (request) => kernel.approve(request));
    const inner = payloads(turn.messages, "SubagentEvent").map((payload) => payload.event as Message["params"]);
    const result = inner.find((event) => event?.type === "ToolResult")?.payload.return_value;
    expect(result).toMatchObject({ is_error: true, message: onlyEdits(file) });
    expect(types(turn.messages).filter((type) => type.startsWith("request:"))).toEqual([]);
    expect(existsSync(join(workspace.workDir, "a.txt"))).toBe(false);
  });

  it("P-028 afk: planning begins and ends unasked, the plan is shown", async () => {
    const plan = `~/.kimi/plans/${ID}.md`;
    const workspace = createWorkspace({ scripts: [enter("t1"), write("t2", plan, "# P"), exit("t3"), say("on")] });
    const kernel = startKernel(workspace, { args: ["--afk", "--session", ID] });
    await kernel.initialize({ capabilities: ABLE });
    const turn = await runTurn(kernel, "go");
    expect(types(turn.messages).filter((type) => type.startsWith("request:"))).toEqual([]);
    expect(payloads(turn.messages, "PlanDisplay")).toEqual([{ content: "# P", file_path: planFile(workspace) }]);
    expect(resultOf(turn.messages, "t3")).toMatchObject({ is_error: false, message: "Plan approved" });
    expect(readState(workspace).plan_mode).toBe(false);
  });
});
