/** Background tasks: commands and agents that go on beside the turn and after it (wire.md 3.6, 3.7, 8.1). */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { failure } from "./expected-events.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { callReply, type Reply, startModelServer, textReply } from "./model-server.js";
import { processesWithMark, until, untilNoneLeft } from "./process-scan.js";
import { conversation, readLines, sessionDir, wireTypes } from "./session-records.js";
import { agent, agentDirs, nested, REPORT, reports, resultOf } from "./subagents.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace, type Workspace, type WorkspaceOptions } from "./workspace.js";

const TASK_ID = /^bash-[a-z0-9]{8}$/;
const YOLO = ["--yolo"];

function background(id: string, command: string, more: Record<string, unknown> = {}): string {
  return shell(id, command, { run_in_background: true, description: "bgjob", ...more });
}

/** A command that waits until the test makes a file, so that nothing depends on time. */
function waitFor(file: string, then = ""): string {
  return `until [ -e ${file} ]; do sleep 0.02; done${then === "" ? "" : `; ${then}`}`;
}

/** Of a test's processes; another run of the suite has others. */
const mark = (id: string): string => `${id}-${process.pid}`;

function taskIdOf(messages: readonly Message[], id: string): string {
  return /task_id: (\S+)/.exec(String(resultOf(messages, id).output))?.[1] ?? "";
}

function tasksDir(workspace: Workspace): string {
  return join(sessionDir(workspace), "tasks");
}

/** A model that starts an agent in the background and says "idle"; that agent gets these replies, one a step. */
async function twoAgents(replies: readonly Reply[]): Promise<Workspace> {
  const left = [...replies];
  const start = { description: "do it", prompt: "work", run_in_background: true };
  const server = await startModelServer(({ messages }) => {
    const inside = messages.find(({ role }) => role === "user")?.content === "work";
    if (inside) return left.shift() ?? { status: 400, body: { error: { message: "no reply left" } } };
    return messages.some(({ role }) => role === "tool") ? textReply("idle") : callReply("t1", "Agent", start);
  });
  return createWorkspace({ config: server.config() });
}

/** A second kernel on the first one's folders with scripts of its own. */
function nextWorkspace(first: Workspace, options: WorkspaceOptions): Workspace {
  return { ...createWorkspace(options), home: first.home, share: first.share, workDir: first.workDir };
}

/** A kernel whose model says what the prompt says, for one step: so a test can name a task that it just started. */
function promptedWorkspace(config: Record<string, unknown> = {}): Workspace {
  return createWorkspace({
    config: {
      models: { scripted: { provider: "scripted", model: "echo", max_context_size: 100_000 } },
      providers: { scripted: { type: "_echo", base_url: "", api_key: "" } },
      loop_control: { max_steps_per_turn: 1 },
      ...config,
    },
  });
}

function started(workspace: Workspace, args: string[] = YOLO): KernelProcess {
  return startKernel(workspace, { args });
}

describe("a command in the background", () => {
  it("K-101 asks with its own action, returns at once, and its end reaches the client and the model", async () => {
    const command = waitFor("go", "echo bgdone");
    const workspace = createWorkspace({
      scripts: [
        script(say("a"), background("t1", command)),
        script(say("b"), shell("t2", `touch go; ${waitFor("seen")}`)),
        script(say("c"), call("t3", "TaskList", { active_only: false })),
        say("d"),
      ],
    });
    const kernel = startKernel(workspace);
    const id = kernel.request("prompt", { user_input: "go" });
    const asked = await kernel.serverRequest("ApprovalRequest");
    expect(asked.params?.payload).toMatchObject({
      tool_call_id: "t1",
      sender: "Shell",
      action: "run background command",
      description: `Run background command \`${command}\``,
      source_kind: "foreground_turn",
      agent_id: null,
      display: [{ type: "shell", language: "bash", command }],
    });
    kernel.approve(asked);
    kernel.approve(await kernel.serverRequest("ApprovalRequest"));
    const notification = await kernel.event("Notification");
    writeFileSync(join(workspace.workDir, "seen"), "");
    expect((await kernel.response(id)).result).toEqual({ status: "finished" });
    const task = taskIdOf(kernel.log, "t1");
    expect(task).toMatch(TASK_ID);
    const begun = resultOf(kernel.log, "t1");
    expect(begun).toMatchObject({
      is_error: false,
      message: "Background task started.",
      display: [{ type: "background_task", task_id: task, kind: "bash", status: "starting", description: "bgjob" }],
    });
    expect(String(begun.output)).toMatch(
      /^task_id: \S+\nkind: bash\nstatus: starting\ndescription: bgjob\ncommand: .+\nautomatic_notification: true\nnext_step: /,
    );
    expect(notification).toEqual({
      id: expect.stringMatching(/^n[0-9a-f]{8}$/),
      category: "task",
      type: "task.completed",
      source_kind: "background_task",
      source_id: task,
      title: "Background task completed: bgjob",
      body: expect.stringContaining(`Task ID: ${task}\nStatus: completed`),
      severity: "success",
      created_at: expect.any(Number),
      payload: expect.objectContaining({ task_id: task, task_kind: "bash", status: "completed" }),
    });
    expect(payloads(kernel.log, "Notification")).toHaveLength(1);
    expect(resultOf(kernel.log, "t3")).toMatchObject({
      output: `background_tasks: 1\n\n[1]\ntask_id: ${task}\nkind: bash\nstatus: completed\ndescription: bgjob\ncommand: ${command}\nexit_code: 0`,
      message: "Task list retrieved.",
      display: [{ type: "background_task", task_id: task, kind: "bash", status: "completed", description: "bgjob" }],
    });
    expect(readFileSync(join(tasksDir(workspace), task, "output.log"), "utf8")).toBe("bgdone\n");
    await kernel.close();
    const told = conversation(workspace).filter((line) => line.role === "user" && line.content !== "go");
    expect(told).toHaveLength(1);
    for (const part of [String(notification.id), task, "task.completed", "bgdone"]) {
      expect(told[0]?.content).toContain(part);
    }
    expect(wireTypes(workspace)).toContain("Notification");
  });

  it("K-102 it ends while nothing runs: told between the next TurnBegin and StepBegin, once", async () => {
    const workspace = createWorkspace({ scripts: [background("t1", waitFor("go")), say("x"), say("y"), say("z")] });
    const kernel = started(workspace);
    await runTurn(kernel, "go");
    const task = join(tasksDir(workspace), taskIdOf(kernel.log, "t1"), "task.json");
    writeFileSync(join(workspace.workDir, "go"), "");
    await until("the task has ended", () => readFileSync(task, "utf8").includes('"completed"'));
    expect(types((await runTurn(kernel, "next")).messages)).toEqual([
      ...["TurnBegin", "Notification", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(types((await runTurn(kernel, "next")).messages)).not.toContain("Notification");
    await kernel.close();
    const users = conversation(workspace).flatMap((line) => (line.role === "user" ? [String(line.content)] : []));
    expect(users.filter((text) => text.includes("task.completed"))).toHaveLength(1);
  });

  it("K-103 exit code, timeout and stop each have their reason and severity", async () => {
    const workspace = createWorkspace({
      scripts: [
        script(background("t1", "exit 3"), background("t2", "sleep 60", { timeout: 1 }), background("t3", "sleep 61")),
        call("w1", "TaskOutput", { task_id: "unknown" }),
        say("x"),
      ],
    });
    const kernel = started(workspace);
    await runTurn(kernel, "go");
    expect(resultOf(kernel.log, "w1")).toMatchObject({ is_error: true, message: "Task not found: unknown" });
    const [failed, late, stopped] = ["t1", "t2", "t3"].map((id) => taskIdOf(kernel.log, id));
    const status = (id = "") => JSON.parse(readFileSync(join(tasksDir(workspace), id, "task.json"), "utf8")).status;
    await until("two have ended", () => status(failed) === "failed" && status(late) === "timed_out");
    await kernel.close();
    expect(status(stopped)).toBe("killed");
    const next = nextWorkspace(workspace, { scripts: [say("y")] });
    const again = startKernel(next, { args: ["--continue"] });
    const turn = await runTurn(again, "next");
    // Told in whichever turn it ended before.
    const seen = payloads([...kernel.log, ...turn.messages], "Notification");
    const facts = new Map(seen.map((n) => [n.source_id, [n.type, n.severity]]));
    expect(facts.get(failed)).toEqual(["task.failed", "error"]);
    expect(facts.get(late)).toEqual(["task.timed_out", "error"]);
    expect(facts.get(stopped)).toEqual(["task.killed", "warning"]);
    expect(seen.find((n) => n.source_id === failed)?.payload).toMatchObject({ exit_code: 3 });
  });

  it("K-104 bad input: no description, too long a timeout, too many tasks, rejected", async () => {
    const workspace = createWorkspace({
      scripts: [
        script(
          shell("t1", "true", { run_in_background: true }),
          background("t2", "true", { timeout: 86_401 }),
          background("t3", " "),
        ),
        background("t4", "sleep 60"),
        background("t5", "sleep 61"),
        background("t6", "touch ran"),
      ],
      config: { background: { max_running_tasks: 1 } },
    });
    const kernel = startKernel(workspace);
    let asked = 0;
    const turn = await runTurn(kernel, "go", (request) => kernel.approve(request, ++asked < 3 ? "approve" : "reject"));
    expect(resultOf(turn.messages, "t1").is_error).toBe(true);
    expect(String(resultOf(turn.messages, "t2").message)).toMatch(/^Error validating JSON arguments: /);
    expect(resultOf(turn.messages, "t3")).toEqual(failure("Command cannot be empty.", "Empty command"));
    expect(resultOf(turn.messages, "t4").is_error).toBe(false);
    expect(resultOf(turn.messages, "t5").is_error).toBe(true);
    expect(resultOf(turn.messages, "t6")).toMatchObject({ is_error: true });
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(existsSync(join(workspace.workDir, "ran"))).toBe(false);
    expect(readdirSync(tasksDir(workspace))).toHaveLength(1);
  });
});

describe("TaskOutput and TaskStop", () => {
  it("K-201 output so far without waiting, its end when asked to wait, and never more than the limit", async () => {
    const workspace = promptedWorkspace({ background: { read_max_bytes: 2_000 } });
    const kernel = started(workspace);
    await runTurn(kernel, background("t1", `echo first; ${waitFor("go", "seq 1 20000")}`));
    const task = taskIdOf(kernel.log, "t1");
    const file = join(tasksDir(workspace), task, "output.log");
    await until("first words", () => readFileSync(file, "utf8") === "first\n");
    await runTurn(kernel, call("t2", "TaskOutput", { task_id: task }));
    expect(resultOf(kernel.log, "t2")).toMatchObject({
      is_error: false,
      output: expect.stringMatching(
        new RegExp(
          `^retrieval_status: not_ready\ntask_id: ${task}\n[^]*\noutput_truncated: false\n\n\\[output\\]\nfirst\n$`,
        ),
      ),
      display: [{ type: "background_task", task_id: task, kind: "bash", status: "running", description: "bgjob" }],
    });
    const id = kernel.request("prompt", { user_input: call("t3", "TaskOutput", { task_id: task, block: true }) });
    await kernel.event("StatusUpdate");
    writeFileSync(join(workspace.workDir, "go"), "");
    await kernel.response(id);
    const output = String(resultOf(kernel.log, "t3").output);
    expect(output).toMatch(/^retrieval_status: success\n/);
    expect(output).toContain("\noutput_truncated: true\n");
    expect(output).toMatch(/\n20000\n$/);
    expect(output.length).toBeLessThan(3_000);
  });

  it("K-202 a wait has an end, and cancel ends it at once", async () => {
    const workspace = promptedWorkspace();
    const kernel = started(workspace);
    await runTurn(kernel, background("t1", "sleep 60"));
    const task = taskIdOf(kernel.log, "t1");
    await runTurn(kernel, call("t2", "TaskOutput", { task_id: task, block: true, timeout: 1 }));
    expect(resultOf(kernel.log, "t2").output).toMatch(/^retrieval_status: timeout\n/);
    const id = kernel.request("prompt", { user_input: call("t3", "TaskOutput", { task_id: task, block: true }) });
    await kernel.event("StatusUpdate");
    const at = Date.now();
    await kernel.call("cancel");
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(Date.now() - at).toBeLessThan(1_000);
  });

  it("K-203 stop asks with its own action; rejected it goes on, approved its processes end", async () => {
    const workspace = promptedWorkspace();
    const kernel = startKernel(workspace, { env: { E2E_MARK: mark("k203") } });
    const yes = (request: Message) => kernel.approve(request);
    await runTurn(kernel, background("t1", "sleep 60 & sleep 61"), yes);
    const task = taskIdOf(kernel.log, "t1");
    await until("the command runs", () => processesWithMark(mark("k203")).some((line) => line.includes("sleep 61")));
    const stop = (id: string) => call(id, "TaskStop", { task_id: task });
    const turn = await runTurn(kernel, stop("t2"), (request) => {
      expect(request.params?.payload).toMatchObject({
        sender: "TaskStop",
        action: "stop background task",
        description: `Stop background task \`${task}\``,
        display: [{ type: "background_task", task_id: task, kind: "bash", status: "running", description: "bgjob" }],
      });
      kernel.approve(request, "reject");
    });
    expect(resultOf(turn.messages, "t2").is_error).toBe(true);
    expect(processesWithMark(mark("k203")).some((line) => line.includes("sleep 61"))).toBe(true);
    await runTurn(kernel, stop("t3"), yes);
    expect(resultOf(kernel.log, "t3")).toMatchObject({
      is_error: false,
      message: "Task stop requested.",
      display: [{ type: "background_task", task_id: task, kind: "bash", status: "killed", description: "bgjob" }],
    });
    await until("it is gone", () => !processesWithMark(mark("k203")).some((line) => line.includes("sleep")), 3_000);
  });

  it("K-204 bad input: a task that is unknown, has ended, or is no name", async () => {
    const workspace = promptedWorkspace();
    const kernel = started(workspace);
    await runTurn(
      kernel,
      script(
        call("t1", "TaskStop", { task_id: "bash-00000000" }),
        call("t2", "TaskOutput", { task_id: "../../x" }),
        call("t3", "TaskOutput", {}),
        call("t4", "TaskOutput", { task_id: "x", timeout: -1 }),
        call("t5", "TaskList", { limit: 0 }),
        call("t6", "TaskList"),
      ),
    );
    expect(resultOf(kernel.log, "t1")).toEqual(failure("Task not found: bash-00000000", "Task not found"));
    expect(resultOf(kernel.log, "t2")).toEqual(failure("Task not found: ../../x", "Task not found"));
    for (const id of ["t3", "t4", "t5"]) {
      expect(String(resultOf(kernel.log, id).message)).toMatch(/^Error validating JSON arguments: /);
    }
    expect(resultOf(kernel.log, "t6")).toMatchObject({ output: "background_tasks: 0", display: [] });
  });
});

describe("the end of the kernel", () => {
  it("K-301 tasks are killed when the client leaves, a stubborn one in less than 2 s", async () => {
    const workspace = createWorkspace({
      scripts: [
        script(background("t1", "sleep 60"), background("t2", "trap '' TERM; echo up; while :; do sleep 0.1; done")),
        say("x"),
      ],
    });
    const kernel = startKernel(workspace, { args: YOLO, env: { E2E_MARK: mark("k301") } });
    await runTurn(kernel, "go");
    const file = join(tasksDir(workspace), taskIdOf(kernel.log, "t2"), "output.log");
    await until("the trap is set", () => readFileSync(file, "utf8") === "up\n");
    const at = Date.now();
    expect((await kernel.close()).code).toBe(0);
    expect(Date.now() - at).toBeLessThan(2_000);
    await untilNoneLeft(mark("k301"));
  });

  it("K-302 killed outright: its tasks die with it and are lost in the next one", async () => {
    const workspace = createWorkspace({ scripts: [background("t1", "sleep 60"), say("x")] });
    const kernel = startKernel(workspace, { args: YOLO, env: { E2E_MARK: mark("k302") } });
    await runTurn(kernel, "go");
    const task = taskIdOf(kernel.log, "t1");
    await kernel.kill();
    await untilNoneLeft(mark("k302"));
    const next = nextWorkspace(workspace, { scripts: [call("l", "TaskList", { active_only: false }), say("y")] });
    const again = startKernel(next, { args: ["--continue"] });
    const turn = await runTurn(again, "next");
    expect(payloads(turn.messages, "Notification")).toMatchObject([
      { type: "task.lost", source_id: task, severity: "warning", title: "Background task lost: bgjob" },
    ]);
    expect(resultOf(turn.messages, "l").output).toContain("status: lost");
    expect(types((await runTurn(again, "next")).messages)).not.toContain("Notification");
  });

  it("K-303 keep_alive_on_exit: it goes on, is listed by the next kernel, and its end is told", async () => {
    const config = { background: { keep_alive_on_exit: true } };
    const workspace = createWorkspace({
      scripts: [background("t1", `echo before; ${waitFor("go", "echo after; exit 4")}`), say("x")],
      config,
    });
    const kernel = startKernel(workspace, { args: YOLO, env: { E2E_MARK: mark("k303") } });
    await runTurn(kernel, "go");
    const task = taskIdOf(kernel.log, "t1");
    expect((await kernel.close()).code).toBe(0);
    expect(processesWithMark(mark("k303")).length).toBeGreaterThan(0);
    const next = nextWorkspace(workspace, { scripts: [call("l", "TaskList"), say("y"), say("z")], config });
    const again = startKernel(next, { args: ["--continue"] });
    expect(resultOf((await runTurn(again, "next")).messages, "l").output).toContain(
      `[1]\ntask_id: ${task}\nkind: bash\nstatus: running`,
    );
    writeFileSync(join(workspace.workDir, "go"), "");
    await untilNoneLeft(mark("k303"));
    const turn = await runTurn(again, "next");
    expect(payloads(turn.messages, "Notification")).toMatchObject([
      { type: "task.failed", source_id: task, payload: { exit_code: 4 } },
    ]);
    expect(readFileSync(join(tasksDir(workspace), task, "output.log"), "utf8")).toBe("before\nafter\n");
  });
});

describe("the end of the client", () => {
  it("K-304 with a stubborn task the turn ends at once all the same: its subagent asks the model no more", async () => {
    const workspace = createWorkspace({
      scripts: [
        background("t1", "trap '' TERM; echo up; while :; do sleep 0.1; done"),
        agent("t2", "p"),
        shell("s1", "touch ran"),
        ...[reports, reports],
      ],
    });
    const kernel = startKernel(workspace);
    kernel.request("prompt", { user_input: "go" });
    kernel.approve(await kernel.serverRequest("ApprovalRequest"));
    await kernel.serverRequest("ApprovalRequest");
    expect((await kernel.close()).code).toBe(0);
    const steps = readLines(join(agentDirs(workspace)[0] as string, "wire.jsonl")).filter(
      ({ message }) => (message as { type: string } | undefined)?.type === "StepBegin",
    );
    expect(steps).toHaveLength(1);
    expect(wireTypes(workspace).at(-1)).toBe("TurnEnd");
    expect(existsSync(join(workspace.workDir, "ran"))).toBe(false);
  });
});

describe("an agent in the background", () => {
  it("K-401 no nested events; it asks as a background agent, and its end is a Notification", async () => {
    const workspace = await twoAgents([callReply("m1", "Shell", { command: waitFor("go") }), textReply(REPORT)]);
    const kernel = startKernel(workspace);
    await kernel.initialize();
    const first = kernel.request("prompt", { user_input: "go" });
    const asked = await kernel.serverRequest("ApprovalRequest");
    expect((await kernel.response(first)).result).toEqual({ status: "finished" });
    const begun = resultOf(kernel.log, "t1");
    const task = taskIdOf(kernel.log, "t1");
    expect(task).toMatch(/^agent-[a-z0-9]{8}$/);
    const { agent_id } = asked.params?.payload ?? {};
    expect(begun.output).toMatch(
      new RegExp(
        `^task_id: ${task}\nkind: agent\nstatus: starting\ndescription: do it\nagent_id: ${agent_id}\nactual_subagent_type: coder\nautomatic_notification: true\n`,
      ),
    );
    expect(begun.display).toEqual([
      { type: "background_task", task_id: task, kind: "agent", status: "starting", description: "do it" },
    ]);
    expect(asked.params?.payload).toMatchObject({
      source_kind: "background_agent",
      source_id: task,
      subagent_type: "coder",
      tool_call_id: "m1",
    });

    // Idle, and a client that starts anew gets the same request before its answer.
    const again = kernel.request("initialize", { protocol_version: "1.10" });
    await kernel.response(again);
    const requests = kernel.log.filter((m) => m.method === "request");
    expect(requests).toHaveLength(2);
    expect(requests[1]).toEqual(requests[0]);
    expect(kernel.log.findIndex((m) => m.id === again)).toBeGreaterThan(kernel.log.lastIndexOf(requests[1] as Message));

    kernel.approve(asked);
    await kernel.event("ApprovalResponse");
    writeFileSync(join(workspace.workDir, "go"), "");
    const file = join(tasksDir(workspace), task, "task.json");
    await until("the agent has ended", () => readFileSync(file, "utf8").includes('"completed"'));
    expect(readFileSync(join(tasksDir(workspace), task, "output.log"), "utf8")).toContain(`[summary]\n${REPORT}`);
    const turn = await runTurn(kernel, "next");
    expect(types(turn.messages)).toEqual([
      ...["TurnBegin", "Notification", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(payloads(turn.messages, "Notification")).toMatchObject([
      { type: "task.completed", source_id: task, payload: { task_kind: "agent" } },
    ]);
    expect(nested(kernel.log)).toEqual([]);
    await kernel.close();
    const users = conversation(workspace).flatMap((line) => (line.role === "user" ? [String(line.content)] : []));
    expect(users.some((text) => text.includes(task) && text.includes("xxxx"))).toBe(true);
  });

  it("K-402 killed with the kernel while it waits for an approval: nothing ran, the request is rejected", async () => {
    const workspace = await twoAgents([callReply("m1", "Shell", { command: "touch ran" })]);
    const kernel = startKernel(workspace);
    const first = kernel.request("prompt", { user_input: "go" });
    await kernel.serverRequest("ApprovalRequest");
    await kernel.response(first);
    expect((await kernel.close()).code).toBe(0);
    expect(existsSync(join(workspace.workDir, "ran"))).toBe(false);
    const task = JSON.parse(readFileSync(join(tasksDir(workspace), taskIdOf(kernel.log, "t1"), "task.json"), "utf8"));
    expect(task).toMatchObject({ kind: "agent", status: "killed" });
  });

  it("K-403 it fails: task.failed with the provider's words", async () => {
    const workspace = await twoAgents([{ status: 400, body: { error: { message: "bad" } } }]);
    const kernel = startKernel(workspace);
    await runTurn(kernel, "go");
    const task = taskIdOf(kernel.log, "t1");
    const file = join(tasksDir(workspace), task, "task.json");
    await until("the agent has failed", () => readFileSync(file, "utf8").includes('"failed"'));
    await runTurn(kernel, "next");
    expect(payloads(kernel.log, "Notification")).toMatchObject([
      { type: "task.failed", severity: "error", payload: { reason: expect.stringContaining("bad") } },
    ]);
  });
});
