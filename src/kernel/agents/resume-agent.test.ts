import { appendFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentLogger } from "../logger.js";
import type { AgentPosition, TurnPosition } from "../storage/turn-position.js";
import { callPart, FakeProvider, reply, stuck, toolCall } from "../testing/fake-provider.js";
import { fakeTool, fakeToolset } from "../testing/fake-tools.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { callPosition, endedStep, stepPosition, turnPosition } from "../testing/turn-positions.js";
import { agent } from "../tools/agent.js";
import { NO_SERVICES, type PreparedCall, type ToolContext, toolOk } from "../tools/tool.js";
import { readAgentHistory } from "./agent-folder.js";
import { AgentRunner } from "./agent-runner.js";

const fixtures = turnFixtures();
const REPORT = "r".repeat(200);
const ARGS = { description: "d", prompt: "do", subagent_type: "coder" };

async function setUp(...replies: ConstructorParameters<typeof FakeProvider>) {
  const ran: string[] = [];
  const provider = new FakeProvider(...replies);
  const made = await fixtures.turn({ provider });
  const work = fakeTool("Work", {
    run: (args) => {
      ran.push(args ?? "");
      return toolOk("worked");
    },
  });
  const type = {
    name: "coder",
    description: "",
    systemPrompt: () => "I am coder",
    tools: null,
    excluded: new Set<string>(),
  };
  const agents = new AgentRunner({
    recorder: made.recorder,
    gate: made.deps.gate,
    hooks: made.deps.hooks,
    types: [{ ...type, model: null }],
    toolset: () => fakeToolset(work),
    provider: async () => provider,
    loop: made.deps.loop,
    workDir: made.deps.workDir,
    turnSourceId: () => "f".repeat(32),
    planMode: () => false,
    random: () => 0,
    freshCallId: () => "fresh",
    logger: silentLogger,
  });
  /** Runs the Agent call, as the turn would. */
  const call = async (args: object, earlier: AgentPosition | null, signal = new AbortController().signal) => {
    const context = { services: { ...NO_SERVICES, agents } } as unknown as ToolContext;
    const prepared = (await agent.prepare({ ...ARGS, ...args } as never, context, signal)) as PreparedCall;
    const run = { signal, toolCallId: "t1", effectId: "e", ...(earlier === null ? {} : { agent: earlier }) };
    return await prepared.execute(run);
  };
  /** An agent that its kernel left in its first step; the folder holds what it stored. */
  const cutAgent = async () => {
    const cut = new AbortController();
    provider.script(stuck());
    const dead = call({}, null, cut.signal).catch(() => null);
    while (provider.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    cut.abort(new Error("killed"));
    await dead;
    made.sink.sent.length = 0;
    provider.requests.length = 0;
    return readdirSync(join(made.log.dir, "subagents"))[0] ?? "";
  };
  const nested = () =>
    made.sink.payloads("SubagentEvent").map(({ event }) => event as { type: string; payload: Record<string, unknown> });
  return { ...made, provider, ran, call, cutAgent, nested };
}

const position = (agentId: string, change: Partial<TurnPosition> = {}, background = false): AgentPosition => {
  const turn = turnPosition({ hasContext: false, openInnerTurns: 1, ...change });
  return { agentId, subagentType: "coder", background, turn };
};

test("an agent that was cut off goes on in its own conversation and ends the bracket that is open", async () => {
  const { call, cutAgent, provider, nested } = await setUp();
  const agentId = await cutAgent();
  provider.script(reply([REPORT]));
  const result = await call({}, position(agentId, { step: stepPosition() }));
  expect(result.output).toContain(`agent_id: ${agentId}\nresumed: true`);
  expect(result.output).toContain(REPORT);
  expect(provider.requests.map(({ messages }) => messages.length)).toEqual([1]);
  expect(nested().map(({ type }) => type)).toEqual(["ContentPart", "StatusUpdate", "TurnEnd"]);
});

test("its calls go on by their own records: one that may have acted is unknown, the others run", async () => {
  const { call, cutAgent, provider, nested, ran } = await setUp();
  const agentId = await cutAgent();
  provider.script(reply([REPORT]));
  const touched = callPosition({
    intent: { effectId: "e", effect: "exec", actionHash: "h", before: [], after: [], process: null },
  });
  const step = endedStep([toolCall("s1", "Work", { a: 1 }), toolCall("s2", "Work", { b: 2 })], { s1: touched });
  await call({}, position(agentId, { step }));
  expect(ran).toEqual(['{"b":2}']);
  const results = nested().filter(({ type }) => type === "ToolResult");
  expect(
    results
      .map(({ payload }) => [payload.tool_call_id, (payload.return_value as { is_error: boolean }).is_error])
      .sort(),
  ).toEqual([
    ["s1", true],
    ["s2", false],
  ]);
});

test("an agent that had ended only reports; one that had not begun its turn begins it", async () => {
  const ended = await setUp();
  ended.provider.script(reply([callPart("s1", "Work")]), reply([REPORT]));
  await ended.call({}, null);
  const [agentId = ""] = readdirSync(join(ended.log.dir, "subagents"));
  ended.provider.requests.length = 0;
  const step = stepPosition({ n: 2, outcome: "end", end: { usage: null, messageId: null, finishReason: "stop" } });
  const result = await ended.call({}, position(agentId, { openInnerTurns: 0, step }));
  expect([ended.provider.requests, result.isError]).toEqual([[], false]);

  const early = await setUp();
  const id = await early.cutAgent();
  early.provider.script(reply([REPORT]));
  await early.call({}, position(id, { openInnerTurns: 0, step: null }));
  expect(early.nested().map(({ type }) => type)[0]).toBe("TurnBegin");
});

test("what an earlier run was asked and never answered is not taken for the prompt of this one", async () => {
  const { call, cutAgent, provider } = await setUp();
  const agentId = await cutAgent();
  provider.script(reply([REPORT]));
  const inner = { userInput: "something else", said: false };
  await call({ prompt: "something else" }, position(agentId, { step: null, inner }));
  const asked = provider.requests[0]?.messages.map(({ content }) => content);
  expect(asked).toEqual([[{ type: "text", text: "do" }], [{ type: "text", text: "something else" }]]);
});

test("results that a dead kernel recorded and stored half are what they were, in its file too", async () => {
  const { call, cutAgent, provider, log } = await setUp();
  const agentId = await cutAgent();
  const calls = [toolCall("s1", "Work", { a: 1 }), toolCall("s2", "Work", { b: 2 })];
  const path = join(log.dir, "subagents", agentId, "context.jsonl");
  const stored = [
    { role: "assistant", content: [], tool_calls: calls.map(({ extras: _extras, ...kept }) => kept) },
    { role: "tool", content: "first", tool_call_id: "s1" },
  ];
  appendFileSync(path, `${stored.map((line) => `${JSON.stringify(line)}\n`).join("")}{"role":"tool","con`);
  provider.script(reply([REPORT]));
  const returned = (output: string) => ({ is_error: false, output, message: "", display: [], extras: null });
  const done = (output: string) => callPosition({ result: { returnValue: returned(output), rejection: null } });
  const step = endedStep(calls, { s1: done("first"), s2: done("second") }, { outcome: "again" });
  await call({}, position(agentId, { step }));
  const told = provider.requests[0]?.messages.map(({ content }) =>
    content.map((part) => ("text" in part ? part.text : "")),
  );
  expect(told).toEqual([["do"], [], ["first"], ["second"]]);
  expect(readAgentHistory(join(log.dir, "subagents", agentId))?.messages.slice(0, 4)).toEqual(
    provider.requests[0]?.messages,
  );
});

test("an agent in the background ended with its kernel: the model is told how to go on with it", async () => {
  const { call, provider } = await setUp();
  const result = await call({ run_in_background: true }, position("a00000001", {}, true));
  expect([result.isError, provider.requests]).toEqual([true, []]);
  expect(result.message).toContain('resume: "a00000001"');
});

test("an agent whose folder is gone is an error for the model", async () => {
  const { call, log } = await setUp();
  mkdirSync(join(log.dir, "subagents"), { recursive: true });
  expect(await call({}, position("a00000001"))).toMatchObject({ isError: true });
});
