/** Clients of the 1.2 age: off unless asked for, then nothing leaves that they would break at. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { kernelCommand, kernelEnvironment, type Message, startKernel } from "./kernel-process.js";
import { OldClient } from "./old-client.js";
import { shellCall, shellTurn } from "./scripts.js";
import { onlySession, recordedTypes } from "./session-files.js";
import { runTurn, types } from "./turn.js";
import { createWorkspace, type Workspace, type WorkspaceOptions } from "./workspace.js";

const COMPAT = { KERNEL_WIRE_COMPAT: "1.2" };

function connect(options: WorkspaceOptions, args: readonly string[] = []) {
  const workspace = createWorkspace(options);
  const kernel = startKernel(workspace, { env: COMPAT, args });
  return { workspace, kernel, client: new OldClient(kernel) };
}

const yes = (request: Message) => ({ request_id: request.id, response: "approve" });
const TOOLS = [{ name: "ask_host", description: "d", parameters: { type: "object" } }];

function run(workspace: Workspace, args: readonly string[], env: Record<string, string> = {}) {
  const [program, ...head] = kernelCommand();
  return spawnSync(program as string, [...head, ...args], {
    cwd: workspace.workDir,
    env: kernelEnvironment(workspace, env),
    input: "",
    encoding: "utf8",
    timeout: 10_000,
  });
}

describe("the switch", () => {
  it("C-001 off by default: later types are sent", async () => {
    const kernel = startKernel(createWorkspace({ scripts: ["error: 500", "text: hi"] }));
    expect(types((await runTurn(kernel, "hi")).messages)).toContain("StepRetry");
  });

  it("C-002 on by environment and by flag; the flag is stronger", async () => {
    const cases = [
      { env: COMPAT, args: [], on: true },
      { env: {}, args: ["--wire-compat", "1.2"], on: true },
      { env: COMPAT, args: ["--wire-compat=off"], on: false },
      { env: { KERNEL_WIRE_COMPAT: "off" }, args: [], on: false },
    ];
    for (const { env, args, on } of cases) {
      const kernel = startKernel(createWorkspace({ scripts: ["error: 500", "text: hi"] }), { env, args });
      expect(types((await runTurn(kernel, "hi")).messages).includes("StepRetry")).toBe(!on);
      await kernel.close();
    }
  });

  it.each([
    [["--wire", "--wire-compat", "1.3"], {}, "Invalid value for --wire-compat: '1.3' is not one of 1.2, off."],
    [["--wire"], { KERNEL_WIRE_COMPAT: "yes" }, "Invalid value for KERNEL_WIRE_COMPAT: 'yes' is not one of 1.2, off."],
  ])("C-003 any other value is one sentence and exit 2 (%j)", (args, env, sentence) => {
    const result = run(createWorkspace(), args, env);
    expect(result).toMatchObject({ status: 2, stdout: "", stderr: `${sentence}\n` });
  });
});

describe("a strict client of Wire 1.2", () => {
  it("C-010 finds its kernel: info --json alone on both streams, versions compared as strings", () => {
    const { stdout, stderr, status } = run(createWorkspace(), ["info", "--json"], COMPAT);
    const info = JSON.parse(stdout + stderr) as { wire_protocol_version: string };
    expect(status).toBe(0);
    expect(info.wire_protocol_version >= "1.1").toBe(true);
  });

  it("C-011 several turns, each with cancel at its end; the journal and the files hold everything", async () => {
    const { client, kernel, workspace } = connect({ scripts: ["error: 500", "think: hm\ntext: one", "text: two"] });
    await kernel.call("initialize", { protocol_version: "1.10" });
    const first = await client.prompt("hi");
    expect(first).toMatchObject({ text: "one", response: { result: { status: "finished" } } });
    expect(first.seen).toEqual(["StepBegin", "ContentPart", "ContentPart", "StatusUpdate", "TurnEnd"]);
    expect(await client.prompt("hi")).toMatchObject({ text: "two", response: { result: { status: "finished" } } });
    await kernel.close();
    expect(recordedTypes(onlySession(workspace))).toContain("StepRetry");
  });

  it("C-012 an approval, answered; steers are taken without an event", async () => {
    const { client, kernel } = connect({ scripts: shellTurn("echo ok", "mid") });
    const turn = await client.prompt("run", (request) => {
      kernel.request("steer", { user_input: "also" }, "steer");
      return yes(request);
    });
    expect((await kernel.response("steer")).result).toEqual({ status: "steered" });
    expect(turn).toMatchObject({ text: "beforemid", response: { result: { status: "finished" } } });
    expect(turn.seen).toContain("ToolResult");
  });

  it("C-013 parallel approvals are asked one after the other", async () => {
    const scripts = [["a", "b", "c"].map((id) => shellCall(id, `echo ${id} > ${id}.txt`)).join("\n"), "text: done"];
    const { client } = connect({ scripts });
    const turn = await client.prompt("run", yes);
    expect(turn).toMatchObject({ text: "done", response: { result: { status: "finished" } } });
    expect(turn.seen.filter((type) => type === "ToolResult")).toHaveLength(3);
    expect(client.mostOpen).toBe(1);
  });

  it("C-014 a cancelled turn with approvals open and waiting ends as cancelled", async () => {
    const scripts = [["a", "b"].map((id) => shellCall(id, `echo ${id} > ${id}.txt`)).join("\n")];
    const { client, kernel } = connect({ scripts });
    const turn = await client.prompt("run", () => {
      kernel.send({ method: "cancel", id: "stop" });
      return null;
    });
    expect(turn.response).toMatchObject({ result: { status: "cancelled" } });
    expect(turn.seen.filter((type) => type === "ApprovalResponse")).toHaveLength(2);
    expect(types(kernel.log).filter((type) => type === "request:ApprovalRequest")).toHaveLength(1);
  });

  it("C-015 an external tool gets arguments that can be read", async () => {
    const scripts = ['tool_call: {"id":"t1","name":"ask_host","arguments":null}', "text: done"];
    const { client, kernel } = connect({ scripts });
    await kernel.call("initialize", { protocol_version: "1.10", external_tools: TOOLS });
    const heard: unknown[] = [];
    const value = { is_error: false, output: "42", message: "", display: [] };
    const turn = await client.prompt("ask", (request) => {
      heard.push(request.params?.payload.arguments);
      return { tool_call_id: request.id, return_value: value };
    });
    expect(heard).toEqual(["{}"]);
    expect(turn.text).toBe("done");
  });

  it.each([
    ["/nonsense", 'Unknown slash command "/nonsense".'],
    ["/clear", "The context has been cleared."],
    ["/compact", "The context is empty."],
    ["/yolo", "You only live once! All actions will be auto-approved."],
  ])("C-016 the output of %s can be seen", async (command, output) => {
    const { client } = connect({});
    const turn = await client.prompt(command);
    expect(turn).toMatchObject({ text: output, response: { result: { status: "finished" } } });
    expect(turn.seen[0]).toBe("StepBegin");
  });

  it("C-017 a compaction is shown", async () => {
    const { client } = connect({ scripts: ["text: one", "text: two", "text: three", "text: summary"] });
    for (const word of ["a", "b", "c"]) await client.prompt(word);
    expect((await client.prompt("/compact")).seen).toEqual([
      ...["StepBegin", "CompactionBegin", "CompactionEnd", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
  });

  it("C-018 errors: TurnEnd, then the error, with no model and with a model that fails", async () => {
    const unset = connect({}, ["--model", "nope"]);
    expect((await unset.client.prompt("hi")).response.error).toMatchObject({ code: -32001 });
    const failing = connect({ scripts: ["error: 400 bad"] });
    const turn = await failing.client.prompt("hi");
    expect(turn.seen).toEqual(["StepBegin", "StepInterrupted", "TurnEnd"]);
    expect(turn.response.error).toMatchObject({ code: -32003 });
  });

  it("C-020 turns within a turn are steps to it", async () => {
    const { client } = connect({ scripts: ["text: one", "text: <choice>STOP</choice>"] }, [
      "--max-ralph-iterations",
      "1",
    ]);
    const turn = await client.prompt("go");
    expect(turn.seen.filter((type) => type === "StepBegin")).toHaveLength(2);
    expect(turn).toMatchObject({ text: "one<choice>STOP</choice>", response: { result: { status: "finished" } } });
  });

  it("C-021 a subagent's events come under the name that the parent call had then", async () => {
    const call = { id: "t1", name: "Agent", arguments: JSON.stringify({ description: "d", prompt: "p" }) };
    const summary = "A summary that is long enough. ".repeat(10);
    const scripts = [`tool_call: ${JSON.stringify(call)}`, `error: 500`, `text: ${summary}`, "text: done"];
    const { client } = connect({ scripts });
    const turn = await client.prompt("go");
    expect(turn.seen).toContain("SubagentEvent");
    expect(turn).toMatchObject({ text: "done", response: { result: { status: "finished" } } });
  });

  it("C-019 a replay has no later types, and sends what an old session holds", async () => {
    const { client, kernel, workspace } = connect({ scripts: ["error: 500", "text: hi", "text: again"] });
    await client.prompt("hi");
    await kernel.close();
    const session = onlySession(workspace).split("/").at(-1) as string;
    const again = startKernel(workspace, { env: COMPAT, args: ["--session", session] });
    const { result } = await again.call("replay");
    expect(types(again.log)).toEqual(["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
    expect(result).toMatchObject({ status: "finished" });
    expect(recordedTypes(join(onlySession(workspace)))).toHaveLength(6);
  });
});
