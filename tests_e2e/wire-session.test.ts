/** What a session leaves on disk, and what comes back from it: replay, resume, continue. */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { UUID } from "./expected-events.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import {
  contextLines,
  conversation,
  jsonLines,
  readLines,
  readState,
  seedSession,
  sessionDir,
  sessionIds,
  sessionsDir,
  wireRecords,
  wireTypes,
} from "./session-records.js";
import { runTurn, types } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const EXT = { name: "ext", description: "d", parameters: { type: "object" } };
const VALUE = { is_error: false, output: "o", message: "", display: [] };
const PLAIN = ["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"];

function kimiJson(workspace: Workspace): unknown {
  return JSON.parse(readFileSync(join(workspace.share, "kimi.json"), "utf8"));
}

/** Replays and gives back what was sent between the request and its answer. */
async function replay(kernel: KernelProcess): Promise<{ messages: Message[]; result: unknown }> {
  const start = kernel.log.length;
  const answer = await kernel.call("replay");
  return { messages: kernel.log.slice(start).filter((m) => m !== answer), result: answer.result };
}

describe("files of a session", () => {
  it("W-851 wire.jsonl: a header, then six lines for a plain turn in all, five more for the next", async () => {
    const workspace = createWorkspace({ scripts: [say("a"), say("b")] });
    const kernel = startKernel(workspace);
    const first = await runTurn(kernel, "1");
    const file = join(sessionDir(workspace), "wire.jsonl");
    expect(readLines(file)).toHaveLength(6);
    expect(readLines(file)[0]).toEqual({ type: "metadata", protocol_version: "1.10" });
    const second = await runTurn(kernel, "2");
    expect(readLines(file)).toHaveLength(11);
    const sent = [...first.messages, ...second.messages].map((m) => m.params);
    expect(wireRecords(workspace).map((record) => record.message)).toEqual(sent);
    for (const record of wireRecords(workspace)) {
      expect(Object.keys(record).sort()).toEqual(["message", "timestamp"]);
      expect(Math.abs(record.timestamp - Date.now() / 1000)).toBeLessThan(60);
    }
  });

  it("W-852 files are merged where stdout is not: text, thinking up to a signature, call pieces", async () => {
    const parts = ["think: a", "think: b", say("c"), say("d"), call("t1", "SetTodoList", null)];
    const pieces = ['tool_call_part: "{\\"todos\\""', "tool_call_part: null", 'tool_call_part: ":[]}"'];
    const workspace = createWorkspace({ scripts: [script(...parts, ...pieces, say("e"), say("f")), say("done")] });
    const turn = await runTurn(startKernel(workspace), "go");
    expect(turn.messages.filter((m) => /^(ContentPart|ToolCall)/.test(m.params?.type ?? ""))).toHaveLength(11);
    expect(wireTypes(workspace)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ContentPart", "ToolCall", "ContentPart", "StatusUpdate"],
      ...["ToolResult", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    const merged = wireRecords(workspace).map((record) => record.message.payload);
    expect(merged.slice(2, 6)).toEqual([
      { type: "think", think: "ab", encrypted: null },
      { type: "text", text: "cd" },
      { type: "function", id: "t1", function: { name: "SetTodoList", arguments: '{"todos":[]}' }, extras: null },
      { type: "text", text: "ef" },
    ]);
    expect(conversation(workspace)[3]).toEqual({
      role: "assistant",
      content: [
        { type: "think", think: "ab" },
        { type: "text", text: "cd" },
        { type: "text", text: "ef" },
      ],
      tool_calls: [{ type: "function", id: "t1", function: { name: "SetTodoList", arguments: '{"todos":[]}' } }],
    });
  });

  it("W-853 context.jsonl: system text, checkpoint, user, checkpoint, assistant; four more lines a turn", async () => {
    const workspace = createWorkspace({ scripts: [say("a"), say("b")] });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "1");
    expect(contextLines(workspace)).toEqual([
      { role: "_system_prompt", content: expect.stringMatching(/./) },
      { role: "_checkpoint", id: 0 },
      { role: "user", content: "1" },
      { role: "_checkpoint", id: 1 },
      { role: "assistant", content: "a" },
    ]);
    await runTurn(kernel, [
      { type: "text", text: "2" },
      { type: "text", text: "3" },
    ]);
    expect(contextLines(workspace).slice(5)).toEqual([
      { role: "_checkpoint", id: 2 },
      {
        role: "user",
        content: [
          { type: "text", text: "2" },
          { type: "text", text: "3" },
        ],
      },
      { role: "_checkpoint", id: 3 },
      { role: "assistant", content: "b" },
    ]);
  });

  it("W-854 the folder: md5 of the work dir, a uuid, and three files; kimi.json learns work dir and last session", async () => {
    const workspace = createWorkspace({ scripts: [say("a")] });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "hello there");
    const [id, ...others] = sessionIds(workspace);
    expect(others).toEqual([]);
    expect(id).toMatch(UUID);
    expect(readdirSync(sessionDir(workspace)).sort()).toEqual(["context.jsonl", "state.json", "wire.jsonl"]);
    expect(kimiJson(workspace)).toMatchObject({ work_dirs: [{ path: workspace.workDir, kaos: "local" }] });
    expect((await kernel.close()).code).toBe(0);
    expect(kimiJson(workspace)).toEqual({
      work_dirs: [{ path: workspace.workDir, kaos: "local", last_session_id: id }],
    });
    expect(readdirSync(sessionDir(workspace)).sort()).toEqual(["context.jsonl", "state.json", "wire.jsonl"]);
  });

  it("W-855 state.json has all its fields with their first values, indented by two", async () => {
    const workspace = createWorkspace({ scripts: [say("a")] });
    await runTurn(startKernel(workspace), "a title");
    expect(readState(workspace)).toMatchObject({
      version: 1,
      approval: { yolo: false, afk: false, auto_approve_actions: [] },
      additional_dirs: [],
      custom_title: "a title",
      title_generated: false,
      title_generate_attempts: 0,
      plan_mode: false,
      plan_session_id: null,
      plan_slug: null,
      wire_mtime: null,
      archived: false,
      archived_at: null,
      auto_archive_exempt: false,
      todos: [],
    });
    const text = readFileSync(join(sessionDir(workspace), "state.json"), "utf8");
    expect(text.split("\n")[1]).toBe('  "version": 1,');
  });

  it("W-856 the title: the first ordinary prompt that ends well, blanks collapsed, at most 50 characters", async () => {
    const cases: [string, string][] = [
      ["short\n  and   sweet", "short and sweet"],
      [`${"word ".repeat(20)}`, expect.stringMatching(/^(word )*word…$/) as unknown as string],
      ["x".repeat(80), expect.stringMatching(/^x+…$/) as unknown as string],
      ["y".repeat(50), "y".repeat(50)],
    ];
    for (const [input, title] of cases) {
      const workspace = createWorkspace({ scripts: ["error: 400 no", say("a"), say("b")] });
      const kernel = startKernel(workspace);
      await runTurn(kernel, "/unknown");
      await runTurn(kernel, "this one fails");
      await runTurn(kernel, input);
      await runTurn(kernel, "too late");
      const { custom_title } = readState(workspace) as { custom_title: string };
      expect(custom_title).toEqual(title);
      expect([...custom_title].length).toBeLessThanOrEqual(50);
    }
  });

  it("W-857 a session in which nothing happened is deleted at exit", async () => {
    const workspace = createWorkspace();
    const kernel = startKernel(workspace);
    await kernel.initialize();
    expect((await kernel.close()).code).toBe(0);
    expect(sessionIds(workspace)).toEqual([]);
    expect(kernel.stderr).toBe("");
  });
});

describe("replay", () => {
  it("W-861 of nothing is finished with 0 and 0", async () => {
    const { messages, result } = await replay(startKernel(createWorkspace()));
    expect(messages).toEqual([]);
    expect(result).toEqual({ status: "finished", events: 0, requests: 0 });
  });

  it("W-862 of a turn with one approval: ten events, no request, nothing asked or run again", async () => {
    const workspace = createWorkspace({ scripts: [script(say("a"), shell("t1", "echo x >> f")), say("b")] });
    const kernel = startKernel(workspace);
    await runTurn(kernel, "go", (request) => kernel.approve(request));
    const { messages, result } = await replay(kernel);
    expect(types(messages)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate", "ToolResult"],
      ...["StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(result).toEqual({ status: "finished", events: 10, requests: 0 });
    expect(messages.map((m) => m.params)).toEqual(wireRecords(workspace).map((record) => record.message));
    expect(readFileSync(join(workspace.workDir, "f"), "utf8")).toBe("x\n");
    expect((await replay(kernel)).result).toEqual(result);
  });

  it("W-863 a ToolCallRequest comes again as a request with its id, and an answer to it changes nothing", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "ext"), say("done"), say("next")] });
    const kernel = startKernel(workspace);
    await kernel.initialize({ external_tools: [EXT] });
    await runTurn(kernel, "go", (request) => kernel.answer(request, { tool_call_id: "t1", return_value: VALUE }));
    const { messages, result } = await replay(kernel);
    expect(result).toEqual({ status: "finished", events: 9, requests: 1 });
    const request = messages.find((m) => m.method === "request") as Message;
    expect(request).toEqual({
      jsonrpc: "2.0",
      method: "request",
      id: "t1",
      params: { type: "ToolCallRequest", payload: { id: "t1", name: "ext", arguments: "{}" } },
    });
    kernel.answer(request, { tool_call_id: "t1", return_value: VALUE });
    expect(types((await runTurn(kernel, "on")).messages)).toEqual(PLAIN);
  });

  it("W-864 skips what it does not know: header, broken lines, unknown types", async () => {
    const workspace = createWorkspace();
    const id = randomUUID();
    const begin = { timestamp: 1.5, message: { type: "TurnBegin", payload: { user_input: "old" } } };
    seedSession(workspace, id, {
      "context.jsonl": jsonLines([{ role: "_system_prompt", content: "You help." }]),
      "wire.jsonl": `${jsonLines([
        { type: "metadata", protocol_version: "1.10" },
        begin,
        { timestamp: 1.5, message: { type: "FromTheFuture", payload: {} } },
      ])}{"broken\n${jsonLines([{ timestamp: 2, message: { type: "TurnEnd", payload: {} } }])}`,
    });
    const { messages, result } = await replay(startKernel(workspace, { args: ["--session", id] }));
    expect(messages.map((m) => m.params)).toEqual([begin.message, { type: "TurnEnd", payload: {} }]);
    expect(result).toEqual({ status: "finished", events: 2, requests: 0 });
  });
});

describe("resume", () => {
  it("W-871 --session goes on where it was: nothing is emitted, numbering and context continue, replay has both", async () => {
    const workspace = createWorkspace({ scripts: [say("a")] });
    const first = startKernel(workspace);
    await runTurn(first, "one");
    await first.close();
    const id = String(sessionIds(workspace)[0]);
    const again = startKernel(workspace, { args: ["--session", id] });
    await again.initialize();
    expect(types(again.log)).toEqual([]);
    await runTurn(again, "two");
    expect(sessionIds(workspace)).toEqual([id]);
    expect(conversation(workspace)).toEqual([
      { role: "_checkpoint", id: 0 },
      { role: "user", content: "one" },
      { role: "_checkpoint", id: 1 },
      { role: "assistant", content: "a" },
      { role: "_checkpoint", id: 2 },
      { role: "user", content: "two" },
      { role: "_checkpoint", id: 3 },
      { role: "assistant", content: "a" },
    ]);
    const { messages, result } = await replay(again);
    expect(types(messages)).toEqual([...PLAIN, ...PLAIN]);
    expect(result).toEqual({ status: "finished", events: 10, requests: 0 });
    expect(readLines(join(sessionDir(workspace), "wire.jsonl"))).toHaveLength(11);
  });

  it("W-872 --session with a new id makes exactly that session", async () => {
    const workspace = createWorkspace({ scripts: [say("a")] });
    const id = randomUUID();
    await runTurn(startKernel(workspace, { args: ["--session", id] }), "one");
    expect(sessionIds(workspace)).toEqual([id]);
  });

  it("W-873 --continue takes the last session of the work dir", async () => {
    const workspace = createWorkspace({ scripts: [say("a")] });
    const first = startKernel(workspace);
    await runTurn(first, "one");
    await first.close();
    const second = startKernel(workspace, { args: ["--continue"] });
    await runTurn(second, "two");
    expect(sessionIds(workspace)).toHaveLength(1);
    expect(wireTypes(workspace)).toEqual([...PLAIN, ...PLAIN]);
  });

  it("W-874 --continue without a session is a usage error: exit 2, said on stderr, nothing on stdout", async () => {
    const kernel = startKernel(createWorkspace(), { args: ["--continue"] });
    expect((await kernel.exit()).code).toBe(2);
    expect(kernel.stderr.replace(/\s+/g, " ")).toContain("No previous session found for the working directory");
    expect([kernel.log, kernel.noise]).toEqual([[], []]);
  });

  it("W-875 todos and the system text are those of the session", async () => {
    const todos = [{ title: "one", status: "pending" }];
    const workspace = createWorkspace({ scripts: [call("t1", "SetTodoList", { todos }), say("a")] });
    const first = startKernel(workspace);
    await runTurn(first, "one");
    await first.close();
    const before = contextLines(workspace)[0];
    const second = startKernel(workspace, { args: ["--continue"] });
    await runTurn(second, "/clear");
    expect(contextLines(workspace)).toEqual([before]);
    expect(readState(workspace).todos).toEqual(todos);
    expect(existsSync(sessionsDir(workspace))).toBe(true);
  });
});
