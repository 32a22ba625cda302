/** F8: a client that stops to read in mid-turn. Its turn is stopped, the records are whole, and nothing is granted. */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { AttendedHost } from "./crash/attended-host.js";
import { CrashFolder } from "./crash/crash-folder.js";
import { PureModel } from "./crash/pure-model.js";
import { planIn, stepText, type TurnPlan } from "./crash/turn-plan.js";
import { type KernelProcess, startKernel } from "./kernel-process.js";
import { processesWithMark, until } from "./process-scan.js";
import { shellCall } from "./scripts.js";
import { jsonLines, onlySession, recordedTypes } from "./session-files.js";
import { payloads, runTurn, text, types } from "./turn.js";
import { createWorkspace, setScripts, type Workspace } from "./workspace.js";

/** Instead of the minute of real life. */
const SOON = { KERNEL_UNREAD_TIMEOUT_MS: "3000" };
/** More than pipes and sockets hold, less than what makes the model wait: the turn comes to its call. */
const LINES = Array.from({ length: 400 }, (_, n) => `${n};${"z".repeat(2_000)}`);
const UNREAD_TURN = `${LINES.map((line) => `text: ${line}`).join("\n")}\n${shellCall("t1", "echo ran >> effects")}`;
const SAID = LINES.join("");

const stops = (share: string): Record<string, unknown>[] => {
  const file = join(share, "logs", "kernel.log");
  if (!existsSync(file)) return [];
  // The last line may be half written.
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ code }) => code === "reader_stopped");
};

const effects = ({ workDir }: Workspace): string => {
  const file = join(workDir, "effects");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
};

const recordedText = (workspace: Workspace): string =>
  jsonLines(join(onlySession(workspace), "wire.jsonl"))
    .flatMap(({ message }) => (message === undefined ? [] : [message as { type: string; payload: { text?: string } }]))
    .map(({ type, payload }) => (type === "ContentPart" ? payload.text : ""))
    .join("");

/** A prompt whose client reads nothing behind the first words of the answer. */
async function unread(kernel: KernelProcess, more: object = {}): Promise<string | number> {
  const prompt = kernel.request("prompt", { user_input: "much", ...more });
  await kernel.event("ContentPart");
  kernel.child.stdout.pause();
  return prompt;
}

it("B-300 F8 Wire 1.10: the turn is cancelled and recorded, whoever reads again gets all of it, and the kernel serves on", async () => {
  const workspace = createWorkspace({ scripts: [UNREAD_TURN, "text: again"] });
  const kernel = startKernel(workspace, { env: SOON });
  await kernel.initialize();
  const prompt = await unread(kernel);
  await until("the kernel says so", () => stops(workspace.share).length > 0, 15_000);
  expect(stops(workspace.share)).toMatchObject([{ turn: "cancelled", limitMs: 3_000 }]);
  await until("the end of the turn is on disk", () => recordedTypes(onlySession(workspace)).includes("TurnEnd"));
  expect(kernel.child.exitCode).toBeNull();
  kernel.child.stdout.resume();
  expect(await kernel.response(prompt)).toMatchObject({ result: { status: "cancelled" } });
  expect(text(kernel.log)).toBe(SAID);
  expect(recordedText(workspace)).toBe(SAID);
  expect(types(kernel.log).at(-1)).toBe("TurnEnd");
  // A yes that comes now is too late.
  kernel.approve(await kernel.serverRequest("ApprovalRequest"));
  expect((await runTurn(kernel, "still there?")).response.result).toEqual({ status: "finished" });
  expect(await kernel.close()).toEqual({ code: 0, signal: null });
  expect(effects(workspace)).toBe("");
  expect(stops(workspace.share)).toHaveLength(1);
});

it("B-301 F8 resume/1: the turn is parked for another kernel, the one that waits is honest and ends with its input", async () => {
  const workspace = createWorkspace({ scripts: [UNREAD_TURN] });
  const args = ["--session", randomUUID()];
  const extensions = { capabilities: { extensions: ["seq/1", "resume/1"] } };
  const kernel = startKernel(workspace, { env: SOON, args });
  await kernel.initialize(extensions);
  const prompt = await unread(kernel, { client_id: "p" });
  await until("the kernel says so", () => stops(workspace.share).length > 0, 15_000);
  expect(stops(workspace.share)).toMatchObject([{ turn: "parked" }]);
  setScripts(workspace, ["text: done"]);
  const next = startKernel(workspace, { args });
  const { result } = await next.initialize(extensions);
  expect(result).toMatchObject({ open_turn: { client_id: "p" } });
  const open = result?.open_turn as { turn_id: string } | undefined;
  const resumed = next.request("resume", { turn_id: open?.turn_id });
  const asked = await next.serverRequest("ApprovalRequest");
  expect(kernel.child.exitCode).toBeNull();
  next.approve(asked);
  expect((await next.response(resumed)).result).toEqual({ status: "finished" });
  kernel.child.stdout.resume();
  const parked = { code: -32000, data: { code: "kernel_stopped", parked: true } };
  expect((await kernel.response(prompt)).error).toMatchObject(parked);
  expect(text(kernel.log)).toBe(SAID);
  expect(types(kernel.log)).not.toContain("TurnEnd");
  const late = await kernel.serverRequest("ApprovalRequest");
  expect(late.id).toBe(asked.id);
  kernel.approve(late);
  expect((await kernel.call("prompt", { user_input: "more" })).error).toMatchObject(parked);
  expect(await kernel.close()).toEqual({ code: 0, signal: null });
  expect((await next.close()).code).toBe(0);
  expect(effects(workspace)).toBe("ran\n");
  expect(payloads(next.log, "ToolResult")).toHaveLength(1);
  expect(recordedText(workspace)).toBe(`${SAID}done`);
});

it("B-302 F8 a host of the library that stood still: its turn goes on in the next kernel, each word once", async () => {
  const plan = planIn("plan 5: text 12000, shell | text 9") as TurnPlan;
  // The model goes on when the host stands still, however late that is.
  let goOn = () => {};
  const stands = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const model = new PureModel({ hold: ({ piece }) => (piece === 9 ? stands : null) });
  await model.listen();
  const folder = new CrashFolder(plan, model.config());
  const host = new AttendedHost({ folder, session: randomUUID(), prompt: plan.text, answers: true, env: SOON });
  onTestFinished(async () => {
    host.kill();
    for (const line of processesWithMark(folder.mark)) process.kill(Number.parseInt(line, 10), "SIGKILL");
    await model.close();
    folder.remove();
  });
  await host.line("text", ({ text: said }) => said !== undefined);
  host.child.kill("SIGSTOP");
  goOn();
  await until("the kernel says so", () => stops(folder.share).length > 0, 15_000);
  host.child.kill("SIGCONT");
  expect(await host.outcome()).toBe("finished");
  expect(host.text).toBe(plan.steps.map(stepText).join(""));
  expect(host.verdicts).toHaveLength(1);
  expect(folder.effects).toBe(`${plan.steps[0]?.calls[0]?.effect}\n`);
}, 40_000);
