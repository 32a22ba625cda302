import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { replaySession } from "./replay.js";
import { turnSteps } from "./testing/scripted-turn.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";

let share: TempShare;

beforeEach(() => {
  share = tempShare();
});

afterEach(() => share.remove());

/** Files as another kernel leaves them: blanks after colons, long fractions, no journal. */
const STATUS =
  '{"context_usage": null, "context_tokens": null, "max_context_tokens": null, "token_usage": null, "message_id": null, "plan_mode": false, "mcp_status": null}';
const WIRE = [
  '{"type": "metadata", "protocol_version": "1.10"}',
  '{"timestamp": 1795158736.5793364, "message": {"type": "TurnBegin", "payload": {"user_input": "go"}}}',
  '{"timestamp": 1795158736.580514, "message": {"type": "StepBegin", "payload": {"n": 1}}}',
  '{"timestamp": 1795158736.5872703, "message": {"type": "ContentPart", "payload": {"type": "text", "text": "a"}}}',
  '{"timestamp": 1795158736.5879905, "message": {"type": "ToolCall", "payload": {"type": "function", "id": "t1", "function": {"name": "ext", "arguments": "{}"}, "extras": null}}}',
  `{"timestamp": 1795158736.5883484, "message": {"type": "StatusUpdate", "payload": ${STATUS}}}`,
  '{"timestamp": 1795158736.59, "message": {"type": "ToolCallRequest", "payload": {"id": "t1", "name": "ext", "arguments": "{}"}}}',
  '{"timestamp": 1795158736.6, "message": {"type": "ToolResult", "payload": {"tool_call_id": "t1", "return_value": {"is_error": false, "output": "o", "message": "", "display": [], "extras": null}}}}',
  '{"timestamp": 1795158738.0830846, "message": {"type": "TurnEnd", "payload": {}}}',
];
const CONTEXT = [
  '{"role": "_system_prompt", "content": "You are an agent \\u2014 of another kernel."}',
  '{"role": "_checkpoint", "id": 0}',
  '{"role":"user","content":"go"}',
  '{"role": "_checkpoint", "id": 1}',
  '{"role": "_usage", "token_count": 100}',
  '{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"tail"}],"tool_calls":[{"type":"function","id":"t1","function":{"name":"ext","arguments":"{}"}}]}',
  '{"role":"tool","content":"o","tool_call_id":"t1"}',
  '{"role": "_usage", "token_count": 110}',
];

function write(wire: readonly string[], context: readonly string[], end = "\n"): void {
  const paths = share.paths();
  fs.mkdirSync(paths.dir, { recursive: true });
  if (wire.length > 0) fs.writeFileSync(paths.wire, wire.join("\n") + end);
  if (context.length > 0) fs.writeFileSync(paths.context, context.join("\n") + end);
}

test("it opens, is read as it is, and goes on without a byte of the old part changed", async () => {
  write(WIRE, CONTEXT);
  const log = share.open();
  expect(log.load()).toMatchObject({
    systemPrompt: "You are an agent \u2014 of another kernel.",
    nextCheckpoint: 2,
    tokenCount: 110,
    prefix: null,
    empty: false,
    repairs: [],
  });
  await log.acquire();
  expect(log.load().messages.map((message) => message.role)).toEqual(["user", "assistant", "tool"]);
  for (const [, step] of turnSteps("more")) step(log);
  log.close({ clean: true });
  expect(share.lines("wire.jsonl").slice(0, WIRE.length)).toEqual(WIRE);
  expect(share.lines("wire.jsonl")[WIRE.length]).toContain('"TurnBegin"');
  expect(share.lines("context.jsonl").slice(0, CONTEXT.length)).toEqual(CONTEXT);
  const replayed = [...replaySession(share.paths())];
  expect(replayed.filter((record) => record.isRequest).map((record) => record.id)).toEqual(["t1"]);
  expect(replayed).toHaveLength(8 + 9);
  expect(replayed[4]?.json).toBe(STATUS);
});

test("a last line without its LF, and a torn one", async () => {
  write(WIRE, CONTEXT, "");
  fs.appendFileSync(share.paths().wire, '\n{"timestamp": 17951');
  const log = share.open();
  await log.acquire();
  expect(log.load().messages).toHaveLength(3);
  for (const [, step] of turnSteps("more")) step(log);
  log.close({ clean: true });
  expect(share.lines("context.jsonl").slice(0, CONTEXT.length)).toEqual(CONTEXT);
  expect(share.lines("context.jsonl")[CONTEXT.length]).toBe('{"role":"_checkpoint","id":0}');
  expect(share.lines("wire.jsonl").map((line) => JSON.parse(line).message?.type)[WIRE.length]).toBe("TurnBegin");
});

test.each([1, 60_000, 66_000, 300_000])("a torn end of %i bytes behind a long line is found", async (torn) => {
  const long = WIRE[3]?.replace('"a"', JSON.stringify("a".repeat(100_000))) ?? "";
  write([...WIRE, long, long], CONTEXT);
  fs.appendFileSync(share.paths().wire, `{${"x".repeat(torn - 1)}`);
  const size = fs.statSync(share.paths().wire).size;
  const log = share.open();
  expect(log.load().repairs).toEqual([
    `The last ${torn} bytes of wire.jsonl were not written completely and were cut off.`,
  ]);
  await log.acquire();
  expect(fs.statSync(share.paths().wire).size).toBe(size - torn);
  expect([...replaySession(share.paths())]).toHaveLength(10);
  log.close({ clean: true });
});

test("a file without any record is empty", async () => {
  write([], CONTEXT);
  fs.writeFileSync(share.paths().wire, "no record\n".repeat(20_000));
  const log = share.open();
  await log.acquire();
  expect(fs.statSync(share.paths().wire).size).toBe(0);
  log.close({ clean: true });
});

describe("calls without results", () => {
  const dangling = CONTEXT.slice(0, 6);

  test("at the end: the result is appended at the next checkpoint", async () => {
    write([], dangling);
    const log = share.open();
    const { messages, repairs } = log.load();
    expect(messages.at(-1)).toMatchObject({ role: "tool", tool_call_id: "t1" });
    expect(repairs).toEqual(["1 tool call(s) in the history had no result; their outcome is unknown."]);
    await log.acquire();
    log.context([{ role: "user", content: "next" }]);
    log.checkpoint();
    const lines = share.lines("context.jsonl");
    expect(lines.slice(0, 6)).toEqual(dangling);
    expect(lines.slice(6).map((line) => JSON.parse(line).role)).toEqual(["tool", "user"]);
    log.close({ clean: true });
    const again = share.open().load();
    expect(again.messages.slice(0, -1)).toEqual(messages);
    expect(again.repairs).toEqual([]);
  });

  test("further up: repaired in memory, the file stays", async () => {
    write([], [...dangling, '{"role":"user","content":"next"}', '{"role":"assistant","content":"b"}']);
    const before = fs.readFileSync(share.paths().context, "utf8");
    const log = share.open();
    await log.acquire();
    expect(log.load().messages.map((message) => message.role)).toEqual([
      "user",
      "assistant",
      "tool",
      "user",
      "assistant",
    ]);
    log.close({ clean: true });
    expect(fs.readFileSync(share.paths().context, "utf8")).toBe(before);
  });
});

test("a file from before the header and the folders", async () => {
  const { legacyContext, dir } = share.paths();
  fs.mkdirSync(dirname(legacyContext), { recursive: true });
  fs.writeFileSync(legacyContext, `${CONTEXT.join("\n")}\n`);
  const log = share.open();
  expect(log.load().messages).toHaveLength(3);
  expect(fs.existsSync(dir)).toBe(false);
  await log.acquire();
  log.close({ clean: true });
  expect(share.lines("context.jsonl")).toEqual(CONTEXT);
  expect(fs.existsSync(legacyContext)).toBe(false);
});

test("an old wire.jsonl without a header gets none", async () => {
  const old = [
    '{"timestamp": 1.0, "message": {"type": "ApprovalRequestResolved", "payload": {"request_id": "q", "response": "approve"}}}',
    "garbage{",
    '{"timestamp": 2.0, "message": {"type": "Unknown", "payload": {}}}',
  ];
  write(old, []);
  const log = share.open();
  await log.acquire();
  for (const [, step] of turnSteps("x")) step(log);
  log.close({ clean: true });
  expect(share.lines("wire.jsonl").slice(0, 3)).toEqual(old);
  expect([...replaySession(share.paths())].slice(0, 2).map((record) => record.type)).toEqual([
    "ApprovalResponse",
    "TurnBegin",
  ]);
});

test("other files of the folder survive, also when the session is empty", async () => {
  fs.mkdirSync(join(share.paths().dir, "tasks"), { recursive: true });
  fs.writeFileSync(join(share.paths().dir, "tasks", "t"), "x");
  const log = share.open();
  await log.acquire();
  log.close({ clean: true });
  expect(fs.readdirSync(share.paths().dir)).toEqual(["tasks"]);
});
