import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JournalRecord } from "./crc-line.js";
import { lineJson } from "./line-json.js";
import { findOpenTurn } from "./open-turn-position.js";
import type { NoteRecord, SessionLog } from "./session-log.js";
import { approvalRequest, delivered, intent, text, toolCall, toolResult, turnSteps } from "./testing/scripted-turn.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";
import type { TurnPosition } from "./turn-position.js";

let share: TempShare;

beforeEach(() => {
  share = tempShare();
});

afterEach(() => share.remove());

const END = { kind: "stream_end", n: 1, usage: null, message_id: null, finish_reason: "tool_calls" } as const;

/** What stands in the journal after this work of a kernel that died. */
async function diedAfter(work: (log: SessionLog) => void): Promise<TurnPosition | null> {
  const log = share.open();
  await log.acquire();
  work(log);
  fs.rmSync(share.paths().lock);
  return share.open().openTurn();
}

/** The steps of the scripted turn up to this one. */
const upTo = (last: string) => (log: SessionLog) => {
  for (const [name, step] of turnSteps()) {
    step(log);
    if (name === last) return;
  }
};

/** A step with one whole call, and what comes behind it. */
const withCall = (work: (log: SessionLog) => void) =>
  diedAfter((log) => {
    upTo("step 1")(log);
    log.append([toolCall("c")]);
    log.note(END);
    work(log);
  });

const callOf = (position: TurnPosition | null, id = "c") => position?.step?.calls.get(id);

describe("after each record of a turn", () => {
  const NOTHING = { begun: false, hasContext: false, step: null, deliveredSeq: 0 };
  const STEP = { n: 1, marked: true, interrupted: false, end: null, stored: false, outcome: null };
  const SAID = { content: [{ type: "text", text: "go a b" }] };
  const call = (args: string) => ({ toolCalls: [{ id: "go-t1", function: { name: "Shell", arguments: args } }] });
  const WHOLE = { ...STEP, ...SAID, ...call('{"command":"ls"}') };
  const ENDED = { ...WHOLE, end: { usage: null, messageId: null, finishReason: "stop" } };
  const shown = { ...ENDED, statusShown: true };
  const done = { result: { returnValue: { output: "ok\n" }, rejection: null } };

  const table: [last: string, turn: object, call: object | null][] = [
    ["turn", NOTHING, null],
    ["begin", { ...NOTHING, begun: true, deliveredSeq: expect.any(Number) }, null],
    ["prompt", { begun: true, hasContext: true, step: null }, null],
    ["step begin", { step: { n: 1, marked: false, content: [] } }, null],
    ["step 1", { step: { ...STEP, content: [], toolCalls: [] } }, null],
    ["stream", { step: { ...SAID, ...call('{"command":'), end: null } }, { result: null, intent: null }],
    ["stream more", { step: { ...SAID, ...call('{"command":"ls"}'), end: null } }, {}],
    ["stream end", { step: { ...ENDED, statusShown: false } }, { approval: null }],
    ["status", { step: shown }, {}],
    ["request", {}, { approval: { requestId: "go-q", actionHash: null, answer: null } }],
    ["answer", {}, { approval: { answer: { response: "approve", feedback: "" } }, intent: null }],
    ["approved", {}, { approval: { answer: { response: "approve", feedback: "" } } }],
    [
      "intent",
      {},
      { intent: { effectId: "effect-go-t1", effect: "exec", actionHash: "h", process: null }, result: null },
    ],
    ["result", { step: { stored: false } }, done],
    ["context", { step: { stored: true, outcome: null } }, done],
    ["checkpoint 1", { step: { stored: true } }, done],
    ["step 2", { step: { n: 2, stored: false, content: [{ type: "text", text: "go done" }], toolCalls: [] } }, null],
    ["reply", { step: { n: 2, stored: true, content: [{ type: "text", text: "go done" }] } }, null],
  ];

  test.each(table)("%s", async (last, turn, call) => {
    const position = await diedAfter(upTo(last));
    expect(position).toMatchObject({ turnId: "go", clientId: null, userInput: "go", cancelled: false, ...turn });
    if (call !== null) expect(callOf(position, "go-t1")).toMatchObject(call);
  });

  test("every one of them is in the table", () => {
    const ended = ["turn end", "checkpoint 2"];
    expect(table.map(([name]) => name)).toEqual(turnSteps().flatMap(([name]) => (ended.includes(name) ? [] : [name])));
  });

  test.each(["turn end", "checkpoint 2"])("%s: no turn is open", async (last) => {
    expect(await diedAfter(upTo(last))).toBeNull();
  });

  test("the seq is that of the newest that was delivered", async () => {
    let seq = 0;
    const position = await diedAfter((log) => {
      upTo("stream")(log);
      seq = log.append([text("!")]);
      log.note(END);
    });
    expect(position?.deliveredSeq).toBe(seq);
  });
});

describe("calls", () => {
  test("hooks: asked, decided, and those of other events not at all", async () => {
    const hook = {
      kind: "hook",
      event: "PreToolUse",
      blocking: true,
      tool_call_id: "c",
      input: {},
      hooks: [],
    } as const;
    const position = await withCall((log) => {
      log.note({ ...hook, batch_id: "b1" });
      log.note({ ...hook, batch_id: "b2", event: "PostToolUse" });
    });
    expect(callOf(position)?.hook).toEqual({ batchId: "b1", verdict: null });
    const decided = await withCall((log) => {
      log.note({ ...hook, batch_id: "b1" });
      log.note({ kind: "hook_decided", batch_id: "b2", action: "allow", reason: "" });
      log.note({ kind: "hook_decided", batch_id: "b1", action: "block", reason: "no" });
    });
    expect(callOf(decided)?.hook?.verdict).toEqual({ action: "block", reason: "no" });
  });

  test("an approval keeps its hash, its newest request and only a person's answer", async () => {
    const asked = { ...approvalRequest("q1", "c"), extra: { action_hash: "abc" } };
    const answer = (decided: unknown, id = "q1"): NoteRecord => ({
      ...{ kind: "answer", id, type: "ApprovalRequest", answer: {} },
      decided,
    });
    const gone = await withCall((log) => {
      log.append([asked]);
      log.note(answer({ response: "reject", feedback: "", via: "closed" }));
    });
    expect(callOf(gone)?.approval).toEqual({ requestId: "q1", actionHash: "abc", answer: null });
    const again = await withCall((log) => {
      log.append([asked]);
      log.note(answer({ response: "reject", feedback: "why", via: "answer" }));
      log.append([asked]);
      log.note(answer("nonsense", "other"));
    });
    expect(callOf(again)?.approval?.answer).toEqual({ response: "reject", feedback: "why" });
    const newer = await withCall((log) => {
      log.append([asked]);
      log.note(answer({ response: "approve", feedback: "", via: "answer" }));
      log.append([approvalRequest("q2", "c")]);
    });
    expect(callOf(newer)?.approval).toEqual({ requestId: "q2", actionHash: null, answer: null });
  });

  test("a subagent's request is not the call's own", async () => {
    const request = approvalRequest("q1", "c");
    const payload = { ...(request.payload as object), agent_id: "a1" };
    const position = await withCall((log) => log.append([{ ...request, payload, json: lineJson(payload) }]));
    expect(callOf(position)?.approval).toBeNull();
  });

  test("what a subagent's call of the same id was asked is not the call's own, nor the other way round", async () => {
    const hook = {
      kind: "hook",
      event: "PreToolUse",
      blocking: true,
      tool_call_id: "c",
      input: {},
      hooks: [],
    } as const;
    const allowed = { kind: "hook_decided", action: "allow", reason: "" } as const;
    const begin = { agent_id: "a1", tool_call_id: "c", task_id: null, subagent_type: "coder", resumed: false };
    const nested = (type: string, payload: object) =>
      delivered("SubagentEvent", { parent_tool_call_id: "c", agent_id: "a1", event: { type, payload } });
    const position = await withCall((log) => {
      log.note({ ...hook, batch_id: "own", agent_id: null });
      log.note({ kind: "agent_begin", ...begin });
      log.append([nested("StepBegin", { n: 1 }), nested("ToolCall", { id: "c", function: { name: "Act" } })]);
      log.note({ ...hook, batch_id: "theirs", agent_id: "a1" });
      log.note({ ...allowed, batch_id: "theirs" });
      log.append([delivered("ToolCallRequest", { id: "c" }, "request", "c")]);
      log.note({ kind: "answer", id: "c", type: "ToolCallRequest", answer: {}, decided: "result" });
    });
    const call = callOf(position);
    expect(call).toMatchObject({ hook: { batchId: "own", verdict: null }, request: null });
    const theirs = call?.agent?.turn.step?.calls.get("c");
    expect(theirs?.hook).toEqual({ batchId: "theirs", verdict: { action: "allow", reason: "" } });
    expect(theirs?.request).toBeNull();
  });

  test("a client's tool and a question keep the raw answer", async () => {
    const asked = await withCall((log) => {
      log.note(intent("c"));
      log.append([delivered("ToolCallRequest", { id: "c" }, "request", "c")]);
    });
    expect(callOf(asked)?.request).toEqual({ type: "ToolCallRequest", requestId: "c", answer: null });
    const answered = await withCall((log) => {
      const question = delivered("QuestionRequest", { id: "u", tool_call_id: "c", questions: [] }, "request", "u");
      log.append([{ ...question, extra: { shown: "h" } }]);
      log.note({ kind: "answer", id: "u", type: "QuestionRequest", answer: { answers: {} }, decided: {} });
    });
    expect(callOf(answered)?.request).toEqual({
      type: "QuestionRequest",
      requestId: "u",
      answer: { raw: { answers: {} } },
      shown: "h",
    });
  });

  test("an intent with its files and its process; the newest counts", async () => {
    const file = { path: "/f", sha256: "1" };
    const position = await withCall((log) => {
      log.note({ ...intent("c"), effect_id: "old" });
      log.note({ ...intent("c"), class: "write", before: [file, "junk"], after: [{ path: "/f", sha256: null }] });
      log.note({ kind: "process", effect_id: "old", pgid: 1, start_time: "1" });
      log.note({ kind: "process", effect_id: "effect-c", pgid: 7, start_time: "99" });
    });
    expect(callOf(position)?.intent).toEqual({
      ...{ effectId: "effect-c", effect: "write", actionHash: "h", before: [file] },
      ...{ after: [{ path: "/f", sha256: null }], process: { pgid: 7, startTime: "99" } },
    });
  });

  test("a result tells whether a person said no", async () => {
    const position = await withCall((log) => log.append([{ ...toolResult("c"), extra: { rejection: "" } }]));
    expect(callOf(position)?.result?.rejection).toBe("");
  });
});

describe("steps", () => {
  test("those before the newest are there for the repeat guard", async () => {
    const position = await withCall((log) => {
      log.append([toolResult("c")]);
      log.note({ kind: "step_end", n: 1, outcome: "again" });
      log.append([delivered("StepBegin", { n: 2 }), delivered("StepInterrupted", {})]);
      log.append([delivered("StepBegin", { n: 3 })]);
      log.note({ kind: "step", n: 3, checkpoint: 3 });
    });
    expect(position?.earlierCalls).toEqual([[{ name: "Shell", arguments: "{}" }]]);
    expect(position?.step).toMatchObject({ n: 3, marked: true, toolCalls: [], interrupted: false });
  });

  test("the outcome is kept, and a command that speaks behind it is not the model", async () => {
    const position = await withCall((log) => {
      log.note({ kind: "step_end", n: 1, outcome: "stop" });
      log.append([text("a command says")]);
    });
    expect(position?.step).toMatchObject({ outcome: "stop", content: [], toolCalls: [{ id: "c" }] });
  });

  test("a switch of the plan mode is not the status of the step", async () => {
    const usage = { input_other: 1, output: 1, input_cache_read: 0, input_cache_creation: 0 };
    const mode = delivered("StatusUpdate", { token_usage: null, message_id: null, plan_mode: true });
    const work = (more: Parameters<SessionLog["append"]>[0]) =>
      diedAfter((log) => {
        upTo("stream")(log);
        log.append([mode]);
        log.note({ ...END, usage, message_id: "m" });
        log.append([mode, ...more]);
      });
    const before = await work([]);
    expect(before?.step).toMatchObject({
      statusShown: false,
      end: { usage, messageId: "m", finishReason: "tool_calls" },
    });
    expect((await work([delivered("StatusUpdate", { token_usage: usage })]))?.step?.statusShown).toBe(true);
  });
});

describe("the turn", () => {
  test("brackets, inner turns, steers, cancel, the prompt's hook", async () => {
    const position = await diedAfter((log) => {
      log.beginTurn({ kind: "turn", turn_id: "t", client_id: "c1", user_input: [{ type: "text", text: "hi" }] });
      const hook = { kind: "hook", blocking: true, tool_call_id: null, input: {}, hooks: [] } as const;
      log.note({ ...hook, batch_id: "b", event: "UserPromptSubmit" });
      log.append([delivered("TurnBegin", { user_input: "hi" }), delivered("TurnBegin", { user_input: "node" })]);
      log.append([delivered("MCPLoadingBegin", {}), delivered("CompactionBegin", {})]);
      log.note({ kind: "steer", steer_id: "s1", client_id: null, user_input: "used" });
      log.note({ kind: "steer", steer_id: "s2", client_id: null, user_input: "left" });
      log.note({ kind: "steer_consumed", steer_id: "s1" });
      log.note({ kind: "cancel", client_id: null });
    });
    expect(position).toMatchObject({
      ...{ clientId: "c1", userInput: [{ type: "text", text: "hi" }], cancelled: true, openInnerTurns: 1 },
      ...{ openBrackets: ["CompactionEnd", "MCPLoadingEnd"], steers: [{ id: "s2", userInput: "left" }] },
      promptHook: { batchId: "b", verdict: null },
    });
  });

  test("a steer is consumed by the record of its message; then another step follows, and it has to be shown", async () => {
    const position = await diedAfter((log) => {
      log.beginTurn({ kind: "turn", turn_id: "t", client_id: null, user_input: "hi" });
      log.append([delivered("TurnBegin", { user_input: "hi" }), delivered("StepBegin", { n: 1 })]);
      for (const id of ["s1", "s2", "s3"]) log.note({ kind: "steer", steer_id: id, client_id: null, user_input: id });
      log.note({ kind: "step_end", n: 1, outcome: "end" });
      log.context([{ role: "user", content: "s1" }], "s1");
      log.append([delivered("SteerInput", { user_input: "s1" })]);
      log.context([{ role: "user", content: "s2" }], "s2");
    });
    expect(position).toMatchObject({ steers: [{ id: "s3" }], unshownSteers: ["s2"], step: { n: 1, outcome: "again" } });
  });

  test("a mark alone is no context, an announced one neither; a rotation is", async () => {
    const afterBegin = (work: (log: SessionLog) => void) =>
      diedAfter((log) => {
        upTo("begin")(log);
        work(log);
      });
    const marked = await afterBegin((log) => {
      log.context([{ role: "_checkpoint", id: 0 }]);
      log.context([{ role: "user", content: "<system>CHECKPOINT 0</system>" }]);
    });
    expect(marked?.hasContext).toBe(false);
    const rotated = await afterBegin((log) => log.rotateContext([{ role: "_system_prompt", content: "s" }]));
    expect(rotated?.hasContext).toBe(true);
  });

  test("an inner turn begins without a step", async () => {
    const position = await withCall((log) => log.append([delivered("TurnBegin", { user_input: "node" })]));
    expect(position).toMatchObject({ step: null, earlierCalls: [], hasContext: true });
  });
});

describe("a turn that two kernels died in", () => {
  async function twice(first: (log: SessionLog) => void, second: (log: SessionLog) => void) {
    await diedAfter(first);
    const log = share.open();
    await log.acquire(undefined, { keepOpenTurn: true });
    log.continueTurn();
    second(log);
    fs.rmSync(share.paths().lock);
    return share.open().openTurn();
  }

  test("text goes on behind text, without a bracket between", async () => {
    const position = await twice(upTo("stream"), (log) => void log.append([text(" c"), toolCall("t2")]));
    expect(position?.step?.content).toEqual([
      { type: "text", text: "go a b" },
      { type: "text", text: " c" },
    ]);
    expect([...(position?.step?.calls.keys() ?? [])]).toEqual(["go-t1", "t2"]);
  });

  test("behind a partial reply that is stored the content begins anew", async () => {
    const stored = (log: SessionLog) => {
      log.context([{ role: "assistant", content: "go a b" }]);
      log.note({ kind: "notice", code: "continued", data: { n: 1 } });
    };
    const position = await twice(upTo("stream"), stored);
    expect(position?.step).toMatchObject({ stored: false, content: [], toolCalls: [], end: null });
    expect(position?.step?.calls.size).toBe(0);
  });

  test("without a stored reply nothing that was said is forgotten", async () => {
    const notice = { kind: "notice", code: "continued", data: { n: 1 } } as const;
    const position = await twice(upTo("stream"), (log) => void log.note(notice));
    expect(position?.step?.content).toEqual([{ type: "text", text: "go a b" }]);
  });

  test("the second intent and the re-sent request count", async () => {
    const position = await twice(upTo("intent"), (log) => {
      log.append([approvalRequest("go-q", "go-t1")]);
      log.note({ ...intent("go-t1"), effect_id: "second" });
    });
    expect(callOf(position, "go-t1")).toMatchObject({
      approval: { requestId: "go-q", answer: { response: "approve" } },
      intent: { effectId: "second" },
    });
  });
});

describe("damage", () => {
  const record = (kind: string, fields: object, seq: number): JournalRecord => ({
    seq,
    kind,
    fields: { kind, ...fields },
    text: "",
  });
  const event = (type: string, payload: object): [string, object] => ["event", { type, payload }];
  const said = (value: string) => event("ContentPart", { type: "text", text: value });
  const stored = (value: string): [string, object] => ["context", { lines: [{ role: "assistant", content: value }] }];
  const turn: [string, object][] = [
    ["turn", { turn_id: "t", client_id: null, user_input: "x" }],
    event("TurnBegin", { user_input: "x" }),
    ["context", { lines: [{ role: "user", content: "x" }] }],
    event("StepBegin", { n: 1 }),
    ["step", { n: 1, checkpoint: 1 }],
    said("[1]"),
    said("[2]"),
    event("ToolCall", { type: "function", id: "c", function: { name: "Shell", arguments: "{}" }, extras: null }),
    ["stream_end", { n: 1, usage: null, message_id: null, finish_reason: "tool_calls" }],
    event("StatusUpdate", { plan_mode: false }),
    ["request", { type: "ApprovalRequest", id: "q", payload: { id: "q", tool_call_id: "c" } }],
    ["answer", { id: "q", type: "ApprovalRequest", decided: { response: "approve", feedback: "", via: "answer" } }],
    ["intent", { effect_id: "e", tool_call_id: "c", class: "exec", action_hash: "h", before: [], after: [] }],
    ["process", { effect_id: "e", pgid: 5, start_time: "1" }],
    ["result", { type: "ToolResult", payload: { tool_call_id: "c", return_value: {} } }],
    ["step_end", { n: 1, outcome: "again" }],
    stored("[1][2]"),
    ["checkpoint", {}],
    event("StepBegin", { n: 2 }),
    ["step", { n: 2, checkpoint: 2 }],
    said("[3]"),
    ["owner", { epoch: 2 }],
    stored("[3]"),
    ["notice", { code: "continued", data: { n: 2 } }],
    said("[4]"),
    ["owner", { epoch: 3 }],
    said("[5]"),
    ["stream_end", { n: 2, usage: null, message_id: null, finish_reason: "stop" }],
    ["step_end", { n: 2, outcome: "end" }],
    stored("[4][5]"),
  ];
  const records = turn.map(([kind, fields], index) => record(kind, fields, index + 1));
  const textOf = (parts: readonly JournalRecord[]) => JSON.stringify(parts.map(({ fields }) => fields));

  /** What the model had said is in the step or in the conversation. */
  function expectKept(kept: readonly JournalRecord[]) {
    const position = findOpenTurn(kept)?.position;
    if (position === undefined) return;
    const lines = textOf(kept.filter(({ kind }) => kind === "context"));
    const known = `${lines}${JSON.stringify(position.step?.content ?? [])}`;
    const shown = kept.filter(({ fields }) => fields.type === "ContentPart");
    for (const part of shown) expect(known).toContain(String((part.fields.payload as { text: string }).text));
  }

  test("no prefix of a journal loses text", () => {
    for (let length = 0; length <= records.length; length += 1) expectKept(records.slice(0, length));
    expect.hasAssertions();
  });

  test("a record that is missing breaks nothing, and takes no other text with it", () => {
    const vital = new Set(["turn", "context"]);
    for (const lost of records) {
      const rest = records.filter((each) => each !== lost);
      if (vital.has(lost.kind)) expect(() => findOpenTurn(rest)).not.toThrow();
      else for (let length = 0; length < rest.length; length += 1) expectKept(rest.slice(0, length));
    }
  });

  test.each([null, 1, "x", [], { type: 1 }, { payload: 3 }])("fields of %j are ignored", (junk) => {
    const odd = records.map(({ seq, kind }) => record(kind, { payload: junk, lines: junk, extra: junk }, seq));
    expect(() => findOpenTurn(odd)).not.toThrow();
  });
});
