/** Subagents: what a client sees of them, their approvals, their files (wire.md 3.5, 4.2, 8.1). */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell, usage } from "./echo-scripts.js";
import { failure, HEX32, PLAIN_STATUS } from "./expected-events.js";
import { startKernel } from "./kernel-process.js";
import { sessionFolders } from "./session-files.js";
import { conversation, readLines, sessionDir, wireRecords, wireTypes } from "./session-records.js";
import { agent, agentDirs, nested, REPORT, reports, resultOf, shape } from "./subagents.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const AGENT_ID = /^a[0-9a-f]{8}$/;

describe("one subagent", () => {
  it("A-101 its events are nested, its approval is not, its last words are the result", async () => {
    const workspace = createWorkspace({
      scripts: [
        script(say("deleg"), agent("t1", "sub prompt", { subagent_type: "coder" })),
        script(say("sub "), say("start"), shell("s1", "echo sub")),
        script(reports, usage({ input_other: 3, output: 4 })),
        say("done"),
      ],
    });
    const kernel = startKernel(workspace);
    const asked: Record<string, unknown>[] = [];
    const turn = await runTurn(kernel, "go", (request) => {
      asked.push(request.params?.payload ?? {});
      kernel.approve(request);
    });
    expect(shape(turn.messages)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate"],
      ...[".TurnBegin", ".StepBegin", ".ContentPart", ".ToolCall", ".StatusUpdate"],
      ...["request:ApprovalRequest", "ApprovalResponse"],
      ...[".ToolResult", ".StepBegin", ".ContentPart", ".StatusUpdate", ".TurnEnd"],
      ...["ToolResult", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    const inner = nested(turn.messages);
    const { agent_id } = inner[0] as (typeof inner)[0];
    expect(agent_id).toMatch(AGENT_ID);
    for (const each of inner) {
      expect(each).toMatchObject({ parent_tool_call_id: "t1", agent_id, subagent_type: "coder" });
      expect(Object.keys(each).sort()).toEqual(["agent_id", "event", "parent_tool_call_id", "subagent_type"]);
    }
    expect(inner.slice(0, 5).map(({ event }) => event)).toEqual([
      { type: "TurnBegin", payload: { user_input: "sub prompt" } },
      { type: "StepBegin", payload: { n: 1 } },
      { type: "ContentPart", payload: { type: "text", text: "sub start" } },
      {
        type: "ToolCall",
        payload: {
          type: "function",
          id: "s1",
          function: { name: "Shell", arguments: '{"command":"echo sub"}' },
          extras: null,
        },
      },
      { type: "StatusUpdate", payload: PLAIN_STATUS },
    ]);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      tool_call_id: "s1",
      sender: "Shell",
      source_kind: "foreground_turn",
      source_id: expect.stringMatching(HEX32),
      agent_id,
      subagent_type: "coder",
      source_description: null,
    });
    expect(inner.at(-2)?.event.payload).toMatchObject({ context_tokens: 3, max_context_tokens: 100_000 });
    expect(resultOf(turn.messages, "t1")).toEqual({
      is_error: false,
      output: `agent_id: ${agent_id}\nresumed: false\nactual_subagent_type: coder\nstatus: completed\n\n[summary]\n${REPORT}`,
      message: "",
      display: [],
      extras: null,
    });
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("A-102 arguments that come in parts are merged into one nested ToolCall", async () => {
    const pieces = script(
      call("s1", "Think", '{"thou'),
      'tool_call_part: {"arguments_part": "ght\\":\\"a\\"}"}',
      "tool_call_part: null",
    );
    const workspace = createWorkspace({ scripts: [agent("t1", "p"), pieces, reports, say("done")] });
    const turn = await runTurn(startKernel(workspace), "go");
    const inner = nested(turn.messages).map(({ event }) => event);
    expect(inner.filter(({ type }) => type === "ToolCallPart")).toEqual([]);
    expect(inner.find(({ type }) => type === "ToolCall")?.payload).toMatchObject({
      function: { name: "Think", arguments: '{"thought":"a"}' },
    });
  });

  it("A-103 few last words: one more nested turn asks for more, and no third", async () => {
    const workspace = createWorkspace({ scripts: [agent("t1", "p"), say("short"), say("still short"), say("done")] });
    const turn = await runTurn(startKernel(workspace), "go");
    const once = [".TurnBegin", ".StepBegin", ".ContentPart", ".StatusUpdate", ".TurnEnd"];
    expect(shape(turn.messages).slice(4, 15)).toEqual([...once, ...once, "ToolResult"]);
    expect(resultOf(turn.messages, "t1").output).toContain("\n\n[summary]\nstill short");
  });

  it("A-104 its model fails: an error result with the status, and the outer loop goes on", async () => {
    const workspace = createWorkspace({ scripts: [agent("t1", "p"), "error: 400 bad", say("done")] });
    const turn = await runTurn(startKernel(workspace), "go");
    expect(shape(turn.messages).slice(4)).toEqual([
      ...[".TurnBegin", ".StepBegin", ".StepInterrupted", ".TurnEnd", "ToolResult"],
      ...["StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(resultOf(turn.messages, "t1")).toEqual(
      failure("LLM API error (HTTP 400) when running agent: bad", "API error (400)"),
    );
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("A-105 a rejected call in it: its own words, and it goes on", async () => {
    const workspace = createWorkspace({ scripts: [agent("t1", "p"), shell("s1", "touch ran"), reports, say("done")] });
    const kernel = startKernel(workspace);
    const turn = await runTurn(kernel, "go", (request) => kernel.approve(request, "reject"));
    const result = nested(turn.messages).find(({ event }) => event.type === "ToolResult")?.event.payload;
    expect(result?.return_value).toMatchObject({
      is_error: true,
      message: expect.stringMatching(/^The tool call is rejected by the user\. Try a different approach/),
      display: [{ type: "brief", text: "Rejected by user" }],
    });
    expect(resultOf(turn.messages, "t1").is_error).toBe(false);
    expect(types(turn.messages).at(-1)).toBe("TurnEnd");
    expect(payloads(turn.messages, "StepBegin")).toEqual([{ n: 1 }, { n: 2 }]);
    expect(existsSync(join(workspace.workDir, "ran"))).toBe(false);
  });

  it("A-106 cancel while it waits for an approval: reject, TurnEnd, and nothing after that", async () => {
    const workspace = createWorkspace({ scripts: [agent("t1", "p"), shell("s1", "echo sub"), say("next")] });
    const kernel = startKernel(workspace);
    const id = kernel.request("prompt", { user_input: "go" });
    const asked = await kernel.serverRequest("ApprovalRequest");
    const from = kernel.log.length;
    const at = Date.now();
    expect((await kernel.call("cancel")).result).toEqual({});
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(Date.now() - at).toBeLessThan(1_000);
    kernel.approve(asked);
    const next = await runTurn(kernel, "again");
    const shapes = shape(kernel.log.slice(from));
    expect(shapes.slice(0, 3)).toEqual(["ApprovalResponse", "TurnEnd", "TurnBegin"]);
    expect(shapes.filter((type) => type.startsWith("."))).toEqual([]);
    expect(next.response.result).toEqual({ status: "finished" });
  });

  it("A-107 cancel while its command runs: no nested event after TurnEnd", async () => {
    const workspace = createWorkspace({ scripts: [agent("t1", "p"), shell("s1", "sleep 30"), say("next")] });
    const kernel = startKernel(workspace, { args: ["--yolo"] });
    const id = kernel.request("prompt", { user_input: "go" });
    await kernel.next((m) => nested([m])[0]?.event.type === "StatusUpdate", "the nested call");
    const from = kernel.log.length;
    await kernel.call("cancel");
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    await runTurn(kernel, "again");
    expect(shape(kernel.log.slice(from))).toEqual([
      ...["TurnEnd", "TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
  });
});

describe("types and arguments", () => {
  it("A-201 explore and plan have no tools that write; nobody has Agent, questions, tasks or plan mode", async () => {
    const forbidden = [
      ["WriteFile", { path: "f", content: "x" }],
      ["Agent", { description: "d", prompt: "p" }],
      ["AskUserQuestion", {}],
      ["TaskList", {}],
      ["EnterPlanMode", {}],
    ] as const;
    const calls = (prefix: string, names: readonly string[]) =>
      script(
        ...forbidden.flatMap(([name, args]) => (names.includes(name) ? [call(`${prefix}${name}`, name, args)] : [])),
      );
    const all = forbidden.map(([name]) => name);
    const workspace = createWorkspace({
      scripts: [
        ...[agent("t1", "p", { subagent_type: "plan" }), script(calls("p", all), shell("pShell", "true")), reports],
        ...[agent("t2", "p", { subagent_type: "explore" }), calls("e", all), reports],
        ...[agent("t3", "p"), calls("c", all.slice(1)), reports, say("done")],
      ],
    });
    const turn = await runTurn(startKernel(workspace, { args: ["--yolo"] }), "go");
    const messages = nested(turn.messages).flatMap(({ event }) =>
      event.type === "ToolResult" ? [(event.payload.return_value as { message: string }).message] : [],
    );
    const unknown = (names: readonly string[]) => names.map((name) => `Tool \`${name}\` not found`).sort();
    expect(messages.slice(0, 6).sort()).toEqual(unknown([...all, "Shell"]));
    expect(messages.slice(6, 11).sort()).toEqual(unknown(all));
    expect(messages.slice(11).sort()).toEqual(unknown(all.slice(1)));
    expect(existsSync(join(workspace.workDir, "f"))).toBe(false);
  });

  it("A-202 bad input: unknown type, unknown agent, no prompt, odd timeout, unknown model; the loop goes on", async () => {
    const workspace = createWorkspace({
      scripts: [
        script(
          agent("t1", "p", { subagent_type: "nope" }),
          agent("t2", "p", { resume: "a00000000" }),
          agent("t3", "p", { resume: "../../x" }),
          agent("t4", " "),
          agent("t5", "p", { timeout: 29 }),
          agent("t6", "p", { timeout: 3601 }),
          agent("t7", "p", { model: "nope" }),
          call("t8", "Agent", { prompt: "p" }),
        ),
        say("done"),
      ],
    });
    const turn = await runTurn(startKernel(workspace), "go");
    const message = (id: string) => String(resultOf(turn.messages, id).message);
    expect(message("t1")).toContain("`nope`");
    for (const id of ["t2", "t3"]) expect(message(id)).toMatch(/no agent/);
    for (const id of ["t5", "t6", "t8"]) expect(message(id)).toMatch(/^Error validating JSON arguments: /);
    for (const id of ["t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"]) {
      expect(resultOf(turn.messages, id).is_error).toBe(true);
    }
    expect(nested(turn.messages)).toEqual([]);
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("A-203 its command cannot go to the background, and its todo list is its own", async () => {
    const todos = (id: string, title: string) => call(id, "SetTodoList", { todos: [{ title, status: "pending" }] });
    const workspace = createWorkspace({
      scripts: [
        script(todos("o1", "outer")),
        agent("t1", "p"),
        script(shell("s1", "true", { run_in_background: true, description: "d" }), todos("s2", "inner")),
        reports,
        say("done"),
      ],
    });
    const turn = await runTurn(startKernel(workspace, { args: ["--yolo"] }), "go");
    const results = nested(turn.messages).filter(({ event }) => event.type === "ToolResult");
    expect(results.map(({ event }) => (event.payload.return_value as { is_error: boolean }).is_error).sort()).toEqual([
      false,
      true,
    ]);
    const state = JSON.parse(readFileSync(join(sessionDir(workspace), "state.json"), "utf8")) as { todos: unknown };
    expect(state.todos).toEqual([{ title: "outer", status: "pending" }]);
  });

  it("A-204 max_steps in a subagent is an error result, not the end of the turn", async () => {
    const think = (id: string) => call(id, "Think", { thought: id });
    const workspace = createWorkspace({
      scripts: [agent("t1", "p"), think("s1"), think("s2"), say("done")],
      config: { loop_control: { max_steps_per_turn: 2 } },
    });
    const turn = await runTurn(startKernel(workspace), "go");
    expect(resultOf(turn.messages, "t1").is_error).toBe(true);
    expect(shape(turn.messages).filter((type) => type === ".TurnEnd")).toHaveLength(1);
    expect(turn.response.result).toEqual({ status: "finished" });
  });
});

describe("types of an agent file", () => {
  it("A-205 its subagents have their own text and their own tools", async () => {
    const workspace = createWorkspace({
      scripts: [
        agent("t1", "p", { subagent_type: "reviewer" }),
        script(call("s1", "ReadFile", { path: "a.txt" }), shell("s2", "true")),
        reports,
        say("done"),
      ],
    });
    const file = (name: string, text: string) => {
      writeFileSync(join(workspace.home, name), text);
      return join(workspace.home, name);
    };
    file("sub.md", `You review in $\{KIMI_WORK_DIR}.`);
    const tools = "[kimi_cli.tools.file:ReadFile]";
    file("sub.yaml", `version: 1\nagent:\n  name: sub\n  system_prompt_path: ./sub.md\n  tools: ${tools}\n`);
    const subagents = "subagents:\n    reviewer:\n      path: ./sub.yaml\n      description: reads code\n";
    const main = file("main.yaml", `version: 1\nagent:\n  extend: default\n  ${subagents}`);
    writeFileSync(join(workspace.workDir, "a.txt"), "a\n");
    const kernel = startKernel(workspace, { args: ["--yolo", "--agent-file", main] });
    const turn = await runTurn(kernel, "go");
    const results = new Map(
      nested(turn.messages).flatMap(({ event, subagent_type }) => {
        expect(subagent_type).toBe("reviewer");
        if (event.type !== "ToolResult") return [];
        const { tool_call_id, return_value } = event.payload as { tool_call_id: string; return_value: unknown };
        return [[tool_call_id, return_value as { is_error: boolean; message: string }]];
      }),
    );
    expect(results.get("s1")?.is_error).toBe(false);
    expect(results.get("s2")?.message).toBe("Tool `Shell` not found");
    await kernel.close();
    const context = readLines(join(agentDirs(workspace)[0] as string, "context.jsonl"));
    expect(context[0]).toEqual({ role: "_system_prompt", content: `You review in ${workspace.workDir}.` });
  });
});

describe("files and resume", () => {
  it("A-301 its conversation, events, prompt and log are in a folder of its own; the session's files have the nested events", async () => {
    const workspace = createWorkspace({
      scripts: [agent("t1", "sub prompt"), shell("s1", "echo sub"), reports, say("done")],
    });
    const kernel = startKernel(workspace, { args: ["--yolo"] });
    await runTurn(kernel, "go");
    await kernel.close();
    const [dir, ...others] = agentDirs(workspace);
    expect(others).toEqual([]);
    const context = readLines(join(dir as string, "context.jsonl"));
    expect(context.map((line) => line.role)).toEqual([
      ...["_system_prompt", "_checkpoint", "user", "_checkpoint", "assistant", "tool", "_checkpoint", "assistant"],
    ]);
    const wire = readLines(join(dir as string, "wire.jsonl"));
    expect(wire[0]).toMatchObject({ type: "metadata" });
    expect(wire.slice(1).map((line) => (line.message as { type: string }).type)).toEqual([
      ...["TurnBegin", "StepBegin", "ToolCall", "StatusUpdate", "ToolResult"],
      ...["StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(readFileSync(join(dir as string, "prompt.txt"), "utf8")).toBe("sub prompt");
    expect(readFileSync(join(dir as string, "output"), "utf8")).toContain(`[summary]\n${REPORT}`);
    expect(JSON.parse(readFileSync(join(dir as string, "meta.json"), "utf8"))).toMatchObject({
      subagent_type: "coder",
      status: "idle",
      description: "do it",
      last_task_id: null,
    });
    expect(wireTypes(workspace).filter((type) => type === "SubagentEvent")).toHaveLength(9);
    expect(conversation(workspace).map((line) => line.role)).toEqual([
      ...["_checkpoint", "user", "_checkpoint", "assistant", "tool", "_checkpoint", "assistant"],
    ]);
    const replay = startKernel(workspace, { args: ["--continue"] });
    const { result } = await replay.call("replay");
    expect(result).toEqual({ status: "finished", events: wireRecords(workspace).length, requests: 0 });
    expect(nested(replay.log)).toHaveLength(9);
  });

  it("A-302 resume goes on with the same agent and its conversation, also in another process", async () => {
    const first = createWorkspace({
      scripts: [agent("t1", "one", { subagent_type: "explore" }), reports, say("done")],
    });
    const kernel = startKernel(first);
    const turn = await runTurn(kernel, "go");
    const id = nested(turn.messages)[0]?.agent_id as string;
    await kernel.close();
    const second = createWorkspace({ scripts: [agent("t1", "two", { resume: id }), reports, say("done")] });
    const again = startKernel(
      { ...second, home: first.home, share: first.share, workDir: first.workDir },
      {
        args: ["--continue"],
      },
    );
    const resumed = await runTurn(again, "more");
    expect(resultOf(resumed.messages, "t1").output).toMatch(
      new RegExp(`^agent_id: ${id}\nresumed: true\nactual_subagent_type: explore\nstatus: completed\n\n`),
    );
    await again.close();
    const context = readLines(join(agentDirs(first)[0] as string, "context.jsonl"));
    expect(context.flatMap((line) => (line.role === "user" ? [line.content] : []))).toEqual(["one", "two"]);
    expect(agentDirs(first)).toHaveLength(1);
  });

  it("A-303 killed while a subagent works: the Agent call is closed with a word on how to go on", async () => {
    const workspace = createWorkspace({ scripts: [agent("t1", "one"), shell("s1", "sleep 30")] });
    const kernel = startKernel(workspace, { args: ["--yolo"] });
    kernel.request("prompt", { user_input: "go" });
    const call = await kernel.next((m) => nested([m])[0]?.event.type === "StatusUpdate", "the nested call");
    const id = nested([call])[0]?.agent_id as string;
    await kernel.kill();
    const next = createWorkspace({ scripts: [agent("t2", "two", { resume: id }), reports, say("done")] });
    const again = startKernel(
      { ...next, home: workspace.home, share: workspace.share, workDir: workspace.workDir },
      {
        args: ["--continue", "--yolo"],
      },
    );
    const turn = await runTurn(again, "more");
    expect(resultOf(turn.messages, "t2").output).toContain(`agent_id: ${id}\nresumed: true`);
    await again.close();
    const tool = conversation(workspace).find((line) => line.role === "tool");
    expect(JSON.stringify(tool)).toContain(id);
    const ends = wireRecords(workspace).map(({ message }) => message);
    const opened = ends
      .filter(({ type }) => type === "SubagentEvent")
      .map(({ payload }) => payload as unknown as { event: { type: string } });
    const count = (type: string) => opened.filter(({ event }) => event.type === type).length;
    expect(count("TurnEnd")).toBe(count("TurnBegin"));
    expect(count("ToolResult")).toBe(count("ToolCall"));
    expect(sessionFolders(workspace)).toHaveLength(1);
  });
});

describe("several", () => {
  it("A-401 twenty beside each other, each asking twice: all approvals are open at once, all finish", async () => {
    const count = 20;
    const calls = Array.from({ length: count }, (_, i) => agent(`t${i}`, `task ${i}`));
    const asks = (step: string) => Array.from({ length: count }, (_, i) => shell(`${step}${i}`, `echo ${step}${i}`));
    const workspace = createWorkspace({
      scripts: [script(...calls), ...asks("a"), ...asks("b"), ...Array<string>(count).fill(reports), say("done")],
    });
    const kernel = startKernel(workspace);
    const id = kernel.request("prompt", { user_input: "go" });
    for (let round = 0; round < 2; round++) {
      const open = [];
      while (open.length < count) open.push(await kernel.serverRequest("ApprovalRequest", 15_000));
      expect(new Set(open.map((m) => m.params?.payload.agent_id)).size).toBe(count);
      for (const request of open.reverse()) kernel.approve(request);
    }
    expect((await kernel.response(id, 15_000)).result).toEqual({ status: "finished" });
    for (let i = 0; i < count; i++) expect(resultOf(kernel.log, `t${i}`).is_error).toBe(false);
    expect(new Set(nested(kernel.log).map(({ agent_id }) => agent_id)).size).toBe(count);
    expect(new Set(payloads(kernel.log, "ApprovalResponse").map(({ request_id }) => request_id)).size).toBe(2 * count);
    const sources = kernel.log.flatMap((m) => (m.method === "request" ? [m.params?.payload.source_id] : []));
    expect(new Set(sources).size).toBe(1);
  });

  it("A-403 a command beside a subagent asks while the subagent works", async () => {
    const workspace = createWorkspace({
      scripts: [script(agent("t1", "one"), shell("t2", "echo outer")), shell("s1", "echo inner"), reports, say("done")],
    });
    const kernel = startKernel(workspace);
    const id = kernel.request("prompt", { user_input: "go" });
    const open = [await kernel.serverRequest("ApprovalRequest"), await kernel.serverRequest("ApprovalRequest")];
    expect(open.map((m) => m.params?.payload.tool_call_id).sort()).toEqual(["s1", "t2"]);
    for (const request of open) kernel.approve(request);
    expect((await kernel.response(id)).result).toEqual({ status: "finished" });
  });

  it("A-402 one is rejected, one approved for the session: each gets its own answer", async () => {
    const workspace = createWorkspace({
      scripts: [
        script(agent("t1", "one"), agent("t2", "two")),
        ...[shell("s1", "git status"), shell("s2", "git status")],
        ...[reports, reports, say("done")],
      ],
    });
    const kernel = startKernel(workspace);
    const id = kernel.request("prompt", { user_input: "go" });
    const first = await kernel.serverRequest("ApprovalRequest");
    const second = await kernel.serverRequest("ApprovalRequest");
    kernel.approve(second, "reject");
    kernel.approve(first, "approve");
    expect((await kernel.response(id)).result).toEqual({ status: "finished" });
    const errors = nested(kernel.log).flatMap(({ event, agent_id }) =>
      event.type === "ToolResult" ? [[agent_id, (event.payload.return_value as { message: string }).message]] : [],
    );
    const rejected = errors.filter(([, message]) => message?.startsWith("The tool call is rejected"));
    expect(rejected.map(([agent_id]) => agent_id)).toEqual([second.params?.payload.agent_id]);
  });
});
