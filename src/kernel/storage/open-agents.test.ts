import { rmSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { readJournal } from "./journal-reader.js";
import { findOpenTurn } from "./open-turn-position.js";
import type { SessionLog } from "./session-log.js";
import { approvalRequest, delivered, intent, toolCall, toolResult } from "./testing/scripted-turn.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";

const shares: TempShare[] = [];
afterEach(() => {
  for (const share of shares.splice(0)) share.remove();
});

const AGENT = { agent_id: "a12345678", tool_call_id: "t1", task_id: null, subagent_type: "coder", resumed: false };

function nested(type: string, payload: unknown) {
  const outer = { parent_tool_call_id: "t1", agent_id: "a12345678", subagent_type: "coder" };
  return delivered("SubagentEvent", { ...outer, event: { type, payload } });
}

const call = (id: string) => nested("ToolCall", { type: "function", id, function: { name: "Shell", arguments: "{}" } });

/** Writes a turn with an Agent call, then `work`, and dies; gives back how the next kernel finds it. */
async function died(work: (log: SessionLog) => void) {
  const share = tempShare();
  shares.push(share);
  const log = share.open();
  await log.acquire();
  log.beginTurn({ kind: "turn", turn_id: "turn", client_id: null, user_input: "go" });
  log.append([delivered("TurnBegin", { user_input: "go" })]);
  log.context([{ role: "user", content: "go" }]);
  log.note({ kind: "step", n: 1, checkpoint: 0 });
  log.append([delivered("StepBegin", { n: 1 }), toolCall("t1", "{}", "Agent")]);
  log.note({ kind: "stream_end", n: 1, usage: null, message_id: null, finish_reason: "stop" });
  work(log);
  const dead = share.paths();
  rmSync(dead.lock);
  const next = share.open();
  await next.acquire();
  const { messages, repairs } = next.load();
  const wire = share
    .lines("wire.jsonl")
    .slice(1)
    .map((line) => JSON.parse(line).message);
  next.close({ clean: true });
  const inner = wire.flatMap(({ type, payload }) => (type === "SubagentEvent" ? [payload.event] : []));
  const result = wire.findLast(({ type, payload }) => type === "ToolResult" && payload.tool_call_id === "t1");
  return { messages, repairs, wire, inner, result: result?.payload.return_value };
}

test("open nested calls get results, open nested turns an end, and the Agent call names the agent to resume", async () => {
  const { inner, result, messages, repairs, wire } = await died((log) => {
    log.note({ kind: "agent_begin", ...AGENT });
    log.append([nested("TurnBegin", { user_input: "p" }), nested("StepBegin", { n: 1 }), call("s1"), call("s2")]);
    log.append([{ ...approvalRequest("q", "s2"), payload: { id: "q", tool_call_id: "s2", agent_id: "a12345678" } }]);
    log.note({ kind: "agent_note", agent_id: "a12345678", note: intent("s1") });
  });
  const ended = inner
    .slice(4)
    .map(({ type, payload }) => [type, payload.tool_call_id, payload.return_value?.extras?.code]);
  expect(ended).toEqual([
    ["ToolResult", "s1", "unknown_outcome"],
    ["ToolResult", "s2", "interrupted"],
    ["TurnEnd", undefined, undefined],
  ]);
  expect(result).toMatchObject({ is_error: true, message: expect.stringContaining('resume: "a12345678"') });
  expect(JSON.stringify(messages.at(-1))).toContain("a12345678");
  expect(wire.at(-1).type).toBe("TurnEnd");
  expect(repairs.join(" ")).not.toContain("unknown");
});

test("an agent that had ended leaves nothing open but the call that asked", async () => {
  const { inner, result } = await died((log) => {
    log.note({ kind: "agent_begin", ...AGENT });
    log.append([nested("TurnBegin", { user_input: "p" }), nested("TurnEnd", {})]);
    log.note({ kind: "agent_end", agent_id: "a12345678", outcome: "idle" });
  });
  expect(inner.map(({ type }) => type)).toEqual(["TurnBegin", "TurnEnd"]);
  expect(result.extras.code).toBe("interrupted");
});

test("calls of an attempt that was tried again are not answered", async () => {
  const { inner } = await died((log) => {
    log.note({ kind: "agent_begin", ...AGENT });
    log.append([nested("TurnBegin", {}), nested("StepBegin", { n: 1 }), call("s1"), nested("StepRetry", { n: 1 })]);
  });
  expect(inner.map(({ type }) => type)).toEqual(["TurnBegin", "StepBegin", "ToolCall", "StepRetry", "TurnEnd"]);
});

test("a call that has the id of an Agent call of an earlier step is its own", async () => {
  let position: unknown = null;
  const { result } = await died((log) => {
    log.note({ kind: "agent_begin", ...AGENT });
    log.append([nested("TurnBegin", { user_input: "p" }), nested("TurnEnd", {})]);
    log.note({ kind: "agent_end", agent_id: "a12345678", outcome: "idle" });
    log.append([toolResult("t1")]);
    log.append([delivered("StepBegin", { n: 2 })]);
    log.note({ kind: "step", n: 2, checkpoint: 1 });
    log.append([toolCall("t1", "{}", "Shell")]);
    log.note({ kind: "stream_end", n: 2, usage: null, message_id: null, finish_reason: "stop" });
    log.note(intent("t1"));
    const dead = readJournal(shares.at(-1)?.paths().journal ?? "");
    position = findOpenTurn(dead.records)?.position.step?.calls.get("t1");
  });
  expect(position).toMatchObject({ intent: { effectId: "effect-t1" } });
  expect(position).not.toHaveProperty("agent");
  expect(result.extras.code).toBe("unknown_outcome");
});

test("an Agent call that never began is no unknown outcome", async () => {
  const { inner, result } = await died(() => {});
  expect(inner).toEqual([]);
  expect(result.extras.code).toBe("interrupted");
});
