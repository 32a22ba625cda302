import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readWireRecords } from "./replay.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";

let share: TempShare;

beforeEach(() => {
  share = tempShare();
});

afterEach(() => share.remove());

function read(text: string) {
  const path = join(share.shareDir, "wire.jsonl");
  fs.writeFileSync(path, text);
  return [...readWireRecords(path)];
}

test("a missing file has no records", () => {
  expect([...readWireRecords(join(share.shareDir, "none"))]).toEqual([]);
});

test("a file of another kernel, with an old name and lines that are none", () => {
  const records = read(
    [
      '{"timestamp": 1.0, "message": {"type": "ApprovalRequestResolved", "payload": {"request_id": "q", "response": "approve"}}}',
      "garbage{",
      '{"timestamp": 2.0, "message": {"type": "Unknown", "payload": {}}}',
      "",
      '{"timestamp": 1795159119.4335024, "message": {"type": "TurnBegin", "payload": {"user_input": "x"}}}',
      '{"timestamp": 3, "message": {"type": "SubagentEvent", "payload": {"task_tool_call_id": "t", "event": {}}}}',
      '{"timestamp": 4, "message": {"type": "ToolCallRequest", "payload": {"id": "t1", "name": "ext"}}}',
      '{"timestamp": 5, "message": {"type": "QuestionRequest", "payload": {"no": "id"}}}',
      '{"timestamp": 6, "message": {"type": "TurnEnd", "payload": {}}',
    ].join("\n"),
  );
  expect(records).toEqual([
    {
      type: "ApprovalResponse",
      isRequest: false,
      id: null,
      json: '{"feedback":"","request_id":"q","response":"approve"}',
    },
    { type: "TurnBegin", isRequest: false, id: null, json: '{"user_input": "x"}' },
    { type: "SubagentEvent", isRequest: false, id: null, json: '{"parent_tool_call_id":"t","event":{}}' },
    { type: "ToolCallRequest", isRequest: true, id: "t1", json: '{"id": "t1", "name": "ext"}' },
  ]);
});

test("the payload keeps its bytes, and stays on one line", () => {
  const odd = '{"b":1.0, "a":  "\u2028", "n":12345678901234567890}';
  const [plain, extra] = read(
    `{"timestamp":1,"message":{"type":"StatusUpdate","payload":${odd}}}\r\n{"timestamp":1,"message":{"type":"TurnEnd","payload":{},"more":1}}\n`,
  );
  expect(plain?.json).toBe(odd.replace("\u2028", "\\u2028"));
  expect(extra?.json).toBe("{}");
});

test("lines longer than one read, and multibyte text across reads", () => {
  const texts = ["é".repeat(700_000), "x", "😀".repeat(600_000)];
  const records = read(
    texts
      .map((text) => `{"timestamp":1,"message":{"type":"ContentPart","payload":{"type":"text","text":"${text}"}}}\n`)
      .join(""),
  );
  expect(records.map((record) => JSON.parse(record.json).text === texts.shift())).toEqual([true, true, true]);
});

test("10 MB are read without holding them", () => {
  const line = `{"timestamp":1795165315.316,"message":{"type":"ContentPart","payload":{"type":"text","text":"${"x".repeat(200)}"}}}\n`;
  const count = Math.ceil(10_000_000 / line.length);
  const path = join(share.shareDir, "wire.jsonl");
  fs.writeFileSync(path, line.repeat(count));
  let seen = 0;
  for (const record of readWireRecords(path)) seen += record.type === "ContentPart" ? 1 : 0;
  expect(seen).toBe(count);
});
