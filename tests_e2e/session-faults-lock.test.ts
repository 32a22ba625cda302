/** F29: two processes, one session. One writes; the other is told so, may replay, and takes over when the first is gone. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { raceForSessions } from "../scripts/lock-race.mjs";
import { type KernelProcess, kernelCommand, startKernel } from "./kernel-process.js";
import { shellTurn } from "./scripts.js";
import { jsonLines, onlySession, recordedTypes } from "./session-files.js";
import { runTurn, text, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const ID = "7d9c2b60-51f4-4f0e-8a3c-1f6f0e6f2a11";
const LOCKED = { code: -32000, message: expect.stringMatching(/\S/), data: { code: "session_locked" } };
const PLAIN_TURN = ["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"];

it("B-110 F29 8 racers, 25 rounds: exactly one writer, refusals by name, replay, takeover after exit and SIGKILL", async () => {
  const racers = 8;
  const rounds = 25;
  const figures = await raceForSessions({ command: kernelCommand(), racers, rounds, parallel: 6 });
  expect(figures).toEqual({
    rounds,
    writers: rounds,
    refused: rounds * (racers - 1),
    replays: rounds,
    takeovers: rounds,
    problems: [],
  });
}, 90_000);

it("B-111 F29 the second process: initialize works, prompt is refused after a short wait, replay works, then it takes over", async () => {
  const workspace = createWorkspace({ scripts: ["text: mine", "text: second"] });
  const args = ["--session", ID];
  const first = startKernel(workspace, { args });
  await first.initialize();
  await runTurn(first, "hi");
  const second = startKernel(workspace, { args });
  expect(await second.initialize()).toMatchObject({ result: { protocol_version: "1.10" } });
  const begin = Date.now();
  const refused = await runTurn(second, "me too");
  expect(refused.response.error).toMatchObject(LOCKED);
  expect(types(refused.messages)).toEqual([]);
  expect(Date.now() - begin).toBeLessThan(5_000);
  expect((await second.call("replay")).result).toEqual({ status: "finished", events: 5, requests: 0 });
  expect((await second.call("cancel")).error?.code).toBe(-32000);
  await first.close();
  expect((await runTurn(second, "now")).response.result).toEqual({ status: "finished" });
  expect(recordedTypes(onlySession(workspace))).toEqual([...PLAIN_TURN, ...PLAIN_TURN]);
});

it("B-112 F29 the lock of a killed process is reclaimed at once", async () => {
  const workspace = createWorkspace({ scripts: shellTurn("sleep 60", "again") });
  const first = startKernel(workspace, { args: ["--session", ID, "--yolo"] });
  first.request("prompt", { user_input: "go" });
  await first.event("ToolCall");
  first.child.kill("SIGKILL");
  await first.exit();
  const second = startKernel(workspace, { args: ["--session", ID] });
  await second.initialize();
  const begin = Date.now();
  const id = second.request("prompt", { user_input: "hi" });
  await second.event("TurnBegin");
  expect(Date.now() - begin).toBeLessThan(2_500);
  await second.call("cancel");
  await second.response(id);
});

it("B-113 a stopped process keeps its session: it is never robbed", async () => {
  const workspace = createWorkspace({ scripts: ["text: mine", "text: later"] });
  const first = startKernel(workspace, { args: ["--session", ID] });
  await runTurn(first, "hi");
  first.child.kill("SIGSTOP");
  const second = startKernel(workspace, { args: ["--session", ID] });
  expect((await runTurn(second, "may I?")).response.error).toMatchObject(LOCKED);
  first.child.kill("SIGCONT");
  expect((await runTurn(first, "still mine")).response.result).toEqual({ status: "finished" });
  const users = jsonLines(join(onlySession(workspace), "context.jsonl")).filter(({ role }) => role === "user");
  expect(users.map(({ content }) => content)).toEqual(["hi", "still mine"]);
});

it.each([
  ["empty", ""],
  ["garbage", "\0\0garbage{"],
  ["a list", "[]\n"],
])("B-114 a lock file that is %s locks nobody out for ever", async (_what, content) => {
  const workspace = createWorkspace({ scripts: ["text: hi", "text: again"] });
  await usedSession(startKernel(workspace, { args: ["--session", ID] }));
  writeFileSync(join(workspace.share, "locks", ID), content);
  const kernel = startKernel(workspace, { args: ["--session", ID] });
  const turn = await runTurn(kernel, "again");
  if (turn.response.error === undefined) expect(text(turn.messages)).toBe("hi");
  else expect(turn.response.error).toMatchObject(LOCKED);
});

it("B-115 two sessions of one folder do not get into each other's way", async () => {
  const workspace = createWorkspace({ scripts: ["text: hi"] });
  const kernels = [startKernel(workspace), startKernel(workspace), startKernel(workspace)];
  const turns = await Promise.all(kernels.map((kernel) => runTurn(kernel, "hi")));
  for (const turn of turns) expect(turn.response.result).toEqual({ status: "finished" });
  await Promise.all(kernels.map((kernel) => kernel.close()));
  const again = startKernel(workspace, { args: ["--continue"] });
  expect((await again.call("replay")).result).toMatchObject({ events: 5 });
});

async function usedSession(kernel: KernelProcess): Promise<void> {
  await runTurn(kernel, "hi");
  await kernel.close();
}
