/**
 * A host and its kernel process: how the client's launcher starts the real kernel and ends it, whatever state it is in.
 * Black box for the client, whose public functions are imported; the kernel is the built command.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { describe, expect, it, onTestFinished } from "vitest";
// biome-ignore lint/style/noRestrictedImports: these rows are the client's own black-box tests.
import type { Launched } from "../src/client/launcher.js";
// biome-ignore lint/style/noRestrictedImports: as above.
import { locateKernel } from "../src/client/locate-kernel.js";
// biome-ignore lint/style/noRestrictedImports: as above.
import { sidecarLauncher } from "../src/client/sidecar-launcher.js";
import { kernelCommand, kernelEnvironment } from "./kernel-process.js";
import { isAlive, until, untilNoneLeft } from "./process-scan.js";
import { shellTurn } from "./scripts.js";
import { createWorkspace, type Workspace } from "./workspace.js";

let marks = 0;

interface Host {
  launched: Launched;
  pid: number;
  mark: string;
  send(message: Record<string, unknown>): void;
  /** Waits for the answer with this id. */
  answer(id: string): Promise<Record<string, unknown>>;
}

/** Starts the kernel under test as a host would. It is killed when the test ends. */
async function host(workspace: Workspace, command = kernelCommand(), env: Record<string, string> = {}): Promise<Host> {
  const mark = `sidecar-${process.pid}-${++marks}`;
  const launcher = sidecarLauncher({
    command: command as [string, ...string[]],
    cwd: workspace.workDir,
    env: kernelEnvironment(workspace, { E2E_MARK: mark, ...env }),
  });
  const args = ["--config-file", workspace.configFile, "--work-dir", workspace.workDir, "--yolo"];
  const launched = await launcher.launch({ args, signal: new AbortController().signal });
  onTestFinished(() => void launched.kill());
  let text = "";
  launched.transport.readable.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const find = (id: string) =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find((message) => message.id === id && message.method === undefined);
  return {
    launched,
    pid: launched.pid ?? 0,
    mark,
    send: (message) => launched.transport.writable.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`),
    answer: async (id) => {
      await until(`the answer to ${id}`, () => find(id) !== undefined, 8_000);
      return find(id) ?? {};
    },
  };
}

const INITIALIZE = { id: "i", method: "initialize", params: { protocol_version: "1.10" } };

/** A host whose kernel is in the middle of a tool. */
async function midTool(): Promise<Host> {
  const workspace = createWorkspace({ scripts: shellTurn("echo up > started; trap '' TERM; sleep 60 & sleep 61") });
  const started = await host(workspace);
  started.send(INITIALIZE);
  started.send({ id: "p", method: "prompt", params: { user_input: "go" } });
  await until("the tool runs", () => existsSync(join(workspace.workDir, "started")), 8_000);
  return started;
}

/** Asserts that the end came within this time. */
async function inTime<T>(ms: number, end: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  const result = await end();
  expect(performance.now() - begin).toBeLessThan(ms);
  return result;
}

describe("a host and its kernel process", () => {
  it("V-001 launch, initialize by hand, stop: exit 0, silence on stderr, nothing left", async () => {
    const { launched, send, answer, mark } = await host(createWorkspace());
    send(INITIALIZE);
    expect(await answer("i")).toMatchObject({ result: { protocol_version: "1.10" } });
    expect(await inTime(2_000, launched.stop)).toEqual({ code: 0, signal: null, stderrTail: "", outOfMemory: false });
    await untilNoneLeft(mark, 1_000);
  });

  it("V-002 NODE_OPTIONS of the host does not reach the kernel", async () => {
    const { launched, send, answer } = await host(createWorkspace(), undefined, { NODE_OPTIONS: "--require=/none" });
    send(INITIALIZE);
    expect(await answer("i")).toHaveProperty("result");
    expect(await launched.stop()).toMatchObject({ code: 0 });
  });

  it("V-003 kill of a stopped kernel: gone within a second", async () => {
    const { launched, send, answer, mark, pid } = await host(createWorkspace());
    send(INITIALIZE);
    await answer("i");
    process.kill(pid, "SIGSTOP");
    expect(await inTime(1_000, launched.kill)).toMatchObject({ code: null, signal: "SIGKILL", outOfMemory: false });
    await untilNoneLeft(mark, 1_000);
  });

  it("V-004 stop in mid-tool: the kernel ends in good order and takes the tool with it", async () => {
    const { launched, mark } = await midTool();
    expect(await inTime(3_000, launched.stop)).toMatchObject({ code: 0, signal: null });
    await untilNoneLeft(mark, 1_000);
  });

  it("V-005 kill in mid-tool: the tool, in a group of its own, is gone a second later", async () => {
    const { launched, mark } = await midTool();
    expect(await inTime(1_000, launched.kill)).toMatchObject({ signal: "SIGKILL" });
    await untilNoneLeft(mark, 1_000);
  });

  it("V-006 stop of a stopped kernel in mid-tool: SIGKILL after three seconds, nothing left", async () => {
    const { launched, mark, pid } = await midTool();
    process.kill(pid, "SIGSTOP");
    expect(await inTime(4_000, launched.stop)).toMatchObject({ signal: "SIGKILL" });
    await untilNoneLeft(mark, 1_000);
  });

  it("V-007 a kernel that ignores the end of its input and SIGTERM is killed, with its children", async () => {
    const deaf = "trap '' TERM; sleep 60 & while :; do sleep 61 & wait; done";
    const { launched, mark } = await host(createWorkspace(), ["/bin/sh", "-c", deaf, "kernel"]);
    expect(await inTime(4_000, launched.stop)).toMatchObject({ signal: "SIGKILL" });
    await untilNoneLeft(mark, 1_000);
  });
});

describe("a wrong KERNEL_BIN", () => {
  it.each<[string, (file: string) => string, string, string]>([
    ["missing", (file) => `${file}.none`, "not_found", "ENOENT"],
    ["a folder", (file) => join(file, ".."), "spawn_failed", "EISDIR"],
    ["not executable", (file) => file, "spawn_failed", "EACCES"],
  ])("V-008 is told with its reason: %s", (_what, value, code, reason) => {
    const workspace = createWorkspace();
    const file = join(workspace.home, "a kernel");
    writeFileSync(file, "");
    const locate = () => locateKernel({ env: { ...process.env, KERNEL_BIN: value(file) } });
    expect(locate).toThrow(expect.objectContaining({ code, data: expect.objectContaining({ reason }) }));
  });

  it("V-009 a path with blanks and quoted arguments start the real kernel", async () => {
    const workspace = createWorkspace();
    const file = join(workspace.home, "my kernel");
    const words = kernelCommand().map((word) => `'${word}'`);
    writeFileSync(file, `#!/bin/sh\n[ "$1" = "a b" ] && shift && exec ${words.join(" ")} "$@"\n`);
    chmodSync(file, 0o755);
    const { command, source } = locateKernel({ env: { KERNEL_BIN: `"${file}" 'a b'` } });
    expect(source).toBe("KERNEL_BIN");
    const { launched, send, answer } = await host(workspace, command);
    send(INITIALIZE);
    expect(await answer("i")).toHaveProperty("result");
    expect(await launched.stop()).toMatchObject({ code: 0 });
  });
});

/** The launcher as a program of its own, for hosts that die. Says the kernel's process id, then does what it is told. */
function hostProgram(then: string): string {
  const folder = mkdtempSync(join(tmpdir(), "host-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const launcher = fileURLToPath(new URL("../src/client/sidecar-launcher.ts", import.meta.url));
  const outfile = join(folder, "launcher.cjs");
  buildSync({ entryPoints: [launcher], bundle: true, platform: "node", format: "cjs", outfile, logLevel: "error" });
  const program = join(folder, "host.cjs");
  writeFileSync(
    program,
    `const { sidecarLauncher } = require(${JSON.stringify(outfile)});
    const [cwd, args, ...command] = JSON.parse(process.argv[2]);
    const launcher = sidecarLauncher({ command, cwd, env: process.env });
    launcher.launch({ args, signal: new AbortController().signal }).then(async (launched) => {
      launched.transport.readable.resume();
      process.stdout.write(launched.pid + "\\n");
      ${then}
    });`,
  );
  return program;
}

/** Runs a host with this kernel. Gives the kernel's process id and the host's end. */
async function runHost(workspace: Workspace, mark: string, then: string, command: string[]) {
  const program = hostProgram(then);
  const request = JSON.stringify([workspace.workDir, ["--work-dir", workspace.workDir], ...command]);
  const child = spawn(process.execPath, [program, request], {
    env: kernelEnvironment(workspace, { E2E_MARK: mark }),
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exit = once(child, "exit");
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  const pid = Number(chunk.toString());
  onTestFinished(() => void (isAlive(pid) && process.kill(pid, "SIGKILL")));
  return { pid, exit };
}

describe("a host that ends", () => {
  it.each([
    ["is killed", "process.kill(process.pid, 'SIGKILL')"],
    ["calls process.exit", "process.exit(0)"],
  ])("V-010 and %s leaves no kernel behind", async (_how, then) => {
    const mark = `host-${process.pid}-${++marks}`;
    const { pid, exit } = await runHost(createWorkspace(), mark, then, kernelCommand());
    await exit;
    await until("the kernel is gone", () => !isAlive(pid), 3_000);
    await untilNoneLeft(mark, 3_000);
  });

  it("V-011 leaves no kernel behind that hangs: it is killed some seconds later", async () => {
    const mark = `host-${process.pid}-${++marks}`;
    const hung = [process.execPath, "-e", "for (;;);", "--"];
    const { pid, exit } = await runHost(createWorkspace(), mark, "process.kill(process.pid, 'SIGKILL')", hung);
    await exit;
    expect(isAlive(pid)).toBe(true);
    await untilNoneLeft(mark, 9_000);
  });

  it("F-332 F5 leaves none behind whose input somebody else holds open: it is gone within 6 s", async () => {
    const mark = `host-${process.pid}-${++marks}`;
    // The holder has no mark and ends by itself.
    const then = `const { fd } = launched.transport.writable._handle;
      const stdio = ["ignore", "ignore", "ignore", fd];
      require("node:child_process").spawn("sleep", ["9"], { detached: true, env: {}, stdio }).unref();
      setTimeout(() => process.kill(process.pid, "SIGKILL"), 100);`;
    const { pid, exit } = await runHost(createWorkspace(), mark, then, kernelCommand());
    await exit;
    await until("the guard alone is left", () => isAlive(pid), 1_000);
    const began = Date.now();
    await until("the kernel is gone", () => !isAlive(pid), 8_000);
    expect(Date.now() - began).toBeGreaterThan(2_000);
    expect(Date.now() - began).toBeLessThan(6_500);
    await untilNoneLeft(mark, 1_000);
  });

  it("V-012 stays for as long as its kernel lives, and ends by itself when it was stopped", async () => {
    const mark = `host-${process.pid}-${++marks}`;
    const then =
      "setTimeout(() => launched.stop().then(({ code }) => { process.exitCode = 40 + code; }), 300).unref();";
    const { exit } = await runHost(createWorkspace(), mark, then, kernelCommand());
    expect(await inTime(3_000, () => exit)).toEqual([40, null]);
    await untilNoneLeft(mark, 1_000);
  });
});
