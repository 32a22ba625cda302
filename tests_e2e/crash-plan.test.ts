/** Plan mode and kernels that die in it: what was decided unasked, because nobody was there, is decided once. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { marks, startFailing } from "./crash/failpoint-kernel.js";
import { call, say } from "./echo-scripts.js";
import { startKernel } from "./kernel-process.js";
import { ABLE, resultOf, writePlan } from "./plan-session.js";
import { readState, sessionDir } from "./session-records.js";
import { payloads, text, types } from "./turn.js";
import { createWorkspace, setScripts } from "./workspace.js";

const EXTENSIONS = { capabilities: { ...ABLE, extensions: ["seq/1", "resume/1"] } };
const WAIT_MS = 9_000;

/** A turn with this one call, whose kernel dies as the plan says; the next kernel goes on with it. */
async function killed(tool: "EnterPlanMode" | "ExitPlanMode", plan: string, args: { first: string[]; next: string[] }) {
  const planning = tool === "ExitPlanMode";
  const workspace = createWorkspace({ scripts: [call("t1", tool), say("end")] });
  const { kernel, session, marker } = startFailing(workspace, plan, { args: args.first });
  await kernel.initialize(EXTENSIONS);
  if (planning) {
    await kernel.call("set_plan_mode", { enabled: true });
    writePlan(workspace, "# PLAN");
  }
  kernel.request("prompt", { user_input: "go", client_id: "p1" });
  expect(await kernel.exit(WAIT_MS)).toMatchObject({ signal: "SIGKILL" });
  expect(marks(marker)).toHaveLength(1);
  const died = existsSync(join(sessionDir(workspace), "state.json")) && readState(workspace).plan_mode;
  setScripts(workspace, [say("end")]);
  const next = startKernel(workspace, { args: ["--session", session, ...args.next] });
  const { result } = await next.initialize(EXTENSIONS);
  return { workspace, first: kernel, next, died, turn: result?.open_turn as { turn_id: string } };
}

const AWAY = ["--afk"];

describe("with nobody there", () => {
  it.each([
    ["ExitPlanMode", "result_unrecorded:kill", AWAY, false],
    ["ExitPlanMode", "result_unrecorded:kill", [], false],
    ["ExitPlanMode", "call_planned:kill", AWAY, true],
    ["ExitPlanMode", "result_recorded:kill", AWAY, false],
    ["EnterPlanMode", "result_unrecorded:kill", AWAY, true],
    ["EnterPlanMode", "result_unrecorded:kill", [], true],
    ["EnterPlanMode", "call_planned:kill", AWAY, false],
  ] as const)("F-520 %s, %s, then %s: what it did is its result, once", async (tool, plan, args, died) => {
    const run = await killed(tool, plan, { first: AWAY, next: [...args] });
    const { workspace, first, next } = run;
    expect(run.died).toBe(died);
    const answer = await next.call("resume", { turn_id: run.turn.turn_id }, WAIT_MS);
    expect(answer.result).toEqual({ status: "finished" });
    const shown = [...first.log, ...next.log];
    const message = tool === "ExitPlanMode" ? "Plan approved" : "Plan mode on";
    const before = plan === "result_recorded:kill";
    if (!before) expect(resultOf(next.log, "t1")).toMatchObject({ is_error: false, message });
    expect(types(shown).filter((type) => type.startsWith("request:"))).toEqual([]);
    expect(payloads(shown, "PlanDisplay")).toHaveLength(tool === "ExitPlanMode" ? 1 : 0);
    expect([readState(workspace).plan_mode, text(next.log)]).toEqual([tool === "EnterPlanMode", "end"]);
    const told = payloads(next.log, "StatusUpdate").map(({ plan_mode }) => plan_mode);
    expect(told.at(-1)).toBe(tool === "EnterPlanMode");
  });

  it("F-521 a plan that was changed behind the decision is not what was approved", async () => {
    const { workspace, next, turn } = await killed("ExitPlanMode", "result_unrecorded:kill", {
      first: AWAY,
      next: AWAY,
    });
    writePlan(workspace, "# ANOTHER");
    expect((await next.call("resume", { turn_id: turn.turn_id }, WAIT_MS)).result).toEqual({ status: "finished" });
    expect(resultOf(next.log, "t1")).toMatchObject({ is_error: true });
    expect(String(resultOf(next.log, "t1").message)).toContain("changed since it was approved");
  });

  it("F-522 a turn that is not gone on with says that the outcome is unknown, not that nothing ran", async () => {
    const { next, turn } = await killed("ExitPlanMode", "result_unrecorded:kill", { first: AWAY, next: AWAY });
    const { error } = await next.call("resume", { turn_id: turn.turn_id, action: "settle" }, WAIT_MS);
    expect(error?.data).toMatchObject({ code: "turn_interrupted" });
    expect(resultOf(next.log, "t1")).toMatchObject({ is_error: true, extras: { code: "unknown_outcome" } });
  });
});
