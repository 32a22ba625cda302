/** AskUserQuestion and QuestionRequest: what is asked, what an answer does, and what happens without one. */
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { event, status, textPart, toolCall, toolResult, UUID } from "./expected-events.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { startModelServer, textReply } from "./model-server.js";
import { ABLE, answerQuestion, questionsOf, resultOf } from "./plan-session.js";
import { wireRecords, wireTypes } from "./session-records.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const AB = [{ label: "A" }, { label: "B", description: "d" }];
const ONE = { questions: [{ question: "Q1?", options: AB, multi_select: true }] };
const DISMISSED = '{"answers": {}, "note": "User dismissed the question without answering."}';

const ask = (id = "t1", args: Record<string, unknown> = ONE) => call(id, "AskUserQuestion", args);
const ableTo = (kernel: KernelProcess) => kernel.initialize({ capabilities: ABLE });

describe("questions", () => {
  it("Q-001 a question: ToolCall, StatusUpdate, QuestionRequest with every key, ToolResult, next step", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [script(say("q"), ask()), say("z")] }));
    await ableTo(kernel);
    let request: Message = {};
    const turn = await runTurn(kernel, "go", (asked) => {
      request = asked;
      answerQuestion(kernel, asked, { "Q1?": "A, B" });
    });
    const id = String(request.id);
    expect(id).toMatch(UUID);
    const options = [
      { label: "A", description: "" },
      { label: "B", description: "d" },
    ];
    const question = { question: "Q1?", header: "", options, multi_select: true };
    const rest = { body: "", other_label: "", other_description: "" };
    expect(turn.messages).toEqual([
      event("TurnBegin", { user_input: "go" }),
      event("StepBegin", { n: 1 }),
      textPart("q"),
      toolCall("t1", "AskUserQuestion", JSON.stringify(ONE)),
      status,
      {
        jsonrpc: "2.0",
        method: "request",
        id,
        params: { type: "QuestionRequest", payload: { id, tool_call_id: "t1", questions: [{ ...question, ...rest }] } },
      },
      toolResult("t1", {
        output: '{"answers": {"Q1?": "A, B"}}',
        message: "User has answered.",
        display: [{ type: "brief", text: "User answered" }],
      }),
      event("StepBegin", { n: 2 }),
      textPart("z"),
      status,
      event("TurnEnd"),
    ]);
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("Q-002 a client that cannot answer is not asked: the call executes, with the honest error", async () => {
    const workspace = createWorkspace({ scripts: [ask(), say("on"), ask("t2"), say("on")] });
    const kernel = startKernel(workspace);
    const never = await runTurn(kernel, "go");
    const { result } = await kernel.initialize();
    expect(result?.capabilities).toEqual({ supports_question: true });
    const silent = await runTurn(kernel, "go");
    for (const [turn, id] of [[never, "t1"] as const, [silent, "t2"] as const]) {
      expect(types(turn.messages)).not.toContain("request:QuestionRequest");
      const value = resultOf(turn.messages, id);
      expect(value).toMatchObject({ is_error: true, display: [{ type: "brief", text: "Client unsupported" }] });
      expect(value.message).toContain("does not support interactive questions");
      expect(value.message).toContain("Do NOT call this tool again");
      expect(turn.response.result).toEqual({ status: "finished" });
    }
  });

  it("Q-003 capabilities count until they are given again", async () => {
    const scripts = ["a", "b", "c"].flatMap((id) => [ask(id), say("on")]);
    const kernel = startKernel(createWorkspace({ scripts }));
    const asked = async () => {
      const turn = await runTurn(kernel, "go", (request) => answerQuestion(kernel, request, "A"));
      return types(turn.messages).includes("request:QuestionRequest");
    };
    await ableTo(kernel);
    expect(await asked()).toBe(true);
    await kernel.initialize({ client: { name: "again" } });
    expect(await asked()).toBe(true);
    await kernel.initialize({ capabilities: { supports_plan_mode: true } });
    expect(await asked()).toBe(false);
  });

  it("Q-004 cancel with a question open: {}, TurnEnd, cancelled; the late answer is ignored", async () => {
    const workspace = createWorkspace({ scripts: [script(say("q"), ask()), say("next")] });
    const kernel = startKernel(workspace);
    await ableTo(kernel);
    const id = kernel.request("prompt", { user_input: "go" });
    const request = await kernel.serverRequest("QuestionRequest");
    expect((await kernel.call("cancel")).result).toEqual({});
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(types(kernel.log)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate", "request:QuestionRequest", "TurnEnd"],
    ]);
    answerQuestion(kernel, request, "A");
    const next = await runTurn(kernel, "on");
    expect(types(next.messages)).toEqual(["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
    expect((await kernel.close()).code).toBe(0);
    expect(kernel.noise).toEqual([]);
  });

  it("Q-005 a question answered twice: the first answer counts", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [ask(), say("z")] }));
    await ableTo(kernel);
    const turn = await runTurn(kernel, "go", (request) => {
      answerQuestion(kernel, request, "A");
      answerQuestion(kernel, request, "B");
      kernel.send({ id: request.id as string, error: { code: -32000, message: "too late" } });
    });
    expect(payloads(turn.messages, "ToolResult")).toHaveLength(1);
    expect(resultOf(turn.messages, "t1").output).toBe('{"answers": {"Q1?": "A"}}');
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(kernel.log.filter((m) => m.method === undefined && m.error !== undefined)).toEqual([]);
  });

  it("Q-006 what is no answer is a dismissal, and a dismissal is no error", async () => {
    const bad: ((request: Message) => unknown)[] = [
      () => ({}),
      () => null,
      () => [],
      (request) => ({ request_id: request.id }),
      (request) => ({ request_id: request.id, answers: ["A"] }),
      (request) => ({ request_id: request.id, answers: { "Q1?": ["A"] } }),
      (request) => ({ request_id: request.id, answers: { "Q1?": 1 } }),
      (request) => ({ request_id: request.id, answers: { "Q2?": "A" } }),
      (request) => ({ request_id: request.id, answers: { "Q1?": "" } }),
      (request) => ({ request_id: request.id, answers: {} }),
    ];
    const scripts = [...bad.keys(), bad.length].flatMap((n) => [ask(`t${n}`), say("on")]);
    const kernel = startKernel(createWorkspace({ scripts }));
    await ableTo(kernel);
    for (const [n, result] of bad.entries()) {
      const turn = await runTurn(kernel, "go", (request) => kernel.answer(request, result(request)));
      expect(resultOf(turn.messages, `t${n}`), `case ${n}`).toMatchObject({ is_error: false, output: DISMISSED });
      expect(turn.response.result).toEqual({ status: "finished" });
    }
    const refused = await runTurn(kernel, "go", (request) =>
      kernel.send({ id: request.id as string, error: { code: -32601, message: "no questions here" } }),
    );
    expect(resultOf(refused.messages, `t${bad.length}`)).toMatchObject({ is_error: false, output: DISMISSED });
  });

  it("Q-007 no question, five questions, one or five options, the same twice: refused before anyone is asked", async () => {
    const question = (question: string, options: unknown[] = AB) => ({ question, options });
    const five = ["1", "2", "3", "4", "5"];
    const bad: Record<string, unknown>[] = [
      {},
      { questions: [] },
      { questions: five.map((name) => question(name)) },
      { questions: [question("Q", [{ label: "A" }])] },
      {
        questions: [
          question(
            "Q",
            five.map((label) => ({ label })),
          ),
        ],
      },
      { questions: [question("Q"), question("Q")] },
      { questions: [question("Q", [{ label: "A" }, { label: "A" }])] },
      { questions: [question(" ")] },
      { questions: "Q" },
    ];
    const kernel = startKernel(
      createWorkspace({ scripts: [script(...bad.map((args, n) => ask(`t${n}`, args))), say("z")] }),
    );
    await ableTo(kernel);
    const turn = await runTurn(kernel, "go");
    for (const n of bad.keys()) {
      const value = resultOf(turn.messages, `t${n}`);
      expect(value.message, `case ${n}`).toMatch(/^Error validating JSON arguments: questions/);
      expect(value).toMatchObject({ is_error: true, display: [{ type: "brief", text: "Invalid arguments" }] });
    }
    expect(types(turn.messages)).not.toContain("request:QuestionRequest");
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("Q-008 questions and an approval are open beside each other; each answer finds its own", async () => {
    const two = {
      questions: [
        { question: "X?", options: AB },
        { question: "Y?", options: AB },
      ],
    };
    const scripts = [script(ask("t1"), shell("t2", "echo ok"), ask("t3", two)), say("z")];
    const kernel = startKernel(createWorkspace({ scripts }));
    await ableTo(kernel);
    const open: Message[] = [];
    const turn = await runTurn(kernel, "go", (request) => {
      if (open.push(request) < 3) return;
      for (const asked of open.reverse()) {
        if (asked.params?.type === "ApprovalRequest") kernel.approve(asked);
        else answerQuestion(kernel, asked, { "Y?": "B", "X?": "own words", "Q1?": "A" });
      }
    });
    expect(resultOf(turn.messages, "t1").output).toBe('{"answers": {"Q1?": "A"}}');
    expect(resultOf(turn.messages, "t2").output).toBe("ok\n");
    expect(resultOf(turn.messages, "t3").output).toBe('{"answers": {"X?": "own words", "Y?": "B"}}');
    expect(questionsOf(open.find((m) => m.params?.payload.tool_call_id === "t3") as Message)).toHaveLength(2);
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("Q-009 the client leaves with a question open: exit 0 in time, TurnEnd recorded, the session goes on", async () => {
    const workspace = createWorkspace({ scripts: [ask(), say("back")] });
    const kernel = startKernel(workspace);
    await ableTo(kernel);
    kernel.request("prompt", { user_input: "go" });
    await kernel.serverRequest("QuestionRequest");
    expect((await kernel.close(2_000)).code).toBe(0);
    expect(wireTypes(workspace).at(-1)).toBe("TurnEnd");
    const next = startKernel(workspace, { args: ["--continue"] });
    expect((await next.call("replay")).result).toMatchObject({ status: "finished", requests: 1 });
  });

  it("Q-010 a question is recorded with its id and replayed as a request that nobody waits for", async () => {
    const workspace = createWorkspace({ scripts: [ask(), say("z")] });
    const kernel = startKernel(workspace);
    await ableTo(kernel);
    const turn = await runTurn(kernel, "go", (request) => answerQuestion(kernel, request, "A"));
    const asked = turn.messages.find((m) => m.method === "request");
    const recorded = wireRecords(workspace).find(({ message }) => message.type === "QuestionRequest");
    expect(recorded?.message.payload).toEqual(asked?.params?.payload);
    const start = kernel.log.length;
    const id = kernel.request("replay");
    const again = await kernel.serverRequest("QuestionRequest");
    expect(again).toEqual(asked);
    answerQuestion(kernel, again, "B");
    const { result } = await kernel.response(id);
    expect(result).toEqual({ status: "finished", events: turn.messages.length - 1, requests: 1 });
    const sent = kernel.log.slice(start).filter((m) => m.method !== undefined);
    expect(sent).toEqual(turn.messages);
  });

  it("Q-011 afk: questions are dismissed unasked and calls approved, by flag and by command", async () => {
    const both = () => script(ask("q"), shell("s", "echo ok"));
    const workspace = createWorkspace({ scripts: [both(), say("on"), both(), say("on")] });
    const kernel = startKernel(workspace, { args: ["--afk"] });
    await ableTo(kernel);
    const away = await runTurn(kernel, "go");
    expect(types(away.messages).filter((type) => type.startsWith("request:"))).toEqual([]);
    expect(resultOf(away.messages, "q")).toMatchObject({ is_error: false, output: DISMISSED });
    expect(resultOf(away.messages, "s").output).toBe("ok\n");
    const slash = await runTurn(kernel, "/afk");
    expect(types(slash.messages)).toEqual(["TurnBegin", "ContentPart", "TurnEnd"]);
    const back = await runTurn(kernel, "go", (request) => {
      if (request.params?.type === "ApprovalRequest") kernel.approve(request);
      else answerQuestion(kernel, request, "A");
    });
    expect(
      types(back.messages)
        .filter((type) => type.startsWith("request:"))
        .sort(),
    ).toEqual(["request:ApprovalRequest", "request:QuestionRequest"]);
  });

  it("Q-012 the tools of questions and plan mode are listed only to clients that can show them", async () => {
    const server = await startModelServer(["a", "b", "c", "d"].map((word) => textReply(word)));
    const kernel = startKernel(createWorkspace({ config: server.config() }));
    const listed: string[][] = [];
    for (const capabilities of [undefined, { supports_question: true }, ABLE, {}]) {
      await kernel.initialize(capabilities === undefined ? {} : { capabilities });
      await runTurn(kernel, "hi");
      listed.push(server.requests.at(-1)?.body.tools?.map((tool) => tool.function.name) ?? []);
    }
    const [none, question, able, again] = listed;
    const plain = none as string[];
    for (const name of ["AskUserQuestion", "EnterPlanMode", "ExitPlanMode"]) expect(plain).not.toContain(name);
    const own = (names: string[] | undefined) => names?.filter((name) => !plain.includes(name));
    expect(own(question)).toEqual(["AskUserQuestion"]);
    expect(own(able)).toEqual(["AskUserQuestion", "ExitPlanMode", "EnterPlanMode"]);
    expect(able?.indexOf("AskUserQuestion")).toBeLessThan(able?.indexOf("SetTodoList") ?? -1);
    expect(able?.indexOf("ExitPlanMode")).toBe((able?.indexOf("FetchURL") ?? 0) + 1);
    expect(again).toEqual(none);
  });
});
