import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { silentLogger } from "../logger.js";
import { callPart, FakeProvider, failing, providerError, reply, stuck, textPart } from "../testing/fake-provider.js";
import { fakeTool, fakeToolset } from "../testing/fake-tools.js";
import { approving } from "../testing/recording-sink.js";
import { lines, turnFixtures } from "../testing/turn-fixture.js";
import { AgentFailure, type AgentRun } from "../tools/services/agents.js";
import { toolOk } from "../tools/tool.js";
import { AgentRunner } from "./agent-runner.js";
import type { AgentType } from "./agent-type.js";

const fixtures = turnFixtures();
const REPORT = "r".repeat(200);
const NO_SIGNAL = new AbortController().signal;

afterEach(() => {
  vi.useRealTimers();
});

function type(name: string, change: Partial<AgentType> = {}): AgentType {
  return {
    name,
    description: "",
    systemPrompt: () => `I am ${name}`,
    tools: null,
    excluded: new Set(),
    model: null,
    ...change,
  };
}

function request(change: Partial<AgentRun> = {}): AgentRun {
  const base = { toolCallId: "t1", description: "d", prompt: "do", subagentType: "coder" };
  return { ...base, model: null, resume: null, timeoutS: null, ...change };
}

async function runner(provider: FakeProvider, options: Parameters<typeof fixtures.turn>[0] = {}) {
  const made = await fixtures.turn({ provider, ...options });
  const tools = options?.tools ?? [fakeTool("Work", { ask: true }), fakeTool("Agent"), fakeTool("Look")];
  const agents = new AgentRunner({
    recorder: made.recorder,
    gate: made.deps.gate,
    hooks: made.deps.hooks,
    types: [type("coder"), type("looker", { tools: ["Look"] }), type("other", { model: "big" })],
    toolset: () => fakeToolset(...tools),
    provider: async (alias) => {
      if (alias !== null && alias !== "big") throw new AgentFailure(`no ${alias}`, "Model not available");
      return provider;
    },
    loop: made.deps.loop,
    workDir: made.deps.workDir,
    turnSourceId: () => "f".repeat(32),
    planMode: () => false,
    random: () => 0,
    freshCallId: () => "fresh",
    logger: silentLogger,
  });
  const dir = (id: string) => join(made.log.dir, "subagents", id);
  const nestedTypes = () => made.sink.payloads("SubagentEvent").map(({ event }) => (event as { type: string }).type);
  return { ...made, agents, dir, nestedTypes };
}

describe("a run", () => {
  test("gives the last words; events are nested and merged, the approval names the agent", async () => {
    const { agents, sink, nestedTypes } = await runner(
      new FakeProvider(reply(["a", "b", callPart("s1", "Work")]), reply([REPORT])),
    );
    sink.onRequest = approving({ response: "approve" });
    const result = await agents.run(request(), NO_SIGNAL);
    expect(result).toEqual({
      agentId: expect.stringMatching(/^a[0-9a-f]{8}$/),
      resumed: false,
      actualType: "coder",
      text: REPORT,
    });
    expect(nestedTypes()).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate", "ToolResult"],
      ...["StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(sink.payloads("SubagentEvent")[2]).toEqual({
      parent_tool_call_id: "t1",
      agent_id: result.agentId,
      subagent_type: "coder",
      event: { type: "ContentPart", payload: { type: "text", text: "ab" } },
    });
    expect(sink.payloads("ApprovalRequest")).toMatchObject([
      { source_kind: "foreground_turn", source_id: "f".repeat(32), agent_id: result.agentId, subagent_type: "coder" },
    ]);
  });

  test("the journal has its begin, its own notes in order, a synced result and its end", async () => {
    const { agents, sink, journal } = await runner(new FakeProvider(reply([callPart("s1", "Work")]), reply([REPORT])));
    sink.onRequest = approving({ response: "approve" });
    const { agentId } = await agents.run(request(), NO_SIGNAL);
    const own = journal().flatMap(({ kind, agent_id, note }) => {
      if (agent_id !== agentId) return [];
      return [kind === "agent_note" ? (note as { kind: string }).kind : String(kind)];
    });
    expect(own).toEqual([
      ...["agent_begin", "step", "stream_end", "intent", "step_end"],
      ...["step", "stream_end", "step_end", "agent_end"],
    ]);
    const kinds = journal().map(({ kind, note }) => (kind === "agent_note" ? (note as { kind: string }).kind : kind));
    expect(kinds.indexOf("answer")).toBeLessThan(kinds.indexOf("intent"));
    expect(journal().find(({ kind }) => kind === "agent_begin")).toMatchObject({
      tool_call_id: "t1",
      task_id: null,
      subagent_type: "coder",
      resumed: false,
    });
  });

  test("a type sees its own tools only, in the order of the session, and never Agent", async () => {
    const provider = new FakeProvider(reply([REPORT]), reply([REPORT]));
    const { agents } = await runner(provider);
    await agents.run(request(), NO_SIGNAL);
    await agents.run(request({ subagentType: "looker" }), NO_SIGNAL);
    expect(provider.requests.map(({ tools }) => tools.map(({ name }) => name))).toEqual([["Work", "Look"], ["Look"]]);
    expect(provider.requests.map(({ systemPrompt }) => systemPrompt)).toEqual(["I am coder", "I am looker"]);
  });

  test("its files: conversation, events, prompt, log and state", async () => {
    const { agents, dir } = await runner(new FakeProvider(reply(["short"]), reply(["longer"])));
    const { agentId, text } = await agents.run(request(), NO_SIGNAL);
    expect(text).toBe("longer");
    expect(lines(join(dir(agentId), "context.jsonl")).map(({ role }) => role)).toEqual([
      ...["_system_prompt", "_checkpoint", "user", "_checkpoint", "assistant"],
      ...["_checkpoint", "user", "_checkpoint", "assistant"],
    ]);
    expect(lines(join(dir(agentId), "wire.jsonl"))[0]).toEqual({ type: "metadata", protocol_version: "1.10" });
    expect(readFileSync(join(dir(agentId), "prompt.txt"), "utf8")).toBe("do");
    expect(readFileSync(join(dir(agentId), "output"), "utf8")).toBe("short\nlonger\n\n[summary]\nlonger\n");
    expect(JSON.parse(readFileSync(join(dir(agentId), "meta.json"), "utf8"))).toMatchObject({ status: "idle" });
  });
});

describe("what goes wrong", () => {
  test("a failure of the model is thrown as it is, after the nested TurnEnd", async () => {
    const { agents, nestedTypes } = await runner(new FakeProvider(failing(providerError("no", { retryable: false }))));
    await expect(agents.run(request(), NO_SIGNAL)).rejects.toMatchObject({ message: "no", name: "APIConnectionError" });
    expect(nestedTypes()).toEqual(["TurnBegin", "StepBegin", "StepInterrupted", "TurnEnd"]);
  });

  test.each([
    [{ subagentType: "nope" }, "Unknown subagent type"],
    [{ resume: "a00000000" }, "Agent not found"],
    [{ resume: "../S1" }, "Agent not found"],
    [{ model: "nope" }, "Model not available"],
  ])("%j is refused before anything is written", async (change, brief) => {
    const { agents, log, sink } = await runner(new FakeProvider());
    await expect(agents.run(request(change), NO_SIGNAL)).rejects.toMatchObject({ name: "AgentFailure", brief });
    expect(existsSync(join(log.dir, "subagents"))).toBe(false);
    expect(sink.sent).toEqual([]);
  });

  test("used up steps are a failure of the agent", async () => {
    const again = () => reply([callPart("s", "Look")]);
    const { agents } = await runner(new FakeProvider(again(), again()), { loop: { max_steps_per_turn: 2 } });
    await expect(agents.run(request(), NO_SIGNAL)).rejects.toMatchObject({ brief: "Max steps reached" });
  });

  test("its time limit ends it with a nested TurnEnd", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { agents, sink, nestedTypes } = await runner(new FakeProvider(stuck(["a"])));
    const run = agents.run(request({ timeoutS: 30 }), NO_SIGNAL);
    run.catch(() => {});
    await sink.seen("SubagentEvent", 2);
    await vi.advanceTimersByTimeAsync(30_000);
    await expect(run).rejects.toMatchObject({ brief: "Agent timed out" });
    expect(nestedTypes().at(-1)).toBe("TurnEnd");
  });

  test("after a cancel nothing is shown any more, and it may be resumed", async () => {
    const provider = new FakeProvider(reply(["a", callPart("s1", "Work")]), reply([REPORT]));
    const { agents, sink, dir } = await runner(provider);
    const turn = new AbortController();
    const run = agents.run(request(), turn.signal);
    run.catch(() => {});
    await sink.seen("ApprovalRequest");
    const before = sink.sent.length;
    turn.abort(new Error("cancelled"));
    await expect(run).rejects.toThrow("cancelled");
    expect(sink.types().slice(before)).toEqual(["ApprovalResponse"]);
    const [agent] = sink.payloads("SubagentEvent");
    const id = String(agent?.agent_id);
    expect(JSON.parse(readFileSync(join(dir(id), "meta.json"), "utf8"))).toMatchObject({ status: "killed" });
    const wire = lines(join(dir(id), "wire.jsonl")).map(
      ({ message }) => (message as { type: string } | undefined)?.type,
    );
    expect(wire.at(-1)).toBe("TurnEnd");
    expect(await agents.run(request({ resume: id, prompt: "go on" }), NO_SIGNAL)).toMatchObject({ resumed: true });
  });
});

describe("resume", () => {
  test("goes on with the stored conversation and the agent's own type", async () => {
    const provider = new FakeProvider(reply([REPORT]), reply([`2${REPORT}`]));
    const { agents } = await runner(provider);
    const first = await agents.run(request({ subagentType: "looker" }), NO_SIGNAL);
    const second = await agents.run(request({ resume: first.agentId, prompt: "more" }), NO_SIGNAL);
    expect(second).toEqual({ agentId: first.agentId, resumed: true, actualType: "looker", text: `2${REPORT}` });
    expect(provider.requests[1]?.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(provider.requests[1]?.systemPrompt).toBe("I am looker");
  });

  test("of one that runs is refused, also when two ask in one step", async () => {
    const provider = new FakeProvider(reply([REPORT]), stuck(["a"]), stuck(["a"]));
    const { agents } = await runner(provider);
    const { agentId } = await agents.run(request(), NO_SIGNAL);
    const turn = new AbortController();
    const both = [1, 2].map(() => agents.run(request({ resume: agentId }), turn.signal));
    const outcomes = Promise.allSettled(both);
    await expect(
      Promise.any(both.map((run) => run.catch((e) => (e instanceof AgentFailure ? e.brief : null)))),
    ).resolves.toBe("Agent is running");
    turn.abort(new Error("over"));
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});

describe("in the background", () => {
  test("shows nothing, asks as a background agent, and writes to the task too", async () => {
    const provider = new FakeProvider(reply([callPart("s1", "Work")]), reply([textPart(REPORT)]));
    const { agents, sink } = await runner(provider, {
      tools: [fakeTool("Work", { ask: true, run: () => toolOk("done") })],
    });
    sink.onRequest = approving({ response: "approve" });
    let output = "";
    const onOutput = (text: string) => {
      output += text;
    };
    const task = { taskId: "agent-12345678", signal: NO_SIGNAL, onOutput };
    const started = await agents.start(request(), task);
    expect((await started.done).text).toBe(REPORT);
    expect(sink.types()).toEqual(["request:ApprovalRequest", "ApprovalResponse"]);
    expect(sink.payloads("ApprovalRequest")).toMatchObject([
      { source_kind: "background_agent", source_id: "agent-12345678", agent_id: started.agentId },
    ]);
    expect(output).toBe(`[tool] Work\n[tool_result] success\n${REPORT}\n\n[summary]\n${REPORT}\n`);
  });
});
