import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { replaySession } from "./replay.js";
import type { SessionLog } from "./session-log.js";
import {
  approvalRequest,
  delivered,
  intent,
  text,
  toolCall,
  toolResult,
  turnEnd,
  turnSteps,
} from "./testing/scripted-turn.js";
import { type TempShare, tempShare, WORK_DIR } from "./testing/temp-share.js";

let share: TempShare;
let open: SessionLog[];

beforeEach(() => {
  share = tempShare();
  open = [];
});

afterEach(() => {
  for (const log of open) log.close({ clean: false });
  share.remove();
});

async function acquired(options: Parameters<TempShare["open"]>[0] = {}): Promise<SessionLog> {
  const log = share.open(options);
  open.push(log);
  await log.acquire();
  return log;
}

/** Lets go of the files as a killed process would: the lock stays, nothing is flushed. */
function abandon(): void {
  open = [];
  fs.rmSync(share.paths().lock);
}

function run(log: SessionLog, upTo = "", tag = "go"): void {
  for (const [name, step] of turnSteps(tag)) {
    step(log);
    if (name === upTo) return;
  }
}

const types = () => share.lines("wire.jsonl").map((line) => JSON.parse(line).message?.type ?? "metadata");
const context = () => share.lines("context.jsonl").map((line) => JSON.parse(line));

test("nothing is created before acquire", () => {
  const log = share.open();
  expect(log.load()).toMatchObject({ systemPrompt: null, messages: [], nextCheckpoint: 0, empty: true, repairs: [] });
  expect([log.lastSeq, log.epoch, log.held]).toEqual([0, 0, false]);
  log.close({ clean: true });
  expect(fs.readdirSync(share.shareDir)).toEqual([]);
});

test("writing without the lock is refused", () => {
  expect(() => share.open().append([text("a")])).toThrow(expect.objectContaining({ code: "session_locked" }));
});

test("the published files are what other kernels write", async () => {
  const log = await acquired({ clock: () => 1_795_158_736_500 });
  log.context([{ role: "_system_prompt", content: "system" }]);
  run(log);
  expect(share.lines("wire.jsonl").slice(0, 5)).toEqual([
    '{"type":"metadata","protocol_version":"1.10"}',
    '{"timestamp":1795158736.500,"message":{"type":"TurnBegin","payload":{"user_input":"go"}}}',
    '{"timestamp":1795158736.500,"message":{"type":"StepBegin","payload":{"n":1}}}',
    '{"timestamp":1795158736.500,"message":{"type":"ContentPart","payload":{"type":"text","text":"go a b"}}}',
    '{"timestamp":1795158736.500,"message":{"type":"ToolCall","payload":{"type":"function","id":"go-t1","function":{"name":"Shell","arguments":"{\\"command\\":\\"ls\\"}"},"extras":null}}}',
  ]);
  expect(types().slice(5)).toEqual(["StatusUpdate", "ToolResult", "StepBegin", "ContentPart", "TurnEnd"]);
  expect(share.lines("context.jsonl")).toEqual([
    '{"role":"_system_prompt","content":"system"}',
    '{"role":"_checkpoint","id":0}',
    '{"role":"user","content":"go"}',
    '{"role":"_checkpoint","id":1}',
    '{"role":"assistant","content":"go a b","tool_calls":[{"type":"function","id":"go-t1","function":{"name":"Shell","arguments":"{\\"command\\":\\"ls\\"}"}}]}',
    '{"role":"tool","content":"ok\\n","tool_call_id":"go-t1"}',
    '{"role":"assistant","content":"go done"}',
  ]);
  log.close({ clean: true });
  expect(fs.readdirSync(share.paths().dir).sort()).toEqual(["context.jsonl", "wire.jsonl"]);
});

test("a session is resumed as it was left, and seq goes on", async () => {
  const first = await acquired();
  first.context([{ role: "_system_prompt", content: "system" }]);
  first.freeze({ system_hash: "s", tools: ["Shell"], tools_hash: "t" });
  run(first);
  first.context([{ role: "_usage", token_count: 77 }]);
  const seq = first.lastSeq;
  first.close({ clean: true });
  const second = await acquired();
  const loaded = second.load();
  expect(loaded.messages.map((message) => message.role)).toEqual(["user", "assistant", "tool", "assistant"]);
  expect(loaded).toMatchObject({
    systemPrompt: "system",
    nextCheckpoint: 2,
    tokenCount: 77,
    empty: false,
    repairs: [],
  });
  expect(loaded.prefix).toEqual({ system_hash: "s", tools: ["Shell"], tools_hash: "t" });
  expect(second.epoch).toBe(first.epoch + 2);
  expect(second.lastSeq).toBeGreaterThan(seq);
  run(second, "", "again");
  expect(second.load().prefix?.tools_hash).toBe("t");
  expect(types().filter((type) => type === "TurnEnd")).toHaveLength(2);
});

test("the journal is cut when the next turn begins, not before", async () => {
  const log = await acquired();
  run(log);
  const journal = () => fs.readFileSync(share.paths().journal, "utf8");
  expect(journal()).toContain('"turn_id":"go"');
  log.beginTurn({ kind: "turn", turn_id: "next", client_id: null, user_input: "x" });
  expect(journal()).not.toContain('"turn_id":"go"');
  expect(journal().split("\n")).toHaveLength(3);
});

test("an empty session leaves nothing but the list of work dirs", async () => {
  const log = await acquired();
  log.context([{ role: "_system_prompt", content: "system" }]);
  log.close({ clean: true });
  expect(fs.existsSync(share.paths().dir)).toBe(false);
  expect(fs.existsSync(share.paths().journal)).toBe(false);
  expect(fs.existsSync(share.paths().lock)).toBe(false);
  expect(JSON.parse(fs.readFileSync(join(share.shareDir, "kimi.json"), "utf8"))).toEqual({
    work_dirs: [{ path: WORK_DIR, kaos: "local", last_session_id: null }],
  });
});

test("a title makes a session that is kept", async () => {
  const log = await acquired();
  log.state.update({ custom_title: "A title" });
  log.close({ clean: true });
  expect(fs.existsSync(share.paths().state)).toBe(true);
});

test("last_session_id is stored when a turn begins", async () => {
  run(await acquired(), "turn");
  expect(fs.readFileSync(join(share.shareDir, "kimi.json"), "utf8")).toContain('"last_session_id": "S1"');
});

describe("an open turn is closed", () => {
  const unknown = "The outcome of this call is unknown";

  test("text of an unfinished step becomes a message, thinking does not", async () => {
    const log = await acquired();
    run(log, "step begin");
    log.append([
      delivered("ContentPart", { type: "think", think: "hm", encrypted: null }),
      text("Hello "),
      text("wor"),
    ]);
    abandon();
    const next = await acquired();
    expect(next.load().messages.at(-1)).toEqual({
      role: "assistant",
      content: [{ type: "text", text: "Hello wor" }],
      tool_calls: [],
    });
    expect(types().slice(-3)).toEqual(["ContentPart", "ContentPart", "TurnEnd"]);
    expect(next.load().repairs).toContain("The last turn was interrupted and has been closed.");
    expect(context().at(-1)).toEqual({ role: "assistant", content: "Hello wor" });
  });

  test("a call inside an open stream is said not to have run, its arguments become an object", async () => {
    run(await acquired(), "stream");
    abandon();
    const [assistant, tool] = (await acquired()).load().messages.slice(-2);
    expect(assistant).toMatchObject({ tool_calls: [{ id: "go-t1", function: { arguments: "{}" } }] });
    expect(JSON.stringify(tool)).toContain("it did not run");
  });

  test.each(["stream end", "request", "answer"])(
    "a call that had no intent is said not to have run: %s",
    async (last) => {
      run(await acquired(), last);
      abandon();
      const log = await acquired();
      expect(JSON.stringify(log.load().messages.at(-1))).toContain("it did not run");
      expect(log.load().repairs.join()).not.toContain("unknown");
    },
  );

  test("a call whose hooks were undecided is said not to have run", async () => {
    const log = await acquired();
    run(log, "stream end");
    const batch = { kind: "hook" as const, event: "PreToolUse", blocking: true, tool_call_id: "go-t1", input: {} };
    const decided = { kind: "hook_decided" as const, action: "allow" as const, reason: "" };
    log.note({ ...batch, batch_id: "b1", hooks: [] });
    log.note({ ...decided, batch_id: "b1" });
    log.note({ ...batch, batch_id: "b2", hooks: [] });
    abandon();
    expect(JSON.stringify((await acquired()).load().messages.at(-1))).toContain("it did not run");
  });

  test("after its intent the outcome is unknown", async () => {
    run(await acquired(), "intent");
    abandon();
    const log = await acquired();
    const [assistant, tool] = log.load().messages.slice(-2);
    expect(assistant).toMatchObject({ role: "assistant", tool_calls: [{ id: "go-t1" }] });
    expect(JSON.stringify(tool)).toContain(`<system>ERROR: ${unknown}`);
    const results = share.lines("wire.jsonl").filter((line) => line.includes('"ToolResult"'));
    expect(results).toHaveLength(1);
    expect(JSON.parse(results[0] ?? "").message.payload.return_value.extras).toEqual({ code: "unknown_outcome" });
    expect(types().slice(-2)).toEqual(["ToolResult", "TurnEnd"]);
  });

  test("what the client answered to a call of its own is its result", async () => {
    const log = await acquired();
    run(log, "intent");
    const raw = { return_value: { is_error: false, output: "client's", message: "", display: [{ type: "odd" }] } };
    log.append([delivered("ToolCallRequest", { id: "go-t1" }, "request", "go-t1")]);
    log.note({ kind: "answer", id: "go-t1", type: "ToolCallRequest", answer: raw, decided: "result" });
    abandon();
    const next = await acquired();
    expect(next.load().messages.at(-1)).toMatchObject({ role: "tool", content: [{ text: "client's" }] });
    expect(next.load().repairs.join(" ")).not.toContain("unknown");
    const [result] = share.lines("wire.jsonl").filter((line) => line.includes('"ToolResult"'));
    const value = { is_error: false, output: "client's", message: "", display: [], extras: null };
    expect(JSON.parse(result ?? "").message.payload.return_value).toEqual(value);
  });

  test.each(["result", "context"])("after %s the recorded result is used", async (last) => {
    run(await acquired(), last);
    abandon();
    const log = await acquired();
    const tool = log.load().messages.at(-1);
    expect(tool).toMatchObject({ role: "tool", tool_call_id: "go-t1" });
    expect(JSON.stringify(tool)).toContain("ok\\n");
    expect(JSON.stringify(tool)).not.toContain(unknown);
    expect(types().slice(-2)).toEqual(["ToolResult", "TurnEnd"]);
  });

  test("a call id that an earlier step had used belongs to the last step", async () => {
    const log = await acquired();
    log.beginTurn({ kind: "turn", turn_id: "t", client_id: null, user_input: "go" });
    log.append([delivered("TurnBegin", { user_input: "go" })]);
    for (const n of [1, 2]) {
      log.append([delivered("StepBegin", { n }), toolCall("call_0", `{"n":${n}}`)]);
      log.note({ kind: "stream_end", n, usage: null, message_id: null, finish_reason: "stop" });
      log.note(intent("call_0"));
      if (n === 2) break;
      log.append([toolResult("call_0", "first\n")]);
      log.context([
        {
          role: "assistant",
          content: "",
          tool_calls: [{ type: "function", id: "call_0", function: { name: "Shell", arguments: '{"n":1}' } }],
        },
        { role: "tool", content: "first", tool_call_id: "call_0" },
      ]);
    }
    abandon();
    const { messages } = (await acquired()).load();
    const last = JSON.stringify(messages.at(-1));
    expect(last).toContain("call_0");
    expect(last).toContain(unknown);
    expect(last).not.toContain("first");
  });

  test("one of two calls has a result: messages stay in call order", async () => {
    const log = await acquired();
    run(log, "step begin");
    log.append([toolCall("a"), toolCall("b")]);
    log.note({ kind: "stream_end", n: 1, usage: null, message_id: null, finish_reason: "stop" });
    log.note(intent("a"));
    log.append([toolResult("b", "b done")]);
    abandon();
    const messages = (await acquired()).load().messages.slice(-2);
    expect(messages.map((message) => "tool_call_id" in message && message.tool_call_id)).toEqual(["a", "b"]);
    expect(JSON.stringify(messages[0])).toContain(unknown);
    expect(JSON.stringify(messages[1])).toContain("b done");
  });

  test("what was said before a retry is gone", async () => {
    const log = await acquired();
    run(log, "step begin");
    log.append([text("first try"), delivered("StepRetry", { n: 1, next_attempt: 2 }), text("second")]);
    abandon();
    expect((await acquired()).load().messages.at(-1)?.content).toEqual([{ type: "text", text: "second" }]);
  });

  test("open brackets and nested turns get their ends, an unused steer stays", async () => {
    const log = await acquired();
    run(log, "prompt");
    log.note({ kind: "steer", steer_id: "s1", client_id: null, user_input: "used" });
    log.note({ kind: "steer", steer_id: "s2", client_id: null, user_input: "not used" });
    log.note({ kind: "steer_consumed", steer_id: "s1" });
    log.append([delivered("TurnBegin", { user_input: "node" }), delivered("CompactionBegin", {})]);
    abandon();
    const next = await acquired();
    expect(types().slice(-5)).toEqual(["CompactionEnd", "SteerInput", "SteerInput", "TurnEnd", "TurnEnd"]);
    expect(next.load().messages.at(-1)).toEqual({ role: "user", content: [{ type: "text", text: "not used" }] });
  });

  test("a prompt that only reached the journal is shown, one that was begun is kept for the model", async () => {
    run(await acquired(), "turn");
    abandon();
    const second = await acquired();
    expect(types()).toEqual(["metadata", "TurnBegin", "TurnEnd"]);
    expect(second.load().messages).toEqual([]);
    run(second, "begin", "two");
    abandon();
    expect((await acquired()).load().messages).toEqual([{ role: "user", content: [{ type: "text", text: "two" }] }]);
  });

  test("a reader without the lock sees the same messages and changes nothing", async () => {
    run(await acquired(), "intent");
    const before = fs.readFileSync(share.paths().journal);
    const reader = share.open();
    const messages = reader.load().messages;
    expect(JSON.stringify(messages.at(-1))).toContain(unknown);
    expect([...replaySession(share.paths())].map((record) => record.type)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate"],
    ]);
    expect(fs.readFileSync(share.paths().journal)).toEqual(before);
    abandon();
    expect((await acquired()).load().messages).toEqual(messages);
  });

  test("it is closed once", async () => {
    run(await acquired(), "intent");
    abandon();
    (await acquired()).close({ clean: true });
    const log = await acquired();
    expect(log.load().repairs).toEqual([]);
    expect(types().filter((type) => type === "TurnEnd")).toHaveLength(1);
  });
});

describe("rotation", () => {
  test("the old file stays as context_<n>.jsonl with everything that was pending", async () => {
    const log = await acquired();
    run(log, "context");
    log.rotateContext([{ role: "_system_prompt", content: "system" }]);
    expect(share.lines("context.jsonl")).toEqual(['{"role":"_system_prompt","content":"system"}']);
    expect(share.lines("context_1.jsonl")).toHaveLength(5);
    log.context([{ role: "user", content: "after" }]);
    log.append([turnEnd()]);
    log.checkpoint();
    log.rotateContext([{ role: "user", content: "again" }]);
    expect(share.lines("context_2.jsonl")).toHaveLength(2);
    log.close({ clean: true });
    const messages = (await acquired()).load().messages;
    expect(messages).toEqual([{ role: "user", content: [{ type: "text", text: "again" }] }]);
  });

  test("a rotation by another kernel is taken over", async () => {
    const log = await acquired();
    run(log);
    log.close({ clean: true });
    const { dir, context: file } = share.paths();
    fs.renameSync(file, join(dir, "context_1.jsonl"));
    fs.writeFileSync(file, '{"role": "_system_prompt", "content": "theirs"}\n{"role":"user","content":"new"}\n');
    const next = await acquired();
    expect(next.load()).toMatchObject({ systemPrompt: "theirs" });
    expect(next.load().messages).toHaveLength(1);
    expect(next.load().repairs.join()).toContain("replaced by another program");
  });
});

describe("files that differ from what was recorded", () => {
  test("longer by another kernel's lines: taken over", async () => {
    const log = await acquired();
    run(log);
    log.close({ clean: true });
    fs.appendFileSync(share.paths().context, '{"role":"user","content":"theirs"}\n');
    const next = await acquired();
    expect(next.load().messages.at(-1)).toEqual({ role: "user", content: [{ type: "text", text: "theirs" }] });
    expect(next.load().repairs).toEqual([expect.stringContaining("continued by another program")]);
  });

  test("longer by another kernel's lines behind a checkpoint whose record was lost: taken over too", async () => {
    run(await acquired());
    abandon();
    const { context, wire, journal } = share.paths();
    const records = fs.readFileSync(journal, "utf8").split(/(?<=\n)/);
    expect(records.pop()).toContain('"kind":"checkpoint"');
    fs.writeFileSync(journal, records.join(""));
    const ours = [context, wire].map((path) => fs.readFileSync(path, "utf8"));
    fs.appendFileSync(context, '{"role":"user","content":"theirs"}\n');
    fs.appendFileSync(wire, '{"timestamp":1.0,"message":{"type":"TurnEnd","payload":{}}}\n{"torn');
    const next = await acquired();
    expect(next.load().messages.at(-1)).toEqual({ role: "user", content: [{ type: "text", text: "theirs" }] });
    const [kept, shown] = [context, wire].map((path) => fs.readFileSync(path, "utf8"));
    expect(kept).toBe(`${ours[0]}{"role":"user","content":"theirs"}\n`);
    expect(shown).toBe(`${ours[1]}{"timestamp":1.0,"message":{"type":"TurnEnd","payload":{}}}\n`);
  });

  test("longer by garbage: cut back, kept aside", async () => {
    const log = await acquired();
    run(log);
    log.close({ clean: true });
    const before = share.lines("wire.jsonl");
    fs.appendFileSync(share.paths().wire, "{garbage");
    const next = await acquired();
    expect(next.load().repairs).toHaveLength(1);
    expect(share.lines("wire.jsonl")).toEqual(before);
    const kept = fs.readdirSync(share.paths().recovered);
    expect(fs.readFileSync(join(share.paths().recovered, kept[0] ?? ""), "utf8")).toBe("{garbage");
  });

  test.each(["wire.jsonl", "context.jsonl"])("%s is shorter: completed from the journal", async (file) => {
    const log = await acquired();
    run(log);
    log.close({ clean: true });
    const path = join(share.paths().dir, file);
    const before = fs.readFileSync(path, "utf8");
    fs.truncateSync(path, before.length - 40);
    const next = await acquired();
    expect(fs.readFileSync(path, "utf8")).toBe(before);
    expect(next.load().repairs).toEqual([expect.stringContaining("completed from the journal")]);
  });

  test("a damaged middle line is skipped and reported", async () => {
    const log = await acquired();
    run(log);
    log.close({ clean: true });
    const bytes = fs.readFileSync(share.paths().context);
    bytes.fill(0, 5, 12);
    fs.writeFileSync(share.paths().context, bytes);
    const next = await acquired();
    expect(next.load().repairs).toEqual(["1 line(s) of context.jsonl could not be read and were skipped."]);
    expect(next.load().messages).toHaveLength(4);
  });

  test("a deleted folder does not come back from the journal", async () => {
    const log = await acquired();
    run(log);
    log.close({ clean: true });
    fs.rmSync(share.paths().dir, { recursive: true });
    const next = await acquired();
    expect(next.load()).toMatchObject({ messages: [], empty: true });
    expect(next.epoch).toBeGreaterThan(1);
  });

  test("a projection that was cut by a crash in mid-checkpoint is finished", async () => {
    const log = await acquired();
    run(log, "context");
    const { wire } = share.paths();
    fs.writeFileSync(wire, '{"type":"metadata","protocol_version":"1.10"}\n{"timestamp":');
    abandon();
    const next = await acquired();
    expect(types().slice(0, 3)).toEqual(["metadata", "TurnBegin", "StepBegin"]);
    expect(next.load().messages.at(-1)?.role).toBe("tool");
  });
});

describe("the lock", () => {
  test("a second kernel in the same process is refused and may read", async () => {
    const log = await acquired();
    run(log);
    const second = share.open();
    await expect(second.acquire()).rejects.toMatchObject({ code: "session_locked", data: { pid: process.pid } });
    expect(second.load().messages).toHaveLength(4);
  });

  test("an owner that was replaced cannot write what has to be safe", async () => {
    const log = await acquired();
    run(log, "step begin");
    fs.rmSync(share.paths().lock);
    const thief = await acquired();
    expect(thief.epoch).toBeGreaterThan(log.epoch - 1);
    expect(() => log.note(intent("x"))).toThrow(expect.objectContaining({ code: "session_locked" }));
    expect(() => log.checkpoint()).toThrow(expect.objectContaining({ code: "session_locked" }));
    log.close({ clean: true });
    expect(() => thief.append([text("still here")], { sync: true })).not.toThrow();
  });

  test("an aborted wait rejects with the signal's reason", async () => {
    await acquired();
    const controller = new AbortController();
    const waiting = share.open({ lockWaitMs: 60_000 }).acquire(controller.signal);
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });

  test("a waiting kernel goes on when the holder lets go", async () => {
    const log = await acquired();
    run(log);
    const second = share.open({ lockWaitMs: 5_000 });
    open.push(second);
    const waiting = second.acquire();
    log.close({ clean: true });
    await waiting;
    expect(second.held).toBe(true);
  });
});

test("an approval is never in wire.jsonl, a tool request is", async () => {
  const log = await acquired();
  run(log, "step begin");
  log.append([approvalRequest("q", "t"), delivered("HookRequest", { id: "h" }, "request", "h")]);
  log.append([delivered("ToolCallRequest", { id: "t", name: "ext", arguments: "{}" }, "request", "t")]);
  log.append([delivered("QuestionRequest", { id: "u", questions: [] }, "request", "u")]);
  log.checkpoint();
  expect(types().slice(-2)).toEqual(["ToolCallRequest", "QuestionRequest"]);
  expect([...replaySession(share.paths())].filter((record) => record.isRequest).map((record) => record.id)).toEqual([
    "t",
    "u",
  ]);
});
