/**
 * The kernel inside a host's process. The host is a real Node process that imports the built library (`dist/lib`, made
 * by the build as `dist/` is) and passes what its kernel says to its own stdout; see hosts/relay-host.mjs.
 */
import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { KernelProcess, kernelEnvironment, startKernel } from "./kernel-process.js";
import { processesWithMark, until, untilNoneLeft } from "./process-scan.js";
import { shellCall, shellTurn } from "./scripts.js";
import { jsonLines, onlySession, sessionFolders } from "./session-files.js";
import { payloads, runTurn, text, types } from "./turn.js";
import { createWorkspace, setScripts, type Workspace } from "./workspace.js";

const SESSION = "6f0c2b1e-7f1d-4a52-9d2b-3c1a9a4e5d11";
const hostFile = (name: string) => fileURLToPath(new URL(`hosts/${name}`, import.meta.url));

interface HostOptions {
  args?: readonly string[];
  env?: Record<string, string>;
  onSignal?: "exit" | "restart" | "stop" | "kill";
  sameThread?: boolean;
}

/** Starts the relaying host; it is killed when the test ends. */
function startHost(workspace: Workspace, options: HostOptions = {}): KernelProcess {
  const args = ["--config-file", workspace.configFile, "--work-dir", workspace.workDir, ...(options.args ?? [])];
  const env = kernelEnvironment(workspace, {
    ...options.env,
    HOST_ON_USR2: options.onSignal ?? "kill",
    HOST_SAME_THREAD: options.sameThread === true ? "1" : "0",
  });
  const child = spawn(process.execPath, [hostFile("relay-host.mjs"), "--wire", ...args], {
    cwd: workspace.home,
    env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const host = new KernelProcess(child);
  onTestFinished(() => host.kill());
  return host;
}

let marks = 0;

/** A host whose kernel runs a command: `started` exists in the work dir. */
async function midTool(options: HostOptions = {}) {
  const mark = `thread-${process.pid}-${++marks}`;
  const workspace = createWorkspace({ scripts: shellTurn("echo up > started; sleep 60 & sleep 60") });
  const args = ["--yolo", "--session", SESSION];
  const host = startHost(workspace, { ...options, args, env: { ...options.env, E2E_MARK: mark } });
  await host.initialize();
  host.request("prompt", { user_input: "go" }, "live");
  await until("the tool runs", () => existsSync(join(workspace.workDir, "started")), 8_000);
  return { host, workspace, mark };
}

/** Processes of the test that are not the host. */
const toolsWithMark = (mark: string) => processesWithMark(mark).filter((line) => !line.includes("relay-host.mjs"));

/** The host's report of a kernel that it ended. */
async function ended(host: KernelProcess): Promise<{ exit: { code: number | null }; ms: number }> {
  await until("the host says how its kernel ended", () => host.stderr.includes("\n"));
  return JSON.parse(host.stderr.split("\n")[0] as string) as { exit: { code: number | null }; ms: number };
}

describe("in a thread of its own", () => {
  it("I-001 a turn; stdout is the wire alone, and the host keeps its environment, folder and streams", async () => {
    const workspace = createWorkspace({ scripts: ["text: hello"] });
    const host = startHost(workspace);
    const { result } = await host.initialize();
    expect(result?.protocol_version).toBe("1.10");
    const turn = await runTurn(host, "hi");
    expect(text(turn.messages)).toBe("hello");
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(await host.close()).toEqual({ code: 0, signal: null });
    expect(host.noise).toEqual([]);
    expect(host.stderr).toBe("");
    expect(existsSync(join(onlySession(workspace), "wire.jsonl"))).toBe(true);
  });

  it("I-002 a command runs when it is approved, and not when it is rejected", async () => {
    const scripts = [shellCall("t1", "echo one > one"), shellCall("t2", "echo two > two"), "text: done"];
    const workspace = createWorkspace({ scripts });
    const host = startHost(workspace);
    await host.initialize();
    const answers = ["approve", "reject"] as const;
    let asked = 0;
    const turn = await runTurn(host, "go", (request) => host.approve(request, answers[asked++] ?? "reject"));
    expect(types(turn.messages).filter((type) => type === "request:ApprovalRequest")).toHaveLength(2);
    expect(readFileSync(join(workspace.workDir, "one"), "utf8")).toBe("one\n");
    expect(existsSync(join(workspace.workDir, "two"))).toBe(false);
  });

  it("I-003 cancel ends a running command at once", async () => {
    const { host, mark } = await midTool();
    const begin = Date.now();
    await host.call("cancel", {});
    expect((await host.response("live")).result).toEqual({ status: "cancelled" });
    expect(Date.now() - begin).toBeLessThan(2_000);
    await until("its processes are gone", () => toolsWithMark(mark).length === 0);
    expect((await host.close()).code).toBe(0);
  });

  it("I-004 several kernels of one process do not know of each other", async () => {
    const names = ["one", "two", "three"];
    const places = names.map((name) => {
      const workspace = createWorkspace({ scripts: [shellCall(name, "echo $WHO $PWD"), `text: ${name}`] });
      const args = ["--config-file", workspace.configFile, "--yolo"];
      const cwd = workspace.workDir;
      return { args, env: kernelEnvironment(workspace, { WHO: name }), cwd };
    });
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [hostFile("two-kernels.mjs"), JSON.stringify(places)],
      { env: { PATH: process.env.PATH } },
    );
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual(
      names.map((name, i) => ({ text: `${name} ${places[i]?.cwd}\n${name}`, code: 0 })),
    );
  });

  it("I-005 ended by force in mid-tool: nothing runs on, and a successor in the same host has the session", async () => {
    const { host, workspace, mark } = await midTool({ onSignal: "restart" });
    expect(toolsWithMark(mark)).not.toEqual([]);
    host.child.kill("SIGUSR2");
    await until("the successor is there", () => host.stderr.includes("again\n"));
    const { exit, ms } = await ended(host);
    expect(exit).toMatchObject({ code: null, signal: null, outOfMemory: false });
    expect(ms).toBeLessThan(1_000);
    await until("its processes are gone", () => toolsWithMark(mark).length === 0, 2_000);
    setScripts(workspace, ["text: going on"]);
    await host.initialize();
    const turn = await runTurn(host, "again");
    expect(text(turn.messages)).toBe("going on");
    expect(turn.response.result).toEqual({ status: "finished" });
    expect((await host.close()).code).toBe(0);
    expect(sessionFolders(workspace)).toHaveLength(1);
  });

  it("I-006 stop is the end of the input: the turn is cut short, recorded, and the code is 0", async () => {
    const { host, workspace, mark } = await midTool({ onSignal: "stop" });
    host.child.kill("SIGUSR2");
    const { exit, ms } = await ended(host);
    expect(exit).toMatchObject({ code: 0, outOfMemory: false });
    expect(ms).toBeLessThan(2_000);
    expect(await host.exit()).toMatchObject({ code: 0 });
    await untilNoneLeft(mark);
    const recorded = jsonLines(join(onlySession(workspace), "wire.jsonl")) as { message?: { type: string } }[];
    expect(recorded.map((line) => line.message?.type)).toContain("TurnEnd");
  });

  it("I-007 a host that ends by process.exit, or is killed, leaves nothing behind", async () => {
    const polite = await midTool({ onSignal: "exit" });
    polite.host.child.kill("SIGUSR2");
    expect((await polite.host.exit(2_000)).code).toBe(7);
    await untilNoneLeft(polite.mark);
    const { host, mark } = await midTool();
    host.child.kill("SIGKILL");
    await untilNoneLeft(mark);
  });

  it.each([
    ["a flag that does not exist", ["--no-such-flag"], {}, 2, "No such option: --no-such-flag\n"],
    [
      "a folder that does not exist",
      ["--work-dir", "/no/such/dir"],
      {},
      2,
      "Directory '/no/such/dir' does not exist.\n",
    ],
    ["help", ["--help"], {}, 2, "Only flags of a run make sense here.\n"],
    ["an unknown age of the wire", [], { KERNEL_WIRE_COMPAT: "9" }, 2, /^Invalid value for KERNEL_WIRE_COMPAT/],
  ])("I-008 %s ends the thread with the code and the words of the command", async (_name, args, env, code, words) => {
    const host = startHost(createWorkspace(), { args, env });
    expect(await host.exit()).toEqual({ code, signal: null });
    expect(host.stderr).toEqual(typeof words === "string" ? words : expect.stringMatching(words));
    expect(host.noise).toEqual([]);
  });

  it("I-010 a start that fails: code 1, the reason, and where the log is", async () => {
    const workspace = createWorkspace();
    rmSync(join(workspace.home, "..", "scripts.json"));
    const host = startHost(workspace);
    expect(await host.exit()).toEqual({ code: 1, signal: null });
    expect(host.stderr).toMatch(/scripts\.json.*\nSee logs: \S+kernel\.log\n$/);
  });

  it("I-011 what is loaded late works there too: the log is written, an agent file is read", async () => {
    const workspace = createWorkspace({ scripts: ["text: hello"] });
    const agentFile = join(workspace.home, "agent.yaml");
    writeFileSync(agentFile, "version: 1\nagent:\n  extend: default\n");
    const host = startHost(workspace, { args: ["--debug", "--agent-file", agentFile] });
    await host.initialize({ client: { name: "late" } });
    expect(text((await runTurn(host, "hi")).messages)).toBe("hello");
    expect((await host.close()).code).toBe(0);
    expect(readFileSync(join(workspace.share, "logs", "kernel.log"), "utf8")).toContain("client connected");
  });

  it("I-009 a kernel above its limit of memory ends alone and says why", async () => {
    const { host, mark } = await midTool({ env: { HOST_LIMIT_MB: "48" } });
    for (let n = 0; n < 40; n++) host.request("steer", { user_input: "x".repeat(4_000_000) });
    expect(await host.exit(20_000)).toEqual({ code: 9, signal: null });
    expect(host.stderr).toContain("out of memory\n");
    await untilNoneLeft(mark);
  });
});

describe("in the host's own thread", () => {
  it("I-020 a turn, and an end in good order", async () => {
    const host = startHost(createWorkspace({ scripts: ["text: hello"] }), { sameThread: true });
    await host.initialize();
    expect(text((await runTurn(host, "hi")).messages)).toBe("hello");
    expect(await host.close()).toEqual({ code: 0, signal: null });
    expect(host.noise).toEqual([]);
    expect(host.stderr).toBe("");
  });

  it("I-021 kill ends the turn and its processes", async () => {
    const { host, mark } = await midTool({ sameThread: true });
    host.child.kill("SIGUSR2");
    expect((await ended(host)).exit).toMatchObject({ code: 0 });
    expect(await host.exit()).toMatchObject({ code: 0 });
    await untilNoneLeft(mark);
  });
});

it.each([
  ["thread", "aborted"],
  ["same", 0],
])(
  "I-031 given up, ended twice, never read: each start settles once and nothing holds the host (%s)",
  async (how, during) => {
    const { home } = createWorkspace();
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [hostFile("launch-ends.mjs"), how], {
      env: { PATH: process.env.PATH, HOME: home },
      timeout: 15_000,
    });
    expect(stderr).toBe("");
    const stderrTail = "Directory '[hidden]' does not exist.\n";
    expect(JSON.parse(stdout)).toEqual({ before: "aborted", during, codes: [0, 0, 0, 0, 0], code: 2, stderrTail });
  },
);

it.each([
  ["launch", { threads: 1, code: 0 }],
  ["drop", { threads: 2, code: 0 }],
  ["idle", { threads: 1, code: null }],
])("I-032 a thread that stands by is taken once, can be let go of, and holds no host (%s)", async (how, expected) => {
  const { home, configFile, workDir } = createWorkspace({ scripts: ["text: hello"] });
  const args = JSON.stringify(["--config-file", configFile, "--work-dir", workDir]);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [hostFile("standby-host.mjs"), how, args], {
    env: { PATH: process.env.PATH, HOME: home },
    timeout: 15_000,
  });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual(expected);
});

it("I-030 --ask-always is stronger than --yolo, --afk and what the session has stored", async () => {
  const workspace = createWorkspace({ scripts: [shellCall("t1", "echo one > one"), "text: done"] });
  const args = ["--session", SESSION];
  const first = startKernel(workspace, { args });
  await first.initialize();
  await runTurn(first, "/yolo");
  await first.close();
  const kernel = startKernel(workspace, { args: [...args, "--yolo", "--afk", "--ask-always"] });
  await kernel.initialize();
  const turn = await runTurn(kernel, "go", (request) => kernel.approve(request, "reject"));
  expect(types(turn.messages)).toContain("request:ApprovalRequest");
  expect(payloads(turn.messages, "ToolResult")).toHaveLength(1);
  expect(existsSync(join(workspace.workDir, "one"))).toBe(false);
});
