/** Plan mode by hand: set_plan_mode, /plan, flags and configuration, restarts, and what the model is told. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say } from "./echo-scripts.js";
import { event, textPart } from "./expected-events.js";
import { startKernel } from "./kernel-process.js";
import { type ChatBody, startModelServer, textReply } from "./model-server.js";
import { ABLE, planStatus, plans, writePlan } from "./plan-session.js";
import { conversation, readState, wireRecords, wireTypes } from "./session-records.js";
import { payloads, runTurn, text, types } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const EXT = { name: "ext", description: "d", parameters: { type: "object" } };
const VALUE = { is_error: false, output: "", message: "", display: [] };

function nextScripts(workspace: Workspace, ...scripts: string[]): void {
  writeFileSync(join(workspace.workDir, "..", "scripts.json"), JSON.stringify(scripts));
}

describe("set_plan_mode", () => {
  it("P-031 idle, before any prompt: StatusUpdate, then ok; again the same; both are recorded and stored", async () => {
    const workspace = createWorkspace({ scripts: [say("in plan")] });
    const kernel = startKernel(workspace);
    for (const round of [1, 2]) {
      const answer = await kernel.call("set_plan_mode", { enabled: true });
      expect(answer.result).toEqual({ status: "ok", plan_mode: true });
      expect(kernel.log).toHaveLength(round * 2);
      expect(kernel.log.slice(-2)).toEqual([planStatus(true), answer]);
    }
    expect(wireTypes(workspace)).toEqual(["StatusUpdate", "StatusUpdate"]);
    expect(readState(workspace)).toMatchObject({ plan_mode: true });
    const turn = await runTurn(kernel, "hello");
    expect(turn.messages).toContainEqual(planStatus(true));
    expect((await kernel.call("set_plan_mode", { enabled: false })).result).toEqual({ status: "ok", plan_mode: false });
    expect(readState(workspace)).toMatchObject({ plan_mode: false });
    const told = wireRecords(workspace).filter(({ message }) => message.type === "StatusUpdate");
    expect(told.map(({ message }) => message.payload.plan_mode)).toEqual([true, true, true, false]);
  });

  it("P-032 in the middle of a turn: at once, without waiting for a tool, and told in the order of the turn", async () => {
    const workspace = createWorkspace({ scripts: [call("t1", "ext"), say("on")] });
    const kernel = startKernel(workspace);
    await kernel.initialize({ external_tools: [EXT] });
    const turn = await runTurn(kernel, "go", async (request) => {
      for (const enabled of [true, false, true]) {
        const { result } = await kernel.call("set_plan_mode", { enabled });
        expect(result).toEqual({ status: "ok", plan_mode: enabled });
      }
      kernel.answer(request, { tool_call_id: "t1", return_value: VALUE });
    });
    expect(payloads(turn.messages, "StatusUpdate").map((payload) => payload.plan_mode)).toEqual([
      ...[false, true, false, true, true],
    ]);
    const shown = turn.messages.flatMap((m) => (m.method === undefined ? [] : [m.params?.type]));
    expect(wireTypes(workspace)).toEqual(shown);
  });

  it("P-033 anything but a boolean is -32602 and changes nothing", async () => {
    const workspace = createWorkspace({ scripts: [say("a")] });
    const kernel = startKernel(workspace);
    for (const params of [{}, { enabled: "yes" }, { enabled: 1 }, { enabled: null }, [], null]) {
      const { error } = await kernel.call("set_plan_mode", params);
      expect(error).toMatchObject({ code: -32602, message: "Invalid parameters for method `set_plan_mode`" });
    }
    const turn = await runTurn(kernel, "go");
    expect(payloads(turn.messages, "StatusUpdate").map((payload) => payload.plan_mode)).toEqual([false]);
  });

  it("P-034 a session that another kernel holds is not changed", async () => {
    const id = "11111111-2222-4333-8444-555555555555";
    const workspace = createWorkspace({ scripts: [say("a")] });
    const holder = startKernel(workspace, { args: ["--session", id] });
    await runTurn(holder, "go");
    const other = startKernel(workspace, { args: ["--session", id] });
    const { error } = await other.call("set_plan_mode", { enabled: true });
    expect(error).toMatchObject({ code: -32000, data: { code: "session_locked" } });
    expect(types(other.log)).toEqual([]);
    expect(readState(workspace).plan_mode).toBe(false);
  });
});

describe("beginning and going on", () => {
  it("P-041 --plan: the first StatusUpdate says so, nothing is told before, and it is stored", async () => {
    const workspace = createWorkspace({ scripts: [say("hi")] });
    const kernel = startKernel(workspace, { args: ["--plan"] });
    const turn = await runTurn(kernel, "go");
    expect(turn.messages).toEqual([
      event("TurnBegin", { user_input: "go" }),
      event("StepBegin", { n: 1 }),
      textPart("hi"),
      planStatus(true),
      event("TurnEnd"),
    ]);
    const state = readState(workspace);
    expect(state).toMatchObject({ plan_mode: true });
    expect(state.plan_session_id).toMatch(/^[0-9a-f]{32}$/);
    expect(conversation(workspace).map((line) => line.role)).toEqual([
      ...["_checkpoint", "user", "_checkpoint", "user", "assistant"],
    ]);
  });

  it("P-042 default_plan_mode is for new sessions; a session keeps its own mode over restarts", async () => {
    const workspace = createWorkspace({ scripts: [say("a")], config: { default_plan_mode: true } });
    const first = startKernel(workspace);
    expect((await runTurn(first, "go")).messages).toContainEqual(planStatus(true));
    const slug = readState(workspace).plan_slug;
    await first.close();
    nextScripts(workspace, say("b"));
    const second = startKernel(workspace, { args: ["--continue"] });
    expect((await runTurn(second, "go")).messages).toContainEqual(planStatus(true));
    expect(readState(workspace).plan_slug).toBe(slug);
    await second.call("set_plan_mode", { enabled: false });
    await second.close();
    nextScripts(workspace, say("c"));
    const third = startKernel(workspace, { args: ["--continue"] });
    expect((await runTurn(third, "go")).messages).toContainEqual(planStatus(false));
  });

  it("P-043 a kernel killed while planning: the next one plans on with the same plan", async () => {
    const workspace = createWorkspace({ scripts: [] });
    const kernel = startKernel(workspace);
    await kernel.call("set_plan_mode", { enabled: true });
    writePlan(workspace, "# PLAN");
    await kernel.kill();
    const next = startKernel(workspace, { args: ["--continue"] });
    expect(text((await runTurn(next, "/plan view")).messages)).toBe("# PLAN");
  });

  it("P-044 a first set_plan_mode is stronger than --plan and the default", async () => {
    const workspace = createWorkspace({ scripts: [say("a")], config: { default_plan_mode: true } });
    const kernel = startKernel(workspace, { args: ["--plan"] });
    await kernel.call("set_plan_mode", { enabled: false });
    expect((await runTurn(kernel, "go")).messages).toContainEqual(planStatus(false));
  });
});

describe("/plan", () => {
  it("P-051 on, off and the switch: a text, then StatusUpdate; without a model too", async () => {
    const workspace = createWorkspace({ config: { default_model: "" } });
    const kernel = startKernel(workspace);
    const commands: [string, boolean][] = [
      ["/plan on", true],
      ["/plan on", true],
      ["/plan", false],
      ["/plan off", false],
      ["/plan", true],
    ];
    for (const [command, on] of commands) {
      const turn = await runTurn(kernel, command);
      expect(types(turn.messages)).toEqual(["TurnBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
      expect(turn.messages[2]).toEqual(planStatus(on));
      expect(readState(workspace).plan_mode).toBe(on);
    }
  });

  it("P-052 view shows the plan, clear deletes it, other words change nothing", async () => {
    const workspace = createWorkspace();
    const kernel = startKernel(workspace);
    const say = async (command: string) => {
      const turn = await runTurn(kernel, command);
      expect(types(turn.messages)).toEqual(["TurnBegin", "ContentPart", "TurnEnd"]);
      return text(turn.messages);
    };
    expect(await say("/plan clear")).toMatch(/./);
    expect(await say("/plan view")).toMatch(/./);
    await runTurn(kernel, "/plan on");
    writePlan(workspace, "# PLAN\n- one");
    expect(await say("/plan view")).toBe("# PLAN\n- one");
    expect(await say("/plan sideways")).toContain("/plan [on|off|view|clear]");
    expect(Object.values(plans(workspace))).toEqual(["# PLAN\n- one"]);
    await say("/plan clear");
    expect(plans(workspace)).toEqual({});
    expect(await say("/plan view")).not.toContain("# PLAN");
    expect(readState(workspace).plan_mode).toBe(true);
  });

  it("P-053 /plan and /afk are among the commands that initialize lists", async () => {
    const { result } = await startKernel(createWorkspace()).initialize();
    const names = ((result?.slash_commands ?? []) as { name: string }[]).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["plan", "afk"]));
  });
});

describe("what the model is told", () => {
  it("P-061 the tail says it once a turn; system text, tools and earlier messages stay byte for byte", async () => {
    const server = await startModelServer(["a", "b", "c", "d", "e"].map((word) => textReply(word)));
    const workspace = createWorkspace({ config: server.config() });
    const kernel = startKernel(workspace);
    await kernel.initialize({ capabilities: ABLE });
    await runTurn(kernel, "one");
    await kernel.call("set_plan_mode", { enabled: true });
    await runTurn(kernel, "two");
    await runTurn(kernel, "three");
    await kernel.call("set_plan_mode", { enabled: false });
    await runTurn(kernel, "four");
    await runTurn(kernel, "five");
    const bodies = server.requests.map(({ body }) => body);
    for (const [n, body] of bodies.slice(1).entries()) {
      const before = bodies[n] as ChatBody;
      expect(JSON.stringify(body.tools)).toBe(JSON.stringify(before.tools));
      expect(JSON.stringify(body.messages.slice(0, before.messages.length))).toBe(JSON.stringify(before.messages));
    }
    const tails = bodies.map((body) => body.messages.slice(-2).map(({ role, content }) => [role, content]));
    expect(tails[0]?.at(-1)).toEqual(["user", "one"]);
    for (const [n, word] of [
      [1, "two"],
      [2, "three"],
    ] as const) {
      expect(tails[n]?.[0]).toEqual(["user", word]);
      expect(tails[n]?.[1]?.[0]).toBe("user");
      expect(tails[n]?.[1]?.[1]).toContain(`${readState(workspace).plan_slug}.md`);
    }
    expect(tails[3]?.[0]).toEqual(["user", "four"]);
    expect(tails[3]?.[1]?.[1]).toMatch(/Plan mode is off/);
    expect(tails[4]?.at(-1)).toEqual(["user", "five"]);
  });
});
