import * as fs from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SessionLog } from "./session-log.js";
import { delivered, turnSteps } from "./testing/scripted-turn.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";

let share: TempShare;

beforeEach(() => {
  share = tempShare();
});

afterEach(() => share.remove());

const asked = (id: string, source_kind = "foreground_turn") =>
  delivered("ApprovalRequest", { id, tool_call_id: `call of ${id}`, source_kind }, "request", id);

function answered(log: SessionLog, id: string, decided: object): void {
  log.note({ kind: "answer", id, type: "ApprovalRequest", answer: {}, decided });
}

/** The log of a kernel that died with approvals in every state. */
async function died(): Promise<SessionLog> {
  const log = share.open();
  await log.acquire();
  for (const [name, step] of turnSteps()) {
    step(log);
    if (name === "stream end") break;
  }
  log.append([asked("over"), asked("yes"), asked("no"), asked("open"), asked("task", "background_agent")]);
  log.append([asked("withdrawn")]);
  answered(log, "over", { response: "approve", feedback: "", via: "answer" });
  log.append([delivered("ApprovalResponse", { request_id: "over", response: "approve", feedback: "" })]);
  answered(log, "yes", { response: "approve", feedback: "", via: "answer" });
  answered(log, "no", { response: "reject", feedback: "why", via: "answer" });
  answered(log, "withdrawn", { response: "reject", feedback: "", via: "closed" });
  fs.rmSync(share.paths().lock);
  return share.open();
}

const YES = { request_id: "yes", response: "approve", feedback: "" };
const NO = { request_id: "no", response: "reject", feedback: "why" };
const rejected = (request_id: string) => ({ request_id, response: "reject", feedback: "" });

test("a turn that goes on: those that were decided get their end, and those that nobody will ask again", async () => {
  expect((await died()).openTurn()?.openApprovals).toEqual([YES, NO, rejected("task")]);
});

test("a turn that is closed: all get their end, as on a cancel", async () => {
  const log = await died();
  await log.acquire();
  const ends = [...log.delivered(0)].filter(({ record: { type } }) => type === "ApprovalResponse");
  expect(ends.slice(1).map(({ record: { payload } }) => payload)).toEqual([
    ...[YES, NO, rejected("open"), rejected("task"), rejected("withdrawn")],
  ]);
  expect(fs.readFileSync(share.paths().wire, "utf8")).not.toContain("ApprovalResponse");
  log.close({ clean: true });
});
