/** Turns that outlive their kernel, over the real wire: MCP calls, background tasks and subagents. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { marks, startFailing } from "./crash/failpoint-kernel.js";
import { call, say, shell } from "./echo-scripts.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { PATIENT, withServers } from "./mcp-servers.js";
import { callDelta, finish, type Reply, startModelServer, textReply } from "./model-server.js";
import { contextLines } from "./session-records.js";
import { stubServer } from "./stub-mcp-server.js";
import { nested, REPORT, resultOf } from "./subagents.js";
import { payloads, text } from "./turn.js";
import { createWorkspace, setScripts, type Workspace } from "./workspace.js";

const EXTENSIONS = { capabilities: { extensions: ["seq/1", "resume/1"] } };
const YOLO = ["--yolo"];
const WAIT_MS = 9_000;

/** A turn in a kernel that is told to die. */
async function dying(
  workspace: Workspace,
  plan: string,
  args: string[],
  onRequest = (_: KernelProcess, __: Message) => {},
) {
  const { kernel, session, marker } = startFailing(workspace, plan, { args });
  await kernel.initialize(EXTENSIONS);
  kernel.request("prompt", { user_input: "go", client_id: "p1" });
  const serve = async () => {
    for (;;) onRequest(kernel, await kernel.next(({ method }) => method === "request", "a request", WAIT_MS));
  };
  serve().catch(() => {});
  expect(await kernel.exit(WAIT_MS)).toMatchObject({ signal: "SIGKILL" });
  if (plan !== "") expect(marks(marker)).toHaveLength(1);
  return { session };
}

/** The next kernel has told of the open turn; `resume` sends that it shall go on. */
async function successor(workspace: Workspace, session: string, args: string[]) {
  const kernel = startKernel(workspace, { args: ["--session", session, ...args] });
  const { result } = await kernel.initialize(EXTENSIONS);
  const turn_id = (result?.open_turn as { turn_id?: string } | undefined)?.turn_id;
  const resume = () => kernel.request("resume", { turn_id });
  const finished = async (id: string | number) =>
    expect((await kernel.response(id, WAIT_MS)).result).toEqual({ status: "finished" });
  return { kernel, resume, finished };
}

describe("an MCP call", () => {
  const made = () => {
    const workspace = createWorkspace({ scripts: [call("t1", "ping", { text: "x" }), say("done")], config: PATIENT });
    const calls = join(workspace.home, "calls");
    const args = [...withServers(workspace, { stub: stubServer("good", { STUB_CALLS: calls }) }), ...YOLO];
    return { workspace, calls, args, called: () => (existsSync(calls) ? readFileSync(calls, "utf8") : "") };
  };

  it.each([
    ["intent_recorded:kill", ""],
    ["result_unrecorded:kill", "ping\n"],
  ])("F-501 that was begun when its kernel died is not made again: %s", async (plan, effects) => {
    const { workspace, args, called } = made();
    const { session } = await dying(workspace, plan, args);
    expect(called()).toBe(effects);
    setScripts(workspace, [say("done")]);
    const { kernel, resume, finished } = await successor(workspace, session, args);
    await finished(resume());
    expect(resultOf(kernel.log, "t1")).toMatchObject({ is_error: true, extras: { code: "unknown_outcome" } });
    expect([called(), text(kernel.log)]).toEqual([effects, "done"]);
    await kernel.close();
  });

  it("F-502 that was not begun is made once by the next kernel, and waits for its server", async () => {
    const { workspace, args, called, calls } = made();
    const { session } = await dying(workspace, "call_planned:kill", args);
    expect(called()).toBe("");
    setScripts(workspace, [say("done")]);
    const late = join(workspace.home, "late");
    const env = { STUB_CALLS: calls, STUB_FILE: late };
    withServers(workspace, { stub: stubServer("late", env) });
    const { kernel, resume, finished } = await successor(workspace, session, args);
    const turn = resume();
    await kernel.find(({ params }) => params?.type === "StatusUpdate", "a status", WAIT_MS);
    expect(payloads(kernel.log, "ToolResult")).toEqual([]);
    writeFileSync(late, "");
    await finished(turn);
    expect(resultOf(kernel.log, "t1")).toMatchObject({ is_error: false, output: [{ type: "text", text: "pong:x" }] });
    expect(called()).toBe("ping\n");
    await kernel.close();
  });
});

it("F-503 a background task of the dead kernel is lost, which client and model are told once", async () => {
  const never = join("no", "such", "file");
  const command = `until [ -e ${never} ]; do sleep 0.05; done`;
  const workspace = createWorkspace({
    scripts: [shell("t1", command, { run_in_background: true, description: "bgjob" }), say("working on it")],
  });
  const { session } = await dying(workspace, "model_stream#2:kill", YOLO);
  setScripts(workspace, [say(" and done"), say("later")]);
  const { kernel, resume, finished } = await successor(workspace, session, YOLO);
  await finished(resume());
  const lost = () => payloads(kernel.log, "Notification").filter(({ type }) => type === "task.lost");
  expect(lost()).toMatchObject([{ severity: "warning", payload: { status: "lost", description: "bgjob" } }]);
  expect((await kernel.call("prompt", { user_input: "more" }, WAIT_MS)).result).toEqual({ status: "finished" });
  expect(lost()).toHaveLength(1);
  const told = contextLines(workspace).filter((line) => JSON.stringify(line).includes("task.lost"));
  expect(told).toHaveLength(1);
  await kernel.close();
});

/**
 * The model of a turn with two agents beside each other, and of both agents: each runs one command and reports. What it
 * says is a pure function of the messages, cut texts included.
 */
function answer({ messages }: { messages: readonly { role: string; content?: unknown }[] }): Reply {
  const contents = messages.map(({ content }) =>
    typeof content === "string" ? content : JSON.stringify(content ?? ""),
  );
  const said = messages
    .map(({ role }, at) => (role === "assistant" ? contents[at] : ""))
    .join("")
    .replaceAll('""', "");
  const made = messages.filter(({ role }) => role === "tool").length;
  const results = messages.filter(({ role }, at) => role === "tool" && !contents[at]?.includes("did not run")).length;
  const name = /^work ([ab])$/.exec(contents[messages.findIndex(({ role }) => role === "user")] ?? "")?.[1];
  if (name !== undefined) {
    if (results > 0) return textReply(...(REPORT.slice(said.length).match(/.{1,60}/gs) ?? []));
    return calls([[`s_${name}${made}`, "Shell", { command: `echo ${name} >> effects` }]]);
  }
  if (results > 0) return textReply("done");
  const start = (each: string) => ({ description: "do it", prompt: `work ${each}` });
  return calls(["a", "b"].map((each) => [`t_${each}${made}`, "Agent", start(each)]));
}

function calls(made: readonly (readonly [string, string, object])[]): Reply {
  return [
    ...made.map(([id, name, args], at) => callDelta(id, name, JSON.stringify(args), at)),
    ...finish("tool_calls"),
  ];
}

describe("subagents", () => {
  it.each([
    ["in the stream of the turn", "model_stream#1:kill", 2],
    ["in the stream of an agent", "model_stream#4:kill", 2],
    ["with an approval open", "approval_asked:kill", 2],
    ["with both approvals open", "approval_asked#2:kill", 2],
    ["with an answer", "approval_answered:kill", 2],
    ["in a command", "tool_running#3:kill", 1],
    ["behind a command", "result_unrecorded#1:kill", 1],
    ["behind a result", "result_recorded#1:kill", 2],
    ["in a report", "model_stream#8:kill", 2],
  ])("F-504 two beside each other, killed %s: %s", async (_name, plan, least) => {
    const server = await startModelServer(answer);
    const workspace = createWorkspace({ config: server.config() });
    const asked: Message[] = [];
    const approve = (kernel: KernelProcess, request: Message) => {
      asked.push(request);
      kernel.approve(request);
    };
    const waits = plan.startsWith("approval_asked");
    const { session } = await dying(
      workspace,
      plan,
      [],
      waits ? (_kernel, request) => void asked.push(request) : approve,
    );
    const { kernel, resume } = await successor(workspace, session, []);
    const again: Message[] = [];
    await kernel.call("replay", { since: 0 });
    const turn = resume();
    for (let ended = false; !ended; ) {
      const wanted = (m: Message) => (m.method === "request" && m.id !== undefined) || m.id === turn;
      const message = await kernel.next(wanted, "the end of the turn", WAIT_MS);
      ended = message.id === turn;
      if (ended) expect(message.result).toEqual({ status: "finished" });
      else {
        again.push(message);
        kernel.approve(message);
      }
    }
    const all = kernel.log;
    const open = asked.filter(() => waits).map(({ id }) => id);
    expect(again.map(({ id }) => id)).toEqual(expect.arrayContaining(open));
    const ids = [...asked, ...again].map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    const done = readFileSync(join(workspace.workDir, "effects"), "utf8")
      .split("\n")
      .filter((line) => line !== "");
    expect(new Set(done).size).toBe(done.length);
    expect(done.length).toBeGreaterThanOrEqual(least);
    const said = (id: string) =>
      nested(all)
        .filter((each) => each.parent_tool_call_id.startsWith(id) && each.event.type === "ContentPart")
        .map(({ event }) => String(event.payload.text))
        .join("");
    expect([said("t_a"), said("t_b"), text(all)]).toEqual([REPORT, REPORT, "done"]);
    for (const id of ["t_a", "t_b"]) {
      const outputs = payloads(all, "ToolResult").filter((each) => String(each.tool_call_id).startsWith(id));
      expect(JSON.stringify(outputs.at(-1))).toContain(REPORT);
      const ends = nested(all)
        .filter((each) => each.parent_tool_call_id.startsWith(id))
        .map(({ event }) => event.type);
      expect(ends.filter((type) => type === "TurnBegin" || type === "TurnEnd")).toEqual(["TurnBegin", "TurnEnd"]);
    }
    await kernel.close();
  });
});
