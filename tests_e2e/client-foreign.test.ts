/** The public client with a kernel that knows none of the extensions, as every other Wire kernel: no resume, no magic. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Transform } from "node:stream";
import { expect, it, onTestFinished } from "vitest";
import {
  KernelClient,
  type KernelClientOptions,
  type KernelLauncher,
  type KernelStateChange,
  sidecarLauncher,
} from "../src/client/index.js";
import { kernelCommand, kernelEnvironment } from "./kernel-process.js";
import { until, untilNoneLeft } from "./process-scan.js";
import { shellTurn } from "./scripts.js";
import { createWorkspace, setScripts, type Workspace } from "./workspace.js";

let marks = 0;

/** Takes the client's wish for extensions off the first line, so that today's kernel is one of yesterday. */
function withoutExtensions(): Transform {
  let line: Buffer[] | null = [];
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (line === null) return done(null, chunk);
      line.push(chunk);
      const text = Buffer.concat(line);
      const end = text.indexOf("\n");
      if (end === -1) return done();
      line = null;
      const message = JSON.parse(text.toString("utf8", 0, end)) as {
        params: { capabilities: { extensions?: unknown } };
      };
      delete message.params.capabilities.extensions;
      done(null, Buffer.concat([Buffer.from(`${JSON.stringify(message)}\n`), text.subarray(end + 1)]));
    },
  });
}

function foreign(launcher: KernelLauncher, pids: number[]): KernelLauncher {
  return {
    mode: launcher.mode,
    launch: async (request) => {
      const launched = await launcher.launch(request);
      const writable = withoutExtensions();
      writable.pipe(launched.transport.writable);
      pids.push(launched.pid as number);
      return { ...launched, transport: { ...launched.transport, writable } };
    },
  };
}

async function connect(workspace: Workspace, more: Partial<KernelClientOptions> = {}) {
  const [program, ...head] = kernelCommand();
  const mark = `client-${process.pid}-${++marks}`;
  const pids: number[] = [];
  const states: KernelStateChange[] = [];
  const sidecar = sidecarLauncher({
    command: [program as string, ...head],
    cwd: workspace.workDir,
    env: kernelEnvironment(workspace, { E2E_MARK: mark }),
  });
  const client = await KernelClient.connect({
    launchers: [foreign(sidecar, pids)],
    args: ["--config-file", workspace.configFile, "--work-dir", workspace.workDir, "--yolo"],
    client: { name: "e2e" },
    handlers: { onState: (change) => void states.push(change) },
    ...more,
  });
  onTestFinished(() => client.close());
  return { client, mark, pids, states };
}

async function said(turn: AsyncIterable<{ type: string; payload: unknown }>): Promise<string> {
  let words = "";
  for await (const { type, payload } of turn) {
    if (type === "ContentPart") words += (payload as { text?: string }).text ?? "";
  }
  return words;
}

it("X-001 kill -9 while a command runs: the turn is broken, its call unknown, the next prompt works", async () => {
  const workspace = createWorkspace({ scripts: shellTurn("echo up > started; sleep 60") });
  const { client, mark, pids, states } = await connect(workspace);
  expect(client.guarantees).toEqual({ resume: false, exactlyOnce: false, hangDetection: false });
  const turn = client.prompt("go");
  await until("the tool runs", () => existsSync(join(workspace.workDir, "started")));
  setScripts(workspace, ["text: again"]);
  process.kill(pids[0] as number, "SIGKILL");
  await expect(turn.result).rejects.toMatchObject({ code: "turn_broken" });
  const types: string[] = [];
  for await (const { type, payload } of turn) {
    types.push(type);
    if (type === "ToolResult") {
      expect(payload).toMatchObject({ tool_call_id: "t1", return_value: { extras: { code: "unknown_outcome" } } });
    }
  }
  expect(types.slice(-2)).toEqual(["ToolResult", "TurnEnd"]);
  const next = client.prompt("more");
  expect(await said(next)).toBe("again");
  expect(await next.result).toEqual({ status: "finished" });
  expect(states.find(({ to }) => to === "restarting")).toMatchObject({
    cause: { kind: "signal", signal: "SIGKILL" },
    unknownEffects: ["t1"],
  });
  expect(pids).toHaveLength(2);
  await client.close();
  await untilNoneLeft(mark);
});

it("X-002 killed between turns: the next prompt goes to the next kernel, and the session goes on", async () => {
  const workspace = createWorkspace({ scripts: ["text: one"] });
  const { client, pids } = await connect(workspace);
  expect(await said(client.prompt("first"))).toBe("one");
  setScripts(workspace, ["text: two"]);
  process.kill(pids[0] as number, "SIGKILL");
  await until("the next kernel", () => pids.length === 2);
  expect(await said(client.prompt("second"))).toBe("two");
  let inputs = "";
  await client.replay(({ type, payload }) => {
    if (type === "TurnBegin") inputs += `${String((payload as { user_input: unknown }).user_input)} `;
  });
  expect(inputs).toBe("first second ");
});

it("X-003 closing cancels the turn and leaves no process behind", async () => {
  const workspace = createWorkspace({ scripts: shellTurn("echo up > started; sleep 60") });
  const { client, mark } = await connect(workspace);
  const turn = client.prompt("go");
  await until("the tool runs", () => existsSync(join(workspace.workDir, "started")));
  await client.close();
  expect(await turn.result).toEqual({ status: "cancelled" });
  await untilNoneLeft(mark);
});

it("X-004 a program that is no kernel, and a kernel that refuses its flags, say so", async () => {
  const workspace = createWorkspace({ scripts: [] });
  const launcher = (command: [string, ...string[]]) =>
    sidecarLauncher({ command, cwd: workspace.workDir, env: kernelEnvironment(workspace) });
  const noKernel = connect(workspace, { launchers: [launcher(["printf", "<html>"])] });
  await expect(noKernel).rejects.toMatchObject({ code: "not_a_kernel" });
  const refused = connect(workspace, { args: ["--no-such-flag"] });
  await expect(refused).rejects.toMatchObject({ code: "refused", message: expect.stringContaining("no-such-flag") });
  const missing = connect(workspace, { launchers: [launcher(["/nowhere/kernel"])] });
  await expect(missing).rejects.toMatchObject({ code: expect.stringMatching(/spawn_failed|not_found/) });
});
