import { describe, expect, test } from "vitest";
import { type Decoded, decodeRecord, deliverableBody, encodeRecord, payloadText, recordBody } from "./crc-line.js";
import type { DeliverableRecord } from "./session-log.js";

function decode(line: string): Decoded {
  return decodeRecord(Buffer.from(line.replace(/\n$/, "")), line.endsWith("\n"));
}

const record = (json: string, more: Partial<DeliverableRecord> = {}): DeliverableRecord => ({
  kind: "event",
  type: "ContentPart",
  payload: JSON.parse(json),
  json,
  ...more,
});

describe("a record", () => {
  test("is one line that begins with seq and crc", () => {
    const line = encodeRecord(7, recordBody("step", { kind: "step", n: 1, checkpoint: 2 }));
    expect(line).toMatch(/^\{"seq":7,"crc":"[0-9a-f]{8}","kind":"step","n":1,"checkpoint":2\}\n$/);
    expect(JSON.parse(line)).toMatchObject({ seq: 7, kind: "step" });
  });

  test.each([
    ['{"type":"text","text":"ünïcode 😀 \\ud83d"}', {}],
    ['{ "b": 1,  "a": 2.0 }', { id: 'odd ","payload":{ id' }],
    ["{}", { extra: { turn_id: "t", payload: { payload: 1 }, text: ',"payload":' } }],
    ['{"payload":{"payload":1}}', { id: "i", extra: {} }],
  ])("keeps the payload text byte for byte: %s", (json, more) => {
    const decoded = decode(encodeRecord(1, deliverableBody(record(json, more), 5)));
    if (decoded.status !== "ok") throw new Error(decoded.status);
    expect(payloadText(decoded.record)).toBe(json);
    expect(decoded.record.fields.payload).toEqual(JSON.parse(json));
    expect(decoded.record.fields.at).toBe(5);
  });

  test("stays on one line for readers that split at more than LF", () => {
    expect(encodeRecord(1, recordBody("notice", { data: "\u2028\u2029\u0085" }))).toContain("\\u2028\\u2029\\u0085");
  });

  test("survives lone surrogates in spliced text", () => {
    expect(decode(encodeRecord(1, `"kind":"x","v":"\ud83d"}`)).status).toBe("ok");
  });
});

describe("damage", () => {
  const line = encodeRecord(41, deliverableBody(record('{"type":"text","text":"hello"}'), 1));

  test("every single flipped bit is seen", () => {
    const bytes = Buffer.from(line.slice(0, -1));
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeRecord(damaged, true).status, `bit ${bit}`).not.toBe("ok");
    }
  });

  test.each([
    ["no LF", line.slice(0, -1), "torn"],
    ["half a line", line.slice(0, 30), "torn"],
    ["zero bytes", "\0\0\0\0\n", "torn"],
    ["an empty line", "\n", "torn"],
    ["no json", "garbage\n", "corrupt"],
    ["another seq", line.replace(":41", ":42"), "corrupt"],
  ])("%s", (_name, damaged, status) => {
    expect(decode(damaged).status).toBe(status);
  });

  test("a header of a later format is told apart, whatever its crc means", () => {
    expect(decode('{"seq":0,"crc":"00000000","kind":"header","format":2}\n')).toEqual({ status: "future", format: 2 });
    expect(decode('{"v":9,"kind":"header","format":9}\n')).toEqual({ status: "future", format: 9 });
  });
});
