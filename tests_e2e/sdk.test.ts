/** The published Node SDK, unmodified, on the kernel under test: sessions, turns, approvals, tools. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  CliError,
  collectText,
  createExternalTool,
  extractBrief,
  prompt,
  type ToolResult,
} from "@moonshot-ai/kimi-agent-sdk";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { call, say, script, shell, usage } from "./echo-scripts.js";
import {
  eventPayloads,
  eventTypes,
  executable,
  readTurn,
  requestId,
  sdkEnvironment,
  sdkWorkspace,
  startSession,
} from "./sdk-session.js";
import { sessionIds } from "./session-records.js";

const write = (name: string) => shell(`t-${name}`, `echo ${name} > ${name}`);

describe("sessions and turns", () => {
  it("N-001 a session: id, states, slash commands after the first turn", async () => {
    const workspace = sdkWorkspace({ scripts: [say("hi"), say("again")] });
    const session = startSession(workspace, { clientInfo: { name: "e2e", version: "1" } });
    expect(session.state).toBe("idle");
    const turn = session.prompt("hello");
    expect(session.state).toBe("active");
    await readTurn(turn);
    expect(session).toMatchObject({ state: "idle", planMode: false });
    expect(session.slashCommands).toContainEqual({
      name: "clear",
      description: expect.any(String),
      aliases: ["reset"],
    });
    expect((await readTurn(session.prompt("more"))).result.status).toBe("finished");
    expect(sessionIds(workspace)).toEqual([session.sessionId]);
    await session.close();
    expect(session.state).toBe("closed");
  });

  it("N-002 a prompt streams: every event in order, all of them understood", async () => {
    const figures = { input_other: 10, output: 5, input_cache_read: 2, input_cache_creation: 1 };
    const scripts = [script("think: hm", say("Hel"), say("lo"), "id: m1", usage(figures))];
    const session = startSession(sdkWorkspace({ scripts }));
    const { events, result } = await readTurn(session.prompt("hi"));
    expect(eventTypes(events)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ContentPart", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(collectText(events)).toBe("Hello");
    expect(eventPayloads(events, "StatusUpdate")).toEqual([
      { context_usage: 0.00013, token_usage: figures, message_id: "m1", plan_mode: false },
    ]);
    expect(result).toEqual({ status: "finished" });
  });

  it("N-003 the one-call prompt, with content parts", async () => {
    const workspace = sdkWorkspace({ scripts: [say("seen")], capabilities: ["image_in"] });
    const picture = { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } } as const;
    const { workDir, share: shareDir } = workspace;
    const { result, events } = await prompt([{ type: "text", text: "look" }, picture], {
      workDir,
      shareDir,
      executable: executable(workspace),
      env: sdkEnvironment(workspace),
    });
    expect(result.status).toBe("finished");
    expect(eventPayloads(events, "TurnBegin")[0]?.user_input).toMatchObject([{ type: "text" }, picture]);
  });

  it("N-004 an event that the SDK does not know is a harmless item", async () => {
    const session = startSession(sdkWorkspace({ scripts: ["error: 500", say("hi")] }));
    const { events, result } = await readTurn(session.prompt("hi"));
    expect(events.find(({ type }) => type === "error")).toMatchObject({
      code: "UNKNOWN_EVENT_TYPE",
      message: "Unknown event type: StepRetry",
    });
    expect(result.status).toBe("finished");
  });

  it("N-005 errors have their names: no model, a model that fails; the session goes on", async () => {
    const session = startSession(sdkWorkspace({ scripts: ["error: 400 bad", say("ok")] }), { model: "nope" });
    const failure = (turn: ReturnType<typeof session.prompt>) => readTurn(turn).catch((error: unknown) => error);
    const unset = await failure(session.prompt("hi"));
    expect(unset).toBeInstanceOf(CliError);
    expect(unset).toMatchObject({ code: "LLM_NOT_SET", message: "LLM is not set" });
    session.model = "scripted";
    expect(await failure(session.prompt("hi"))).toMatchObject({ code: "CHAT_PROVIDER_ERROR" });
    expect((await readTurn(session.prompt("hi"))).result.status).toBe("finished");
  });

  it("N-006 another setting restarts the process on the same session", async () => {
    const workspace = sdkWorkspace({ scripts: [say("one")] });
    const session = startSession(workspace);
    await readTurn(session.prompt("a"));
    session.yoloMode = true;
    session.thinking = true;
    const { events } = await readTurn(session.prompt("b"));
    expect(collectText(events)).toBe("one");
    expect(sessionIds(workspace)).toEqual([session.sessionId]);
  });
});

describe("approvals", () => {
  it("N-011 approve", async () => {
    const workspace = sdkWorkspace({ scripts: [write("a"), say("done")] });
    const session = startSession(workspace);
    const turn = session.prompt("go");
    const { events, result } = await readTurn(turn, (event) => {
      const id = requestId(event, "ApprovalRequest");
      return id === null ? null : turn.approve(id, "approve");
    });
    expect(eventPayloads(events, "ApprovalRequest")[0]).toMatchObject({
      sender: "Shell",
      action: "run command",
      display: [{ type: "shell", language: "bash", command: "echo a > a" }],
    });
    expect(eventPayloads(events, "ApprovalResponse")[0]).toMatchObject({ response: "approve" });
    expect(result.status).toBe("finished");
    expect(existsSync(join(workspace.workDir, "a"))).toBe(true);
  });

  it("N-012 approve for session: the next call of that kind asks nothing, also after a restart", async () => {
    const commit = (id: string) => shell(id, "git status --short");
    const workspace = sdkWorkspace({ scripts: [commit("t1"), commit("t2"), say("done"), commit("t3"), say("end")] });
    const session = startSession(workspace);
    const first = session.prompt("go");
    const seen = await readTurn(first, (event) => {
      const id = requestId(event, "ApprovalRequest");
      return id === null ? null : first.approve(id, "approve_for_session");
    });
    expect(eventPayloads(seen.events, "ApprovalRequest")).toHaveLength(1);
    expect(eventPayloads(seen.events, "ToolResult")).toHaveLength(2);
    const again = await readTurn(session.prompt("more"));
    expect(eventPayloads(again.events, "ApprovalRequest")).toEqual([]);
  });

  it("N-013 reject: nothing runs, the turn is finished", async () => {
    const workspace = sdkWorkspace({ scripts: [write("a"), say("never")] });
    const session = startSession(workspace);
    const turn = session.prompt("go");
    const { events, result } = await readTurn(turn, (event) => {
      const id = requestId(event, "ApprovalRequest");
      return id === null ? null : turn.approve(id, "reject");
    });
    const [outcome] = eventPayloads(events, "ToolResult") as unknown as ToolResult[];
    expect(outcome?.return_value.is_error).toBe(true);
    expect(extractBrief(outcome?.return_value.display)).toBe("Rejected by user");
    expect(result.status).toBe("finished");
    expect(collectText(events)).toBe("");
    expect(existsSync(join(workspace.workDir, "a"))).toBe(false);
  });

  it("N-014 parallel approvals: all are open at once and each answer finds its own", async () => {
    const workspace = sdkWorkspace({ scripts: [script(write("a"), write("b"), write("c")), say("done")] });
    const session = startSession(workspace);
    const turn = session.prompt("go");
    const open: string[] = [];
    const { events, result } = await readTurn(turn, async (event) => {
      const id = requestId(event, "ApprovalRequest");
      if (id !== null) open.push(id);
      if (id === null || open.length < 3) return;
      await turn.approve(open[2] as string, "approve");
      await turn.approve(open[0] as string, "reject");
      await turn.approve(open[1] as string, "approve");
    });
    expect(
      eventPayloads(events, "ApprovalResponse")
        .map(({ response }) => response)
        .sort(),
    ).toEqual([...["approve", "approve", "reject"]]);
    expect(["a", "b", "c"].map((name) => existsSync(join(workspace.workDir, name)))).toEqual([false, true, true]);
    expect(result.status).toBe("finished");
  });

  it("N-015 yolo asks nothing", async () => {
    const workspace = sdkWorkspace({ scripts: [write("a"), say("done")] });
    const { events } = await readTurn(startSession(workspace, { yoloMode: true }).prompt("go"));
    expect(eventPayloads(events, "ApprovalRequest")).toEqual([]);
    expect(existsSync(join(workspace.workDir, "a"))).toBe(true);
  });

  it("N-016 what tools show arrives as the SDK's own blocks", async () => {
    const todos = [{ title: "one", status: "pending" }];
    const file = { path: "f.txt", content: "x\n" };
    const scripts = [script(call("t1", "SetTodoList", { todos }), call("t2", "WriteFile", file)), say("done")];
    const session = startSession(sdkWorkspace({ scripts }), { yoloMode: true });
    const { events } = await readTurn(session.prompt("go"));
    const blocks = (eventPayloads(events, "ToolResult") as unknown as ToolResult[])
      .sort((a, b) => a.tool_call_id.localeCompare(b.tool_call_id))
      .map(({ return_value }) => return_value.display);
    expect(blocks).toEqual([
      [{ type: "todo", items: todos }],
      [{ type: "diff", path: expect.stringContaining("f.txt"), old_text: "", new_text: "x" }],
    ]);
  });
});

describe("in a turn", () => {
  const lookUp = createExternalTool({
    name: "look_up",
    description: "Looks a word up",
    parameters: z.object({ word: z.string() }),
    handler: async ({ word }) => {
      if (word === "bad") throw new Error("no such word");
      return { output: `${word} means much`, message: "found" };
    },
  });

  it("N-021 an external tool: its value, and its failure, reach the model", async () => {
    const scripts = [
      script(call("t1", "look_up", { word: "wire" }), call("t2", "look_up", { word: "bad" })),
      call("t3", "look_up", { word: 5 }),
      say("done"),
    ];
    const session = startSession(sdkWorkspace({ scripts }), { externalTools: [lookUp] });
    const { events, result } = await readTurn(session.prompt("go"));
    const values = (eventPayloads(events, "ToolResult") as unknown as ToolResult[]).map((one) => [
      one.tool_call_id,
      one.return_value.is_error,
      one.return_value.output,
      one.return_value.message,
    ]);
    expect(values.slice(0, 2).sort()).toEqual([
      ["t1", false, "wire means much", "found"],
      ["t2", true, "no such word", "Tool execution failed: no such word"],
    ]);
    // What does not fit the tool's schema never reaches its handler.
    expect(values[2]).toMatchObject(["t3", true, expect.anything(), expect.stringMatching(/^Error validating JSON/)]);
    expect(result.status).toBe("finished");
  });

  it("N-022 steer: the words come between two steps", async () => {
    const session = startSession(sdkWorkspace({ scripts: [write("a"), say("done")] }));
    const turn = session.prompt("go");
    const { events, result } = await readTurn(turn, async (event) => {
      const id = requestId(event, "ApprovalRequest");
      if (id === null) return;
      await turn.steer("also this");
      await turn.approve(id, "approve");
    });
    const types = eventTypes(events);
    expect(eventPayloads(events, "SteerInput")).toEqual([{ user_input: "also this" }]);
    expect(types.indexOf("SteerInput")).toBeGreaterThan(types.indexOf("ToolResult"));
    expect(types.lastIndexOf("StepBegin")).toBeGreaterThan(types.indexOf("SteerInput"));
    expect(result.status).toBe("finished");
  });

  it("N-023 cancel: the turn ends as cancelled, and the next one works", async () => {
    const session = startSession(sdkWorkspace({ scripts: [shell("t1", "sleep 30"), say("well")] }), { yoloMode: true });
    const turn = session.prompt("go");
    const { events, result } = await readTurn(turn, (event) => (event.type === "ToolCall" ? turn.interrupt() : null));
    expect(result.status).toBe("cancelled");
    expect(eventTypes(events).at(-1)).toBe("TurnEnd");
    expect(collectText((await readTurn(session.prompt("next"))).events)).toBe("well");
  });

  it("N-024 cancel with an approval open", async () => {
    const session = startSession(sdkWorkspace({ scripts: [write("a")] }));
    const turn = session.prompt("go");
    const { result } = await readTurn(turn, (event) => (event.type === "ApprovalRequest" ? turn.interrupt() : null));
    expect(result.status).toBe("cancelled");
  });

  it("N-025 prompts given while one runs are queued by the SDK and come one after the other", async () => {
    const session = startSession(sdkWorkspace({ scripts: [say("one"), say("two")] }));
    const turn = session.prompt("a");
    expect(session.prompt("b")).toBe(turn);
    const { events } = await readTurn(turn);
    expect(eventPayloads(events, "TurnBegin").map((begin) => begin.user_input)).toEqual(["a", "b"]);
    expect(collectText(events)).toBe("onetwo");
  });

  it("N-026 a subagent's events carry the call they belong to", async () => {
    const text = "A summary that is long enough. ".repeat(10);
    const scripts = [call("t1", "Agent", { description: "d", prompt: "p" }), say(text), say("done")];
    const { events, result } = await readTurn(startSession(sdkWorkspace({ scripts })).prompt("go"));
    const inner = eventPayloads(events, "SubagentEvent");
    expect(inner.map(({ event }) => (event as { type: string }).type)).toEqual(
      expect.arrayContaining(["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]),
    );
    expect(new Set(inner.map(({ parent_tool_call_id }) => parent_tool_call_id))).toEqual(new Set(["t1"]));
    expect(result.status).toBe("finished");
  });
});
