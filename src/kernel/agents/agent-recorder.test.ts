import { expect, test } from "vitest";
import type { Recorder } from "../turn/recorder.js";
import { Waits } from "../waits.js";
import type { AgentFolder } from "./agent-folder.js";
import { AgentRecorder } from "./agent-recorder.js";

/** A subagent's recorder over a fake of its session's. */
function setUp(shownTo: string | null) {
  const waits = new Waits();
  const requests: unknown[][] = [];
  const session = {
    waiting: (kind: Parameters<Waits["during"]>[0], work: Promise<unknown>) => waits.during(kind, work),
    request: async (...args: unknown[]) => void requests.push(args),
  } as unknown as Recorder;
  const recorder = new AgentRecorder({
    session,
    folder: {} as AgentFolder,
    agentId: "a1",
    subagentType: "coder",
    shownTo,
    silenced: () => false,
    onOutput: () => {},
  });
  return { recorder, waits, requests };
}

test("what a subagent of the turn waits for, the turn waits for", async () => {
  const { recorder, waits } = setUp("c1");
  const work = recorder.waiting("model", Promise.resolve("done"));
  expect(waits.open).toEqual(["model"]);
  expect(await work).toBe("done");
  expect(waits.open).toEqual([]);
});

test("an agent in the background holds up no turn", async () => {
  const { recorder, waits } = setUp(null);
  const work = recorder.waiting("model", Promise.resolve("done"));
  expect(waits.open).toEqual([]);
  expect(await work).toBe("done");
});

test("a request travels with all that stands beside it", async () => {
  const { recorder, requests } = setUp("c1");
  const { signal } = new AbortController();
  const extras = { extra: { action_hash: "h" }, beside: { grant: null } };
  await recorder.request("ApprovalRequest", { id: "q" }, signal, extras);
  expect(requests).toEqual([["ApprovalRequest", { id: "q" }, signal, extras]]);
});
