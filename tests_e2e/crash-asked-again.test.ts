/** A client that never heard how its prompt ended asks again, after another client's turn has cut the journal. */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Event, KernelClient, type KernelLauncher, sidecarLauncher } from "../src/client/index.js";
import { marks, startFailing } from "./crash/failpoint-kernel.js";
import { say, shell } from "./echo-scripts.js";
import { kernelCommand, kernelEnvironment, type Message, startKernel } from "./kernel-process.js";
import { readLines, sessionDir } from "./session-records.js";
import { agent, reports } from "./subagents.js";
import { createWorkspace, setScripts, type Workspace } from "./workspace.js";

const EXTENSIONS = { capabilities: { extensions: ["seq/1", "resume/1"] } };
const WAIT_MS = 9_000;
const ACT = "echo one >> effects";
/** What a turn would do that begins behind all that. */
const NEXT = [shell("t2", "echo two >> effects"), say("next")];

const effects = ({ workDir }: Workspace) => {
  const file = join(workDir, "effects");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
};
const events = (log: readonly Message[]) => log.filter(({ method }) => method === "event" || method === "request");
const context = (workspace: Workspace) => readLines(join(sessionDir(workspace), "context.jsonl"));

const said = (all: readonly Event[]) =>
  all.map(({ type, payload }) => (type === "ContentPart" && payload.type === "text" ? payload.text : "")).join("");

/** Another client's whole turn, in a kernel of its own. */
async function turnOfSomeoneElse(workspace: Workspace, session: string): Promise<void> {
  setScripts(workspace, [say("of someone else")]);
  const kernel = startKernel(workspace, { args: ["--session", session] });
  await kernel.initialize({});
  expect((await kernel.call("prompt", { user_input: "mine" })).result).toEqual({ status: "finished" });
  expect((await kernel.close()).code).toBe(0);
}

describe("over the wire", () => {
  it.each([
    ["a command of the model", "go", "turn_end_recorded:kill", [shell("t1", ACT), say("done")], "one\n"],
    ["behind TurnEnd", "go", "turn_ended:kill", [shell("t1", ACT), say("done")], "one\n"],
    ["a subagent's", "go", "turn_ended:kill", [agent("t1", "work"), shell("s1", ACT), reports, say("done")], "one\n"],
    ["/clear", "/clear", "turn_ended:kill", [], ""],
    ["/yolo", "/yolo", "turn_ended:kill", [], ""],
  ])("F-510 %s: once, its outcome is told, nothing else is: %s %s", async (_name, user_input, plan, scripts, left) => {
    const workspace = createWorkspace({ scripts });
    const { kernel: first, session, marker } = startFailing(workspace, plan, { args: ["--yolo"] });
    await first.initialize(EXTENSIONS);
    const prompt = { user_input, client_id: "p1" };
    first.request("prompt", prompt);
    expect(await first.exit(WAIT_MS)).toMatchObject({ signal: "SIGKILL" });
    expect(marks(marker)).toHaveLength(1);
    expect(effects(workspace)).toBe(left);
    await turnOfSomeoneElse(workspace, session);
    const before = context(workspace);
    setScripts(workspace, NEXT);
    const next = startKernel(workspace, { args: ["--session", session, "--yolo"] });
    expect((await next.initialize(EXTENSIONS)).result).not.toHaveProperty("open_turn");
    for (const _ of [1, 2]) expect((await next.call("prompt", prompt)).result).toEqual({ status: "finished" });
    expect([events(next.log), effects(workspace), context(workspace)]).toEqual([[], left, before]);
    expect((await next.call("prompt", { user_input: "x", client_id: "p2" })).result).toEqual({ status: "finished" });
    expect(effects(workspace)).toBe(`${left}two\n`);
  });

  it("F-511 a prompt that failed is told its error again, and does not run", async () => {
    const workspace = createWorkspace({ scripts: [] });
    const { kernel: first, session } = startFailing(workspace, "turn_ended:kill");
    await first.initialize(EXTENSIONS);
    first.request("prompt", { user_input: "go", client_id: "p1" });
    expect(await first.exit(WAIT_MS)).toMatchObject({ signal: "SIGKILL" });
    await turnOfSomeoneElse(workspace, session);
    setScripts(workspace, NEXT);
    const next = startKernel(workspace, { args: ["--session", session] });
    await next.initialize(EXTENSIONS);
    const failed = (await next.call("prompt", { user_input: "go", client_id: "p1" })).error;
    expect(failed?.message).toMatch(/script/i);
    expect(events(next.log)).toEqual([]);
  });
});

it.each(["turn_ended:kill", "turn_end_recorded:kill"])(
  "F-512 the product's own client, whose kernel dies before its answer while another host takes a turn, %s: it ran once, and that turn's events are not its own",
  async (plan) => {
    const workspace = createWorkspace({ scripts: [shell("t1", ACT), say("done")] });
    const session = randomUUID();
    const marker = join(workspace.home, "marker");
    const [program, ...head] = kernelCommand();
    const failing = { KERNEL_FAILPOINT: plan, KERNEL_FAILPOINT_MARKER: marker };
    const sidecar = sidecarLauncher({
      command: [program as string, ...head],
      cwd: workspace.workDir,
      env: kernelEnvironment(workspace, failing),
    });
    const seen: Event[] = [];
    let launches = 0;
    const launcher: KernelLauncher = {
      mode: sidecar.mode,
      launch: async (request) => {
        launches += 1;
        if (launches === 2) {
          await turnOfSomeoneElse(workspace, session);
          setScripts(workspace, NEXT);
        }
        return await sidecar.launch(request);
      },
    };
    const client = await KernelClient.connect({
      launchers: [launcher],
      session,
      args: ["--config-file", workspace.configFile, "--work-dir", workspace.workDir, "--yolo"],
      client: { name: "e2e" },
      handlers: { onEvent: (event) => void seen.push(event) },
    });
    onTestFinished(() => client.close());
    const turn = client.prompt("go");
    const own: Event[] = [];
    for await (const event of turn) own.push(event);
    expect(await turn.result).toEqual({ status: "finished" });
    expect([said(own), own.at(-1)?.type]).toEqual(["done", "TurnEnd"]);
    expect(said(seen)).toBe("doneof someone else");
    expect(seen.filter(({ type }) => type === "TurnEnd")).toHaveLength(2);
    expect([effects(workspace), launches, marks(marker).length]).toEqual(["one\n", 2, 1]);
    expect(await client.prompt("more").result).toEqual({ status: "finished" });
    expect(effects(workspace)).toBe("one\ntwo\n");
  },
);
