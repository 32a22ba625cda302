import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AgentRunner, AgentTask } from "../agents/agent-runner.js";
import type { BackgroundConfig } from "../config/config.js";
import { silentLogger } from "../logger.js";
import { createProcessGroups } from "../processes/posix-process-groups.js";
import type { ProcessGroups } from "../processes/process-groups.js";
import type { NoteRecord } from "../storage/session-log.js";
import type { AgentResult } from "../tools/services/agents.js";
import { BackgroundTasks } from "./background-tasks.js";
import type { TaskRecord } from "./task-record.js";
import { TaskRegistry } from "./task-registry.js";
import { TaskStore } from "./task-store.js";

const NO_SIGNAL = new AbortController().signal;
const env = { PATH: process.env.PATH ?? "/usr/bin:/bin" };

let root: string;
let groups: ProcessGroups;
const registries: TaskRegistry[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tasks-"));
  groups = createProcessGroups();
});
afterEach(async () => {
  for (const registry of registries.splice(0)) await registry.close();
  await groups.close();
  rmSync(root, { recursive: true, force: true });
});

/** A fake runner of agents: the test decides how its run ends. */
function fakeAgents() {
  const started: { task: AgentTask; finish: (result: AgentResult) => void; fail: (error: Error) => void }[] = [];
  const start: AgentRunner["start"] = async (request, task) => {
    if (request.prompt === "refuse") throw new Error("refused");
    const done = new Promise<AgentResult>((finish, fail) => {
      started.push({ task, finish, fail });
      task.signal.addEventListener("abort", () => fail(task.signal.reason));
    });
    return { agentId: "a12345678", actualType: "coder", done };
  };
  return { started, agents: { start } as AgentRunner };
}

function kernel(change: Partial<BackgroundConfig> = {}, note: (record: NoteRecord) => void = () => {}) {
  const config: BackgroundConfig = {
    max_running_tasks: 4,
    read_max_bytes: 30_000,
    notification_tail_lines: 20,
    notification_tail_chars: 3_000,
    wait_poll_interval_ms: 20,
    kill_grace_period_ms: 2_000,
    keep_alive_on_exit: false,
    agent_task_timeout_s: 900,
    ...change,
  };
  const store = new TaskStore(join(root, "tasks"));
  const registry = new TaskRegistry({ store, config, note, logger: silentLogger });
  registries.push(registry);
  const { agents, started } = fakeAgents();
  const tasks = new BackgroundTasks({ registry, store, config, agents, processes: groups, workDir: root, env });
  const record = (id: string) => JSON.parse(readFileSync(join(root, "tasks", id, "task.json"), "utf8")) as TaskRecord;
  return { tasks, registry, store, started, record };
}

const command = (text: string, timeoutS = 60) => ({ command: text, description: "job", timeoutS, effectId: "e" });
const agentRun = (prompt = "p") => ({
  toolCallId: "t1",
  description: "job",
  prompt,
  subagentType: "coder",
  model: null,
  resume: null,
  timeoutS: null,
});

async function until(check: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!check()) {
    if (performance.now() > deadline) throw new Error("not within 5 s");
    await delay(5);
  }
}

describe("a command", () => {
  test("starts at once, writes to its file, and its end is in its record and in the journal", async () => {
    const notes: NoteRecord[] = [];
    const { tasks, record } = kernel({}, (note) => notes.push(note));
    const seen: { pgid: number }[] = [];
    const view = await tasks.startCommand({
      ...command("echo out; echo err >&2; exit 3"),
      onProcess: (p) => seen.push(p),
    });
    expect(view).toMatchObject({ status: "starting", kind: "bash", exitCode: null });
    const end = await tasks.output(view.taskId, 5_000, NO_SIGNAL);
    expect(end).toMatchObject({ task: { status: "failed", exitCode: 3 }, text: "out\nerr\n", truncated: false });
    expect(record(view.taskId)).toMatchObject({ status: "failed", exit_code: 3, process: { pgid: seen[0]?.pgid } });
    expect(notes).toEqual([
      { kind: "task_begin", task_id: view.taskId, task_kind: "bash", effect_id: "e", description: "job" },
      { kind: "task_end", task_id: view.taskId, status: "failed", exit_code: 3 },
    ]);
  });

  test("its process is on record before it acts", async () => {
    const { tasks, record } = kernel();
    const view = await tasks.startCommand(command(`grep -c '^    "pgid"' ${join(root, "tasks")}/*/task.json`));
    const end = await tasks.output(view.taskId, 5_000, NO_SIGNAL);
    expect(end?.text).toBe("1\n");
    expect(record(view.taskId).process?.start_time).toMatch(/^\d+$/);
  });

  test("takes no longer than it may, is stopped with its whole group, and says why", async () => {
    const { tasks, record } = kernel();
    const late = await tasks.startCommand(command("sleep 60", 1));
    const stopped = await tasks.startCommand(command("sleep 61 & sleep 62"));
    expect(await tasks.stop(stopped.taskId, "enough")).toMatchObject({ status: "killed" });
    expect(record(stopped.taskId)).toMatchObject({ reason: "enough" });
    expect(await tasks.output(late.taskId, 5_000, NO_SIGNAL)).toMatchObject({ task: { status: "timed_out" } });
    expect(await tasks.stop("bash-00000000", "x")).toBeNull();
    expect(await tasks.stop(late.taskId, "again")).toMatchObject({ status: "timed_out" });
  });

  test("one that ends on TERM keeps its grace and its last words", async () => {
    const { tasks } = kernel();
    const view = await tasks.startCommand(
      command("trap 'sleep 0.2; echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done"),
    );
    await until(() => readFileSync(join(root, "tasks", view.taskId, "output.log"), "utf8") === "up\n");
    await tasks.stop(view.taskId, "x");
    expect((await tasks.output(view.taskId, 0, NO_SIGNAL))?.text).toMatch(/^up\n[\s\S]*bye\n$/);
  });

  test("that cannot be started throws, holds no place and is announced to nobody", async () => {
    const { tasks, registry } = kernel({ max_running_tasks: 1 });
    rmSync(root, { recursive: true });
    mkdirSync(join(root, "tasks"), { recursive: true });
    const broken = kernel({ max_running_tasks: 1 });
    const gone = new BackgroundTasks({
      ...broken,
      config: { keep_alive_on_exit: false } as BackgroundConfig,
      agents: {} as AgentRunner,
      processes: { spawn: () => Promise.reject(new Error("no process")), close: async () => {} },
      workDir: root,
      env,
    });
    await expect(gone.startCommand(command("true"))).rejects.toThrow("no process");
    expect(broken.registry.unannounced("told")).toEqual([]);
    expect(broken.registry.list({ activeOnly: true, limit: 9 })).toEqual([]);
    expect(registry.list({ activeOnly: false, limit: 9 })).toEqual([]);
    await tasks.startCommand(command("sleep 60"));
    await expect(tasks.startCommand(command("true"))).rejects.toMatchObject({ brief: "Too many background tasks" });
  });
});

describe("reading", () => {
  test("waits for the end at most as long as asked, and a cancel ends the wait", async () => {
    const { tasks } = kernel();
    const { taskId } = await tasks.startCommand(command("sleep 60"));
    expect(await tasks.output(taskId, 30, NO_SIGNAL)).toMatchObject({ task: { status: "running" } });
    const turn = new AbortController();
    const waiting = tasks.output(taskId, 60_000, turn.signal);
    turn.abort(new Error("cancelled"));
    await expect(waiting).rejects.toThrow("cancelled");
    expect(await tasks.output("bash-00000000", 0, NO_SIGNAL)).toBeNull();
  });

  test("gives the end of a long output, from a whole line on", async () => {
    const { tasks } = kernel({ read_max_bytes: 100 });
    const { taskId } = await tasks.startCommand(command("seq 1 1000"));
    const read = await tasks.output(taskId, 5_000, NO_SIGNAL);
    expect(read?.truncated).toBe(true);
    expect(read?.text).toMatch(/^\d{3}\n(?:.*\n)*1000\n$/);
    expect(read?.text.length).toBeLessThanOrEqual(100);
  });

  test("lists the newest first, bounded, and those that run when asked", async () => {
    const { tasks } = kernel();
    const ids: string[] = [];
    for (const text of ["true", "sleep 60"]) ids.push((await tasks.startCommand(command(text))).taskId);
    await tasks.output(ids[0] as string, 5_000, NO_SIGNAL);
    const list = (activeOnly: boolean, limit: number) => tasks.list({ activeOnly, limit }).map(({ taskId }) => taskId);
    expect(list(false, 9)).toEqual([ids[1], ids[0]]);
    expect(list(false, 1)).toEqual([ids[1]]);
    expect(list(true, 9)).toEqual([ids[1]]);
  });
});

describe("an agent", () => {
  test("runs for its task: its words are the output, its end the task's", async () => {
    const { tasks, started, record } = kernel();
    const view = await tasks.startAgent(agentRun());
    expect(view).toMatchObject({ kind: "agent", status: "starting", agentId: "a12345678", command: null });
    started[0]?.task.onOutput("words\n");
    expect(await tasks.output(view.taskId, 0, NO_SIGNAL)).toMatchObject({
      task: { status: "running" },
      text: "words\n",
    });
    started[0]?.finish({ agentId: "a12345678", resumed: false, actualType: "coder", text: "t" });
    expect(await tasks.output(view.taskId, 5_000, NO_SIGNAL)).toMatchObject({ task: { status: "completed" } });
    expect(record(view.taskId).agent_id).toBe("a12345678");
  });

  test("fails, is stopped, cannot start", async () => {
    const { tasks, started, record, registry } = kernel();
    const failed = await tasks.startAgent(agentRun());
    started[0]?.fail(new Error("bad"));
    expect(await tasks.output(failed.taskId, 5_000, NO_SIGNAL)).toMatchObject({ task: { status: "failed" } });
    expect(record(failed.taskId).reason).toBe("bad");
    const stopped = await tasks.startAgent(agentRun());
    expect(await tasks.stop(stopped.taskId, "enough")).toMatchObject({ status: "killed" });
    await expect(tasks.startAgent(agentRun("refuse"))).rejects.toThrow("refused");
    expect(registry.list({ activeOnly: true, limit: 9 })).toEqual([]);
    expect(registry.unannounced("shown").map(({ task_id }) => task_id)).toEqual([failed.taskId, stopped.taskId]);
  });
});

describe("the end of the kernel and the next one", () => {
  test("close kills what runs, marks it, and takes nothing more", async () => {
    const { tasks, registry, record } = kernel();
    const one = await tasks.startCommand(command("sleep 60"));
    const two = await tasks.startAgent(agentRun());
    await registry.close();
    for (const { taskId } of [one, two]) {
      expect(record(taskId)).toMatchObject({ status: "killed", reason: "The kernel ended.", shown: false });
    }
    await expect(tasks.startCommand(command("true"))).rejects.toMatchObject({ brief: "Not started" });
  });

  test("what a dead kernel left running is lost; what had ended is not; each is announced once", async () => {
    const first = kernel();
    const { taskId: lost } = await first.tasks.startCommand(command("sleep 60"));
    const { taskId: ended } = await first.tasks.startCommand(command("true"));
    await first.tasks.output(ended, 5_000, NO_SIGNAL);
    const next = kernel();
    next.registry.open();
    expect(next.tasks.view(lost)).toMatchObject({ status: "lost" });
    expect(next.registry.unannounced("shown").map(({ task_id, status }) => [task_id, status])).toEqual([
      [lost, "lost"],
      [ended, "completed"],
    ]);
    for (const record of next.registry.unannounced("shown")) next.registry.announced(record, "shown");
    const third = kernel();
    third.registry.open();
    expect(third.registry.unannounced("shown")).toEqual([]);
    expect(third.registry.unannounced("told")).toHaveLength(2);
  });

  test("one that was told to go on goes on; the next kernel sees its end and its exit code, or stops it", async () => {
    const first = kernel({ keep_alive_on_exit: true });
    const wait = (file: string) => `echo a; until [ -e ${file} ]; do sleep 0.02; done; echo b; exit 5`;
    const { taskId: one } = await first.tasks.startCommand(command(wait("go")));
    const { taskId: two } = await first.tasks.startCommand(command(wait("never")));
    await first.registry.close();
    await groups.close();
    groups = createProcessGroups();
    const next = kernel({ keep_alive_on_exit: true });
    next.registry.open();
    expect(next.tasks.list({ activeOnly: true, limit: 9 })).toHaveLength(2);
    const waiting = next.tasks.output(one, 5_000, NO_SIGNAL);
    writeFileSync(join(root, "go"), "");
    expect(await waiting).toMatchObject({ task: { status: "failed", exitCode: 5 }, text: "a\nb\n" });
    expect(await next.tasks.stop(two, "enough")).toMatchObject({ status: "killed" });
  });

  test("damaged records are left out", () => {
    const folder = (name: string, text: string) => {
      mkdirSync(join(root, "tasks", name), { recursive: true });
      writeFileSync(join(root, "tasks", name, "task.json"), text);
    };
    folder("bash-aaaaaaaa", "{");
    folder("bash-bbbbbbbb", '{"version":1,"task_id":"bash-cccccccc"}');
    folder("other", "{}");
    appendFileSync(join(root, "tasks", "file"), "");
    const { registry } = kernel();
    registry.open();
    expect(registry.list({ activeOnly: false, limit: 9 })).toEqual([]);
    expect(existsSync(join(root, "tasks", "bash-aaaaaaaa"))).toBe(true);
  });
});
