/** F3, F4, F8: a client with resume/1 that leaves, or stops to listen: its turn waits, grants nothing and goes on later. */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { PureModel, type PureModelOptions } from "./crash/pure-model.js";
import { emptySlots, planIn, SLOTS_FILE, stepText, type TurnPlan } from "./crash/turn-plan.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { gate } from "./model-server.js";
import { memoryMiB, until, untilNoneLeft } from "./process-scan.js";
import { recordedTypes, sessionFolders } from "./session-files.js";
import { payloads, text, types } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const ALL = ["seq/1", "resume/1", "heartbeat/1", "grants/1"];

interface OpenTurn {
  turn_id: string;
  seq: number;
}

interface Place {
  plan: TurnPlan;
  workspace: Workspace;
  mark: string;
  /** A kernel of the session whose client asked for everything. */
  start(): Promise<{ kernel: KernelProcess; openTurn: OpenTurn | null }>;
  effects(): string;
}

let marks = 0;

async function place(steps: string, options: PureModelOptions = {}): Promise<Place> {
  const plan = planIn(`plan 7: ${steps}`) as TurnPlan;
  const model = new PureModel(options);
  await model.listen();
  onTestFinished(() => model.close());
  const workspace = createWorkspace({ config: model.config() });
  writeFileSync(join(workspace.workDir, SLOTS_FILE), emptySlots(plan));
  const session = randomUUID();
  const mark = `parked-${process.pid}-${++marks}`;
  const start = async () => {
    const kernel = startKernel(workspace, { args: ["--session", session], env: { E2E_MARK: mark } });
    const { result } = await kernel.initialize({ capabilities: { extensions: ALL } });
    return { kernel, openTurn: (result?.open_turn as OpenTurn | undefined) ?? null };
  };
  const file = join(workspace.workDir, "effects");
  return { plan, workspace, mark, start, effects: () => (existsSync(file) ? readFileSync(file, "utf8") : "") };
}

/** The whole turn as the client of the next kernel sees it: what was before it, then what follows. */
async function goOn(here: Place, onApproval: (kernel: KernelProcess, request: Message) => void) {
  const { kernel, openTurn } = await here.start();
  expect(openTurn).not.toBeNull();
  await kernel.call("replay", { since: 0 });
  const result = kernel.request("resume", { turn_id: openTurn?.turn_id });
  const asked: Message[] = [];
  for (;;) {
    const message = await kernel.next(({ id }) => id !== undefined && id !== null, "the turn", 15_000);
    if (message.id === result) break;
    if (message.method !== "request") continue;
    asked.push(message);
    onApproval(kernel, message);
  }
  expect((await kernel.response(result)).result).toEqual({ status: "finished" });
  const said = here.plan.steps.map(stepText).join("");
  expect(text(kernel.log)).toBe(said);
  expect(types(kernel.log).filter((type) => type === "TurnEnd")).toHaveLength(1);
  expect((await kernel.close()).code).toBe(0);
  return { asked, results: payloads(kernel.log, "ToolResult") };
}

async function endsWithin(ms: number, kernel: KernelProcess, trigger: () => void) {
  const began = Date.now();
  trigger();
  const end = await kernel.exit(ms + 5_000);
  expect(Date.now() - began).toBeLessThan(ms);
  return end;
}

const approve = (kernel: KernelProcess, request: Message): void => kernel.approve(request);

it("F-350 F4 idle: end of input, exit 0, no session and no open turn stay", async () => {
  const here = await place("text 3");
  const { kernel } = await here.start();
  expect(await endsWithin(2_000, kernel, () => kernel.child.stdin.end())).toEqual({ code: 0, signal: null });
  expect(sessionFolders(here.workspace)).toEqual([]);
  const next = await here.start();
  expect(next.openTurn).toBeNull();
});

it("F-351 F4 end of input in mid-stream: the turn is left open, and goes on with the next client", async () => {
  let isHeld = true;
  const here = await place("text 20, shell | text 9", {
    hold: ({ piece }) => (isHeld && piece === 9 ? new Promise(() => {}) : null),
  });
  const { kernel } = await here.start();
  kernel.request("prompt", { user_input: here.plan.text, client_id: "p" });
  await until("nine pieces", () => types(kernel.log).filter((type) => type === "ContentPart").length === 9);
  expect(await endsWithin(2_500, kernel, () => kernel.child.stdin.end())).toEqual({ code: 0, signal: null });
  expect(types(kernel.log)).not.toContain("TurnEnd");
  isHeld = false;
  await goOn(here, approve);
  expect(here.effects()).toBe(`${here.plan.steps[0]?.calls[0]?.effect}\n`);
});

it("F-352 F4 end of input while an approval is open: nothing is granted, the next client is asked under the same id", async () => {
  const here = await place("text 5, shell, edit | text 5");
  const { kernel } = await here.start();
  kernel.request("prompt", { user_input: here.plan.text, client_id: "p" });
  const first = await kernel.serverRequest("ApprovalRequest");
  const second = await kernel.serverRequest("ApprovalRequest");
  expect(await endsWithin(2_500, kernel, () => kernel.child.stdin.end())).toEqual({ code: 0, signal: null });
  await untilNoneLeft(here.mark);
  expect(here.effects()).toBe("");
  const { asked } = await goOn(here, approve);
  expect(asked.map(({ id }) => id)).toEqual([first.id, second.id]);
  expect(here.effects()).toBe(`${here.plan.steps[0]?.calls[0]?.effect}\n`);
});

it("F-353 F4 a yes and the end of input in one write: it counts once, and what the end cut short is said to be unknown", async () => {
  const here = await place("text 5, shell | text 5");
  const { kernel } = await here.start();
  kernel.request("prompt", { user_input: here.plan.text, client_id: "p" });
  const request = await kernel.serverRequest("ApprovalRequest");
  const end = await endsWithin(2_500, kernel, () => {
    kernel.approve(request);
    kernel.child.stdin.end();
  });
  expect(end).toEqual({ code: 0, signal: null });
  await untilNoneLeft(here.mark);
  const { asked, results } = await goOn(here, approve);
  expect(asked).toEqual([]);
  const [result] = results as { return_value: { extras: { code: string } | null } }[];
  const isUnknown = result?.return_value.extras?.code === "unknown_outcome";
  const effect = `${here.plan.steps[0]?.calls[0]?.effect}\n`;
  expect(isUnknown ? [effect, ""] : [effect]).toContain(here.effects());
});

it("F-354 F3 the reader goes away in mid-stream: gone within 3 s without noise, the turn goes on later", async () => {
  const { held, open } = gate();
  const here = await place("text 400, shell | text 9", { hold: ({ piece }) => (piece === 9 ? held : null) });
  const { kernel } = await here.start();
  kernel.request("prompt", { user_input: here.plan.text, client_id: "p" });
  await kernel.event("ContentPart");
  const end = await endsWithin(3_000, kernel, () => {
    kernel.child.stdout.destroy();
    // Something has to be written before a lost reader shows.
    open();
  });
  expect(end).toEqual({ code: 0, signal: null });
  expect(kernel.stderr).not.toMatch(/EPIPE|\bat .*:\d+:\d+/);
  await untilNoneLeft(here.mark);
  await goOn(here, approve);
});

it("F-355 F8 a reader that stops for ever: memory stays, the end of input ends the kernel, nothing recorded is lost", async () => {
  const here = await place("text 12000");
  const { kernel } = await here.start();
  kernel.request("prompt", { user_input: here.plan.text, client_id: "p" });
  await kernel.event("ContentPart");
  const before = memoryMiB(kernel, "VmRSS");
  kernel.child.stdout.pause();
  await standsStill(here);
  expect(memoryMiB(kernel, "VmRSS") - before).toBeLessThan(64);
  let ended = Number.POSITIVE_INFINITY;
  const began = Date.now();
  kernel.child.once("exit", () => {
    ended = Date.now() - began;
  });
  kernel.child.stdin.end();
  await until("the exit", () => Number.isFinite(ended), 6_000);
  expect([kernel.child.exitCode, ended < 4_000]).toEqual([0, true]);
  kernel.child.stdout.resume();
  await untilNoneLeft(here.mark);
  await goOn(here, approve);
  expect(recordedTypes(sessionFolders(here.workspace)[0] as string).at(-1)).toBe("TurnEnd");
}, 40_000);

/** The kernel records nothing more for a while. */
async function standsStill({ workspace }: Place): Promise<void> {
  const folder = join(workspace.share, "journal");
  let last = -1;
  let since = Date.now();
  await until(
    "the kernel stands still",
    () => {
      const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
      if (bytes !== last) since = Date.now();
      last = bytes;
      return Date.now() - since > 800;
    },
    15_000,
  );
}
