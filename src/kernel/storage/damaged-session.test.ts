import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FileOperations, nodeFileOperations } from "./file-operations.js";
import { readJournal } from "./journal-reader.js";
import { replaySession } from "./replay.js";
import { text, turnSteps } from "./testing/scripted-turn.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";

/** Without fsync, a fake in this one respect: these tests are about content, not about power loss. */
const unsynced: FileOperations = { ...nodeFileOperations, fsync: () => {}, fsyncDir: () => {} };

/** A session of one closed turn and one that is open, with its lock gone: what a killed kernel leaves. */
async function writeSample(target: TempShare): Promise<void> {
  const log = target.open();
  await log.acquire();
  log.context([{ role: "_system_prompt", content: "system" }]);
  for (const [, step] of turnSteps("one")) step(log);
  for (const [name, step] of turnSteps("two")) {
    step(log);
    if (name === "checkpoint 1") break;
  }
  log.append([text("open ünd 😀 "), text("more")]);
  fs.rmSync(join(target.shareDir, "locks"), { recursive: true });
}

let sample: TempShare;
let share: TempShare;

beforeAll(async () => {
  sample = tempShare();
  await writeSample(sample);
});

afterAll(() => sample.remove());

beforeEach(() => {
  share = tempShare();
  fs.cpSync(sample.shareDir, share.shareDir, { recursive: true });
});

afterEach(() => share.remove());

type Damage = (bytes: Buffer) => Buffer;

async function openDamaged(file: "journal" | "wire" | "context", damage: Damage) {
  const path = file === "journal" ? share.paths().journal : share.paths()[file];
  fs.writeFileSync(path, damage(fs.readFileSync(path)));
  const log = share.open({ ops: unsynced });
  await log.acquire();
  const loaded = log.load();
  const replayed = [...replaySession(share.paths())];
  log.close({ clean: true });
  expect(readJournal(share.paths().journal).repairs).toEqual([]);
  return { loaded, replayed, log };
}

const lineStart = (bytes: Buffer, n: number) => {
  let at = 0;
  for (let i = 0; i < n; i += 1) at = bytes.indexOf(10, at) + 1;
  return at;
};

describe("a journal", () => {
  const cases: [string, Damage, RegExp | null][] = [
    ["undamaged", (bytes) => bytes, null],
    ["torn in its last record", (bytes) => bytes.subarray(0, -9), /last \d+ bytes of the journal/],
    ["torn inside a character", (bytes) => bytes.subarray(0, bytes.indexOf("😀") + 2), /last \d+ bytes/],
    ["with a tail of zeros", (bytes) => Buffer.concat([bytes, Buffer.alloc(4096)]), /last 4096 bytes/],
    [
      "with a flipped bit in the middle",
      (bytes) => {
        const copy = Buffer.from(bytes);
        const at = lineStart(copy, 3) + 60;
        copy[at] = (copy[at] ?? 0) ^ 4;
        return copy;
      },
      /Bytes \d+ to \d+ of the journal are damaged/,
    ],
    [
      "with a record twice",
      (bytes) => {
        const [from, to] = [lineStart(bytes, 3), lineStart(bytes, 4)];
        return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, to), bytes.subarray(to)]);
      },
      /comes twice/,
    ],
    [
      "with a record missing",
      (bytes) => Buffer.concat([bytes.subarray(0, lineStart(bytes, 3)), bytes.subarray(lineStart(bytes, 4))]),
      /Records \d+ to \d+ of the journal are lost/,
    ],
    ["without its header", (bytes) => bytes.subarray(lineStart(bytes, 1)), /header of the journal is missing/],
    ["with nothing but garbage", () => Buffer.from("garbage\nmore\n"), /last 13 bytes/],
    ["that is empty", () => Buffer.alloc(0), null],
  ];

  test.each(cases)("%s: opens, says so, and what was published stays", async (name, damage, sentence) => {
    const { loaded, replayed } = await openDamaged("journal", damage);
    if (sentence !== null) expect(loaded.repairs.join("\n")).toMatch(sentence);
    const types = replayed.map((record) => record.type);
    expect(types.slice(0, 9)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ToolCall", "StatusUpdate"],
      ...["ToolResult", "StepBegin", "ContentPart", "TurnEnd"],
    ]);
    // The two turns are published up to the last checkpoint: nothing of them may come twice.
    const begins = replayed.filter((record) => record.type === "TurnBegin").map((record) => record.json);
    expect(begins).toEqual(['{"user_input":"one"}', '{"user_input":"two"}']);
    expect(loaded.messages.slice(0, 4).map((message) => message.role)).toEqual([
      "user",
      "assistant",
      "tool",
      "assistant",
    ]);
    if (name === "undamaged") expect(JSON.stringify(loaded.messages.at(-1))).toContain("open ünd 😀 more");
    if (name.startsWith("with") && !name.includes("garbage")) {
      expect(JSON.stringify(loaded.messages.at(-1))).toContain("open ünd 😀 more");
    }
  });

  test("the bytes that were cut are kept", async () => {
    await openDamaged("journal", (bytes) => Buffer.concat([bytes, Buffer.from('{"seq":99,"crc"')]));
    const [kept = ""] = fs.readdirSync(share.paths().recovered);
    expect(kept).toMatch(/^S1-S1\.jsonl-\d+-1$/);
    expect(fs.readFileSync(join(share.paths().recovered, kept), "utf8")).toBe('{"seq":99,"crc"');
  });

  test("of a later format is read-only", async () => {
    const future = '{"seq":0,"crc":"00000000","kind":"header","format":2,"session":"S1"}\n{"anything":1}\n';
    fs.writeFileSync(share.paths().journal, future);
    const log = share.open();
    expect(log.load().messages.length).toBeGreaterThan(3);
    await expect(log.acquire()).rejects.toMatchObject({
      code: "storage_failed",
      message: "The session was written by a newer kernel (journal format 2); it can only be read here.",
    });
    expect(fs.readFileSync(share.paths().journal, "utf8")).toBe(future);
    expect(JSON.parse(fs.readFileSync(share.paths().lock, "utf8")).released).toBe(true);
  });
});

/** Pseudo-random numbers below `limit`, the same in every run. */
function random(seed: number): (limit: number) => number {
  let state = seed * 2654435761 + 12345;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % limit;
  };
}

function mutate(bytes: Buffer, seed: number): Buffer {
  const next = random(seed);
  const at = next(bytes.length);
  const length = 1 + next(200);
  switch (seed % 8) {
    case 0:
      return bytes.subarray(0, at);
    case 1: {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ (1 << next(8));
      return copy;
    }
    case 2: {
      const copy = Buffer.from(bytes);
      copy.fill(0, at, Math.min(copy.length, at + length));
      return copy;
    }
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(next(bytes.length)), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes, Buffer.alloc(length)]);
    case 6: {
      const [from, to] = [lineStart(bytes, next(8)), lineStart(bytes, 8 + next(4))];
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to), bytes.subarray(from, to)]);
    }
    default:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([255, 10, 0, 123]), bytes.subarray(at + 2)]);
  }
}

test("600 mutations: every one opens, is reported, and leaves a sound session", { timeout: 120_000 }, async () => {
  const files = ["journal", "wire", "context"] as const;
  let silent = 0;
  for (let seed = 0; seed < 600; seed += 1) {
    share.remove();
    share = tempShare();
    fs.cpSync(sample.shareDir, share.shareDir, { recursive: true });
    const file = files[Math.floor(seed / 8) % 3] ?? "journal";
    const path = share.paths()[file];
    const before = fs.readFileSync(path);
    const damaged = mutate(before, seed);
    const { loaded, replayed } = await openDamaged(file, () => damaged);
    const said = loaded.repairs.filter((repair) => !repair.startsWith("The last turn was interrupted"));
    const visible = !damaged.equals(before) && damaged.length > 0;
    if (visible && file === "journal") expect(said.length, `seed ${seed}`).toBeGreaterThan(0);
    if (visible && said.length === 0) silent += 1;
    for (const record of replayed) JSON.parse(record.json);
    for (const [index, message] of loaded.messages.entries()) {
      if (message.role !== "tool") continue;
      const owner = loaded.messages.slice(0, index).findLast((item) => item.role === "assistant");
      const ids = owner?.role === "assistant" ? owner.tool_calls.map((call) => call.id) : [];
      expect(ids, `seed ${seed}`).toContain(message.tool_call_id);
    }
    const again = share.open({ ops: unsynced });
    await again.acquire();
    expect(again.load().messages, `seed ${seed}`).toEqual(loaded.messages);
    again.close({ clean: true });
  }
  // Published lines carry no checksum: damage that is still JSON cannot be seen there.
  expect(silent).toBeLessThan(300);
});
