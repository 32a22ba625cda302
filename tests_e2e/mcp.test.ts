/** MCP servers in a turn: loading, their tools, approvals, results. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script } from "./echo-scripts.js";
import { event, failure, PLAIN_STATUS, toolResult } from "./expected-events.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { everythingServer, filesystemServer, PATIENT, startEverything, statuses, withServers } from "./mcp-servers.js";
import { processesWithMark, until, untilNoneLeft } from "./process-scan.js";
import { conversation, readLines } from "./session-records.js";
import { stubServer } from "./stub-mcp-server.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace, setScripts, type Workspace } from "./workspace.js";

const ERROR_TEXT = "Tool returned an error. The output may be error message or incomplete output";
const parts = (...texts: string[]) => texts.map((text) => ({ type: "text", text }));

function start(workspace: Workspace, servers: Record<string, unknown>, ...args: string[]): KernelProcess {
  return startKernel(workspace, { args: [...withServers(workspace, servers), ...args] });
}

function results(messages: readonly Message[]): Record<string, unknown>[] {
  return payloads(messages, "ToolResult").map((result) => result.return_value as Record<string, unknown>);
}

function firstText(result: Record<string, unknown> | undefined): string {
  const [part] = (result?.output ?? []) as { text?: string }[];
  return part?.text ?? "";
}

function journal(workspace: Workspace): Record<string, unknown>[] {
  const folder = join(workspace.share, "journal");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => readLines(join(folder, name)));
}

describe("loading", () => {
  it("M-001 the first turn waits: status, MCPLoadingBegin, status, MCPLoadingEnd, and only then the first step", async () => {
    const workspace = createWorkspace({ scripts: [say("a"), say("b")], config: PATIENT });
    const kernel = start(workspace, { good: stubServer("good") });
    await kernel.initialize();
    const first = await runTurn(kernel, "go");
    const tools = ["ping", "env", "hang", "die", "pid", "big", "odd_name_"];
    const update = (mcp_status: object) => event("StatusUpdate", { ...PLAIN_STATUS, mcp_status, plan_mode: null });
    expect(first.messages.slice(0, 6)).toEqual([
      event("TurnBegin", { user_input: "go" }),
      update({
        loading: true,
        connected: 0,
        total: 1,
        tools: 0,
        servers: [{ name: "good", status: "connecting", tools: [] }],
      }),
      event("MCPLoadingBegin"),
      update({
        loading: false,
        connected: 1,
        total: 1,
        tools: 7,
        servers: [{ name: "good", status: "connected", tools }],
      }),
      event("MCPLoadingEnd"),
      event("StepBegin", { n: 1 }),
    ]);
    expect(types((await runTurn(kernel, "again")).messages)).toEqual([
      "TurnBegin",
      "StepBegin",
      "ContentPart",
      "StatusUpdate",
      "TurnEnd",
    ]);
  });

  it("M-002 a server that cannot be started fails no turn; the others work", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "ping", { text: "x" }), say("done")], config: PATIENT });
    const kernel = start(
      workspace,
      { bad: { command: "/nonexistent/cmd" }, odd: { url: 5 }, good: stubServer("good") },
      "--yolo",
    );
    await kernel.initialize();
    const turn = await runTurn(kernel, "go");
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(statuses(turn.messages).at(-1)).toMatchObject({ loading: false, connected: 1, total: 3 });
    expect(
      statuses(turn.messages)
        .at(-1)
        ?.servers.map((server) => server.status),
    ).toEqual(["failed", "failed", "connected"]);
    expect(results(turn.messages)).toMatchObject([{ is_error: false, output: parts("pong:x") }]);
  });

  it("M-003 a turn waits a short time only; a server that comes later joins at the next turn, and that is recorded", async () => {
    const workspace = createWorkspace({
      scripts: [say("a"), call("t1", "ping", { text: "x" }), say("b")],
      config: { mcp: { client: { loading_wait_ms: 100 } } },
    });
    const file = join(workspace.home, "go");
    const kernel = start(workspace, { late: stubServer("late", { STUB_FILE: file }) }, "--yolo");
    await kernel.initialize();
    const began = Date.now();
    const first = await runTurn(kernel, "go");
    expect(Date.now() - began).toBeLessThan(4_000);
    expect(statuses(first.messages).at(-1)).toMatchObject({ loading: true, tools: 0 });
    expect(types(first.messages)).toEqual(expect.arrayContaining(["MCPLoadingBegin", "MCPLoadingEnd", "TurnEnd"]));
    writeFileSync(file, "");
    await until("connected", () => logText(workspace).includes("MCP server connected"));
    const second = await runTurn(kernel, "again");
    expect(types(second.messages).slice(0, 3)).toEqual(["TurnBegin", "StatusUpdate", "StepBegin"]);
    expect(types(second.messages)).not.toContain("MCPLoadingBegin");
    expect(results(second.messages)).toMatchObject([{ output: parts("pong:x") }]);
    expect(journal(workspace)).toContainEqual(
      expect.objectContaining({ kind: "notice", code: "prefix_changed", data: { what: "listed tools" } }),
    );
  });

  it("M-004 initialize does not wait for servers", async () => {
    const workspace = createWorkspace();
    const kernel = start(workspace, { silent: stubServer("silent"), flood: stubServer("flood") });
    const began = Date.now();
    await kernel.initialize();
    expect(Date.now() - began).toBeLessThan(4_000);
  });

  it("M-005 a turn that is cancelled while it waits ends its bracket first", async () => {
    const workspace = createWorkspace({ scripts: [say("a")], config: PATIENT });
    const kernel = start(workspace, { silent: stubServer("silent") });
    await kernel.initialize();
    const id = kernel.request("prompt", { user_input: "go" });
    await kernel.event("MCPLoadingBegin");
    const began = Date.now();
    await kernel.call("cancel");
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(Date.now() - began).toBeLessThan(1_000);
    expect(types(kernel.log).slice(-3)).toEqual(["StatusUpdate", "MCPLoadingEnd", "TurnEnd"]);
  });

  it("M-006 mcp.json of the share folder counts when no file is named, and --mcp-config beside it", async () => {
    const workspace = createWorkspace({ scripts: [say("a")], config: PATIENT });
    const servers = { a: { command: "/nonexistent/a" }, b: { command: "/nonexistent/b" } };
    writeFileSync(join(workspace.share, "mcp.json"), JSON.stringify({ mcpServers: servers }));
    const more = ["--mcp-config", JSON.stringify({ mcpServers: { b: stubServer("good"), c: {} } })];
    const kernel = startKernel(workspace, { args: more });
    const turn = await runTurn(kernel, "go");
    expect(
      statuses(turn.messages)
        .at(-1)
        ?.servers.map(({ name, status: state }) => [name, state]),
    ).toEqual([
      ["a", "failed"],
      ["b", "connected"],
      ["c", "failed"],
    ]);
    const other = createWorkspace({ scripts: [say("a")], config: PATIENT });
    writeFileSync(join(other.share, "mcp.json"), JSON.stringify({ mcpServers: servers }));
    const named = await runTurn(start(other, { c: {} }), "go");
    expect(
      statuses(named.messages)
        .at(-1)
        ?.servers.map(({ name }) => name),
    ).toEqual(["c"]);
  });

  it("M-007 an mcp.json that cannot be read costs a notice, not the turn", async () => {
    const workspace = createWorkspace({ scripts: [say("a")] });
    writeFileSync(join(workspace.share, "mcp.json"), "{ not json");
    const turn = await runTurn(startKernel(workspace), "go");
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(payloads(turn.messages, "Notification")).toMatchObject([{ severity: "warning", category: "system" }]);
  });

  it("M-008 a resumed session goes on with its tools at once, and a call waits for its server", async () => {
    const workspace = createWorkspace({ scripts: [say("a")], config: PATIENT });
    const file = join(workspace.home, "go");
    writeFileSync(file, "");
    const args = [...withServers(workspace, { late: stubServer("late", { STUB_FILE: file }) }), "--yolo"];
    const session = ["--session", "0b0e3c5e-2f9b-4a0d-9d62-0d6b7c5f9a11"];
    const before = startKernel(workspace, { args: [...args, ...session] });
    await runTurn(before, "go");
    await before.close();
    rmSync(file);
    setScripts(workspace, [call("t1", "ping", { text: "x" }), say("b")]);
    const after = startKernel(workspace, { args: [...args, ...session] });
    const id = after.request("prompt", { user_input: "again" });
    await after.event("ToolCall");
    expect(types(after.log)).not.toContain("MCPLoadingBegin");
    writeFileSync(file, "");
    expect(await after.event("ToolResult")).toMatchObject({ return_value: { output: parts("pong:x") } });
    await after.response(id);
    expect(journal(workspace)[0]?.prefix).toMatchObject({ tools: expect.arrayContaining(["Shell", "ping"]) });
    expect(journal(workspace).some((record) => record.code === "prefix_changed")).toBe(false);
  });
});

describe("calls", () => {
  it("M-101 a call is asked for under its own action; error, bad arguments and success come as published", async () => {
    const workspace = createWorkspace({
      scripts: [
        script(call("t1", "ping", { text: "boom" }), call("t2", "ping", {})),
        call("t3", "ping", { text: "q" }),
        say("c"),
      ],
      config: PATIENT,
    });
    const kernel = start(workspace, { good: stubServer("good") });
    const asked: Message[] = [];
    const turn = await runTurn(kernel, "go", (request) => {
      asked.push(request);
      kernel.approve(request);
    });
    expect(asked.map((request) => request.params?.payload)).toMatchObject([
      { tool_call_id: "t1", sender: "ping", action: "mcp:ping", description: "Call MCP tool `ping`.", display: [] },
      { tool_call_id: "t3", sender: "ping", action: "mcp:ping", description: "Call MCP tool `ping`.", display: [] },
    ]);
    const bad = payloads(turn.messages, "ToolResult").find((result) => result.tool_call_id === "t2");
    expect(bad?.return_value).toMatchObject({
      is_error: true,
      output: "",
      message: expect.stringMatching(/^Error validating JSON arguments: /),
    });
    expect(turn.messages).toContainEqual(
      toolResult("t1", { is_error: true, output: parts("boom"), message: ERROR_TEXT }),
    );
    expect(turn.messages).toContainEqual(toolResult("t3", { output: parts("pong:q") }));
    expect(conversation(workspace).filter((line) => line.role === "tool")).toHaveLength(3);
  });

  it("M-102 a session grant covers the same tool of the same server, and no other", async () => {
    const workspace = createWorkspace({
      scripts: [
        call("t1", "ping", { text: "1" }),
        call("t2", "ping", { text: "2" }),
        call("t3", "pid"),
        call("t4", "two__ping", { text: "4" }),
        say("c"),
      ],
      config: PATIENT,
    });
    const kernel = start(workspace, { one: stubServer("good"), two: stubServer("good") });
    const asked: unknown[] = [];
    await runTurn(kernel, "go", (request) => {
      asked.push(request.params?.payload.action);
      kernel.approve(request, "approve_for_session");
    });
    expect(asked).toEqual(["mcp:ping", "mcp:pid", "mcp:two__ping"]);
  });

  it("M-103 a rejected call never reaches the server", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "die"), call("t2", "pid"), say("c")], config: PATIENT });
    const kernel = start(workspace, { good: stubServer("good") });
    const turn = await runTurn(kernel, "go", (request) => {
      const isFirst = request.params?.payload.tool_call_id === "t1";
      if (isFirst) kernel.approve(request, "reject", "not this");
      else kernel.approve(request);
    });
    expect(results(turn.messages)[0]).toMatchObject({ is_error: true, display: [{ text: "Rejected: not this" }] });
    expect(results(turn.messages)[1]).toMatchObject({ is_error: false });
  });

  it("M-104 names that are taken are made longer, and the user is told", async () => {
    const workspace = createWorkspace({ scripts: [say("a")], config: PATIENT });
    const kernel = start(workspace, { one: stubServer("good"), two: stubServer("good") });
    await kernel.initialize({
      external_tools: [{ name: "pid", description: "", parameters: { type: "object", properties: {} } }],
    });
    const turn = await runTurn(kernel, "go");
    const [one, two] = statuses(turn.messages).at(-1)?.servers ?? [];
    expect(one?.tools).toContain("one__pid");
    expect(one?.tools).toContain("ping");
    expect(two?.tools).toContain("two__ping");
    expect(String(payloads(turn.messages, "Notification")[0]?.body)).toContain("tool ping is listed as two__ping");
  });

  it("M-105 a call that is not answered ends with the configured time in its text", async () => {
    const workspace = createWorkspace({
      scripts: [call("t1", "hang"), say("b")],
      config: { mcp: { client: { ...PATIENT.mcp.client, tool_call_timeout_ms: 250 } } },
    });
    const turn = await runTurn(start(workspace, { good: stubServer("good") }, "--yolo"), "go");
    expect(results(turn.messages)[0]).toMatchObject({ is_error: true, message: expect.stringContaining("250 ms") });
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("M-106 a cancel ends a call at once; the server and the session go on", async () => {
    const workspace = createWorkspace({
      scripts: [call("t1", "hang"), call("t2", "ping", { text: "x" }), say("b")],
      config: PATIENT,
    });
    const kernel = start(workspace, { good: stubServer("good") }, "--yolo");
    const id = kernel.request("prompt", { user_input: "go" });
    await kernel.event("ToolCall");
    await until("the call runs", () => journal(workspace).some((record) => record.kind === "intent"));
    const began = Date.now();
    await kernel.call("cancel");
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(Date.now() - began).toBeLessThan(1_000);
    expect(results((await runTurn(kernel, "next")).messages)).toMatchObject([{ output: parts("pong:x") }]);
  });

  it("M-107 a server that ends in a call costs that call; the next one starts it again", async () => {
    const workspace = createWorkspace({
      scripts: [call("t1", "die"), call("t2", "ping", { text: "x" }), say("b")],
      config: PATIENT,
    });
    const turn = await runTurn(start(workspace, { good: stubServer("good") }, "--yolo"), "go");
    expect(results(turn.messages)).toMatchObject([{ is_error: true }, { is_error: false, output: parts("pong:x") }]);
  });

  it("M-108 at most 100,000 characters of an answer are kept, and the message says so", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "big"), say("b")], config: PATIENT });
    const [result] = results((await runTurn(start(workspace, { good: stubServer("good") }, "--yolo"), "go")).messages);
    expect(firstText(result)).toHaveLength(100_000);
    expect(result?.message).toContain("Output is truncated to fit in the message.");
  });

  it("M-109 a call without its tool is an unknown tool", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "nope"), say("b")], config: PATIENT });
    const turn = await runTurn(start(workspace, { good: stubServer("good") }), "go");
    expect(results(turn.messages)).toEqual([failure("Tool `nope` not found", "Tool `nope` not found")]);
  });
});

describe("real servers", () => {
  const echo = {
    scripts: [call("t1", "echo", { message: "hi" }), call("t2", "get-tiny-image"), say("c")],
    config: PATIENT,
  };

  function expectEverything(messages: readonly Message[]): void {
    const [first, second] = results(messages);
    expect(first).toEqual({ is_error: false, output: parts("Echo: hi"), message: "", display: [], extras: null });
    expect(second).toMatchObject({ output: [{ type: "text" }, { type: "image_url" }, { type: "text" }] });
  }

  it("M-201 stdio", async () => {
    const workspace = createWorkspace(echo);
    expectEverything((await runTurn(start(workspace, { all: everythingServer }, "--yolo"), "go")).messages);
  });

  for (const transport of ["streamableHttp", "sse"] as const) {
    it(`M-202 ${transport}`, async () => {
      const url = await startEverything(transport);
      const workspace = createWorkspace(echo);
      expectEverything((await runTurn(start(workspace, { all: { url } }, "--yolo"), "go")).messages);
    });
  }

  it("M-203 a file server reads and writes in its folder, and its refusals are errors", async () => {
    const workspace = createWorkspace({ config: PATIENT });
    const folder = join(workspace.home, "files");
    mkdirSync(folder);
    setScripts(workspace, [
      script(
        call("t1", "write_file", { path: join(folder, "a.txt"), content: "x" }),
        call("t2", "read_text_file", { path: "/etc/hostname" }),
      ),
      say("c"),
    ]);
    const kernel = start(workspace, { files: filesystemServer(folder) }, "--yolo");
    const byId = new Map(
      payloads((await runTurn(kernel, "go")).messages, "ToolResult").map((result) => [
        result.tool_call_id,
        result.return_value,
      ]),
    );
    expect(byId.get("t1")).toMatchObject({ is_error: false });
    expect(readFileSync(join(folder, "a.txt"), "utf8")).toBe("x");
    expect(byId.get("t2")).toMatchObject({ is_error: true, message: ERROR_TEXT });
  });
});

describe("processes", () => {
  for (const end of ["end of input", "SIGTERM", "SIGKILL"] as const) {
    it(`M-301 no server outlives its kernel: ${end}`, async () => {
      const workspace = createWorkspace({ scripts: [say("a")], config: PATIENT });
      const mark = `mcp-${end.replaceAll(" ", "-")}-${process.pid}`;
      const silent = stubServer("silent", { E2E_MARK: mark });
      const kernel = start(workspace, { good: stubServer("good", { E2E_MARK: mark }), silent });
      kernel.request("prompt", { user_input: "go" });
      await until("both servers run", () => processesWithMark(mark).length === 2);
      if (end === "end of input") await kernel.close();
      else kernel.child.kill(end);
      await kernel.exit();
      await untilNoneLeft(mark);
    });
  }

  it("M-302 what a server prints reaches neither stdout nor stderr, and its secrets not the log", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "ping", { text: "x" }), say("b")], config: PATIENT });
    const kernel = start(workspace, { chatty: stubServer("chatty", { STUB_KEY: "sesame-open" }) }, "--yolo");
    const turn = await runTurn(kernel, "go");
    expect(results(turn.messages)).toMatchObject([{ output: parts("pong:x") }]);
    await kernel.close();
    expect(kernel.noise).toEqual([]);
    expect(kernel.stderr).not.toMatch(/Listening|sesame/);
    expect(logText(workspace)).toContain("Listening");
    expect(logText(workspace)).not.toContain("sesame");
  });

  it("M-303 a server sees its own variables and none of the kernel's secrets", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "env"), say("b")], config: PATIENT });
    const args = [...withServers(workspace, { good: stubServer("good", { STUB_KEY: "mine" }) }), "--yolo"];
    const kernel = startKernel(workspace, { args, env: { OPENAI_API_KEY: "secret-of-kernel" } });
    const [result] = results((await runTurn(kernel, "go")).messages);
    const text = firstText(result);
    expect(JSON.parse(text)).toMatchObject({ STUB_KEY: "mine" });
    expect(text).not.toContain("secret-of-kernel");
  });
});

function logText(workspace: Workspace): string {
  const folder = join(workspace.share, "logs");
  if (!existsSync(folder)) return "";
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");
}
