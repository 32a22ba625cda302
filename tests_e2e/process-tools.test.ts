/** Tools that misbehave: they ignore signals, fork, hold pipes open, wait for input, or print without end. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type KernelProcess, startKernel } from "./kernel-process.js";
import { memoryMiB, processesWithMark, until, untilNoneLeft } from "./process-scan.js";
import { shellCall, shellTurn } from "./scripts.js";
import { payloads, runTurn, text } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

interface Result {
  is_error: boolean;
  output: string;
  message: string;
}

let marks = 0;

function yoloKernel(scripts: string[]): { kernel: KernelProcess; workspace: Workspace; mark: string } {
  const mark = `tool-${process.pid}-${++marks}`;
  const workspace = createWorkspace({ scripts });
  return { kernel: startKernel(workspace, { args: ["--yolo"], env: { E2E_MARK: mark } }), workspace, mark };
}

/** Runs one command as the model would and gives its result and the milliseconds of the turn. */
async function runShell(
  command: string,
  timeout = 60,
): Promise<{ result: Result; ms: number; kernel: KernelProcess; mark: string }> {
  const { kernel, mark } = yoloKernel([shellCall("t1", command, timeout), "text: done"]);
  await kernel.initialize();
  const begin = Date.now();
  const turn = await runTurn(kernel, "go");
  const ms = Date.now() - begin;
  expect(turn.response.result).toEqual({ status: "finished" });
  expect(text(turn.messages)).toBe("done");
  const [payload] = payloads(turn.messages, "ToolResult");
  return { result: payload?.return_value as Result, ms, kernel, mark };
}

it.each([
  ["ignores SIGTERM", "trap '' TERM INT HUP; echo up > started; while :; do sleep 0.05; done"],
  ["forks", "for i in 1 2 3 4; do (trap '' TERM; sleep 60) & done; echo up > started; wait"],
  ["runs in the foreground", "echo up > started; sleep 60"],
  ["holds its pipes open in a grandchild", "(trap '' TERM; sleep 60 & sleep 61) & echo up > started; sleep 62"],
  ["is stopped", "echo up > started; kill -STOP $$"],
])("B-060 F31 cancel ends a command that %s within a second, with all it started", async (_what, command) => {
  const { kernel, workspace, mark } = yoloKernel(shellTurn(command));
  const prompt = kernel.request("prompt", { user_input: "go" });
  await until("the tool runs", () => existsSync(join(workspace.workDir, "started")));
  const begin = Date.now();
  expect(await kernel.call("cancel")).toMatchObject({ result: {} });
  expect(await kernel.response(prompt)).toMatchObject({ result: { status: "cancelled" } });
  expect(Date.now() - begin).toBeLessThan(1_000);
  await until("only the kernel is left", () => processesWithMark(mark).every((line) => !/sleep 6/.test(line)), 1_000);
  expect((await runTurn(kernel, "go on")).response.result).toEqual({ status: "finished" });
  expect((await kernel.close()).code).toBe(0);
  await untilNoneLeft(mark);
});

it("B-061 F31 a grandchild that holds the pipe does not hold up the result", async () => {
  const { result, ms, kernel, mark } = await runShell("sleep 60 & echo out; echo err >&2");
  expect(result).toMatchObject({ is_error: false, message: "Command executed successfully." });
  expect(result.output).toContain("out");
  expect(ms).toBeLessThan(3_000);
  await kernel.close();
  await untilNoneLeft(mark);
});

it("B-062 F34 a command that reads stdin or wants a terminal ends at once", async () => {
  const { result, ms } = await runShell('cat; read -r x; echo "read: $?"; tty; [ -t 0 ] || echo "no terminal"');
  expect(result.output).toContain("read: 1");
  expect(result.output).toContain("no terminal");
  expect(ms).toBeLessThan(3_000);
});

it("B-063 F34 git does not wait for a password", async () => {
  const { result } = await runShell('echo "prompt: $GIT_TERMINAL_PROMPT"');
  expect(result.output).toBe("prompt: 0\n");
});

it("B-064 a timeout kills the command and says so", async () => {
  const { result, ms, mark, kernel } = await runShell("trap '' TERM; echo begun; sleep 60", 1);
  expect(result).toMatchObject({ is_error: true, message: "Command killed by timeout (1s)" });
  expect(ms).toBeLessThan(3_500);
  await kernel.close();
  await untilNoneLeft(mark);
});

it("B-065 F7 100 MB of output are read to the end in bounded memory and cut for the model", async () => {
  const { result, kernel } = await runShell("head -c 104857600 /dev/zero | tr '\\0' 'x' | fold -w 100; echo END >&2");
  expect(result.is_error).toBe(false);
  expect(result.output.length).toBeLessThanOrEqual(51_000);
  expect(result.message).toContain("Output is truncated to fit in the message.");
  expect(memoryMiB(kernel, "VmHWM")).toBeLessThan(300);
}, 30_000);

it("B-066 output that is not UTF-8 or full of control characters arrives as well-formed text", async () => {
  const { result, kernel } = await runShell("printf 'a\\377\\000b\\033[31mred\\n'; printf '\\303'; printf '\\251\\n'");
  expect(result.is_error).toBe(false);
  expect(result.output).toContain("é");
  expect(kernel.noise).toEqual([]);
});

it("B-067 F32 many tools leave no zombie and no growing number of descriptors", async () => {
  const rounds = 12;
  const scripts = Array.from({ length: rounds }, (_, i) => shellCall(`t${i}`, `echo ${i}`));
  const { kernel } = yoloKernel([...scripts.slice(0, 2), "text: warm", ...scripts.slice(2), "text: done"]);
  const descriptors = () => readdirSync(`/proc/${kernel.child.pid}/fd`).length;
  await runTurn(kernel, "warm up");
  const before = descriptors();
  await runTurn(kernel, "many");
  expect(descriptors()).toBeLessThanOrEqual(before + 1);
  expect(zombiesOf(kernel.child.pid as number)).toEqual([]);
});

it("B-068 a tool sees no secret of the kernel's environment and no way to inject code", async () => {
  const mark = `env-${process.pid}`;
  const workspace = createWorkspace({ scripts: [shellCall("t1", "env"), "text: done"] });
  const hidden = {
    OPENAI_API_KEY: "s3cret-a",
    MY_TOKEN: "s3cret-b",
    DB_PASSWORD: "s3cret-c",
    BASH_ENV: "/x",
    LD_DEBUG: "",
  };
  const kernel = startKernel(workspace, { args: ["--yolo"], env: { ...hidden, E2E_MARK: mark, HARMLESS: "seen" } });
  const turn = await runTurn(kernel, "go");
  const [payload] = payloads(turn.messages, "ToolResult");
  const output = (payload?.return_value as Result | undefined)?.output ?? "";
  expect(output).toContain("HARMLESS=seen");
  for (const name of Object.keys(hidden)) expect(output).not.toContain(`${name}=`);
  expect(output).not.toContain("s3cret");
});

it("B-069 the work dir of a command is the work dir of the session, and it may vanish", async () => {
  const { kernel, workspace } = yoloKernel([
    shellCall("t1", 'pwd; rm -rf "$PWD"'),
    shellCall("t2", "pwd"),
    "text: done",
  ]);
  const turn = await runTurn(kernel, "go");
  expect(turn.response.result).toEqual({ status: "finished" });
  const results = payloads(turn.messages, "ToolResult").map((payload) => payload.return_value as Result);
  expect(results[0]?.output).toBe(`${workspace.workDir}\n`);
  expect(results[1]?.is_error).toBe(true);
  expect(existsSync(workspace.workDir)).toBe(false);
});

function zombiesOf(parent: number): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        return /^State:\s+Z/m.test(status) && new RegExp(`^PPid:\\s+${parent}$`, "m").test(status) ? [pid] : [];
      } catch {
        return [];
      }
    });
}
