import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lineJson } from "./line-json.js";
import type { DeliverableRecord, SessionLog } from "./session-log.js";
import { turnSteps } from "./testing/scripted-turn.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";

let share: TempShare;

beforeEach(() => {
  share = tempShare();
});

afterEach(() => share.remove());

const record = (type: string, payload: object, more: Partial<DeliverableRecord> = {}): DeliverableRecord => ({
  kind: "event",
  type,
  payload,
  json: lineJson(payload),
  ...more,
});

/** The log of a kernel that died after this work. */
async function diedAfter(work: (log: SessionLog) => void): Promise<SessionLog> {
  const log = share.open();
  await log.acquire();
  for (const [name, step] of turnSteps()) {
    step(log);
    if (name === "step 1") break;
  }
  work(log);
  fs.rmSync(share.paths().lock);
  return share.open();
}

function asked(log: SessionLog, id: string, event: string, target = "Shell"): void {
  const batch = { batch_id: id, event, blocking: true, tool_call_id: null, input: {}, hooks: [] };
  log.note({ kind: "hook", ...batch });
  log.append([record("HookTriggered", { event, target, hook_count: 1 })]);
}

const decided = (log: SessionLog, id: string, action: "allow" | "block") =>
  log.note({ kind: "hook_decided", batch_id: id, action, reason: "r" });

describe("hooks that were shown and whose kernel died", () => {
  test("what is undecided ends as if it had been cancelled, what is decided as it was", async () => {
    const log = await diedAfter((open) => {
      asked(open, "1", "PreToolUse");
      asked(open, "2", "PreToolUse");
      asked(open, "3", "PostToolUse");
      decided(open, "2", "allow");
      asked(open, "4", "PreToolUse");
      decided(open, "4", "block");
      open.append([record("HookResolved", { event: "PreToolUse", target: "Shell" })]);
    });
    const stopped = { reason: "The kernel stopped.", duration_ms: 0 };
    expect(log.openTurn()?.openHooks).toEqual([
      { event: "PreToolUse", target: "Shell", action: "block", ...stopped },
      { event: "PostToolUse", target: "Shell", action: "allow", ...stopped },
      { event: "PreToolUse", target: "Shell", action: "block", reason: "r", duration_ms: 0 },
    ]);
  });

  test("a turn that is closed closes them", async () => {
    const log = await diedAfter((open) => asked(open, "1", "PreToolUse"));
    await log.acquire();
    const types = [...log.delivered(0)].map(({ record: { type } }) => type);
    expect(types.slice(types.indexOf("HookTriggered"))).toContain("HookResolved");
    log.close({ clean: true });
  });
});

test("a request that is sent once more is in wire.jsonl once, also when the file is written later", async () => {
  const question = { id: "q", tool_call_id: "c", questions: [] };
  const request = record("QuestionRequest", question, { kind: "request", id: "q" });
  const log = await diedAfter((open) => {
    open.append([request]);
    open.append([{ ...request, extra: { again: true } }]);
  });
  await log.acquire(undefined, { keepOpenTurn: true });
  log.continueTurn();
  log.append([{ ...request, extra: { again: true } }]);
  log.checkpoint();
  expect(fs.readFileSync(share.paths().wire, "utf8").match(/QuestionRequest/g)).toHaveLength(1);
  log.close({ clean: true });
});
