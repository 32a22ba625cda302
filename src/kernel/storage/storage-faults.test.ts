import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KernelError } from "../errors.js";
import { readJournal } from "./journal-reader.js";
import { replaySession } from "./replay.js";
import { delivered, intent, text, toolResult, turnEnd, turnSteps } from "./testing/scripted-turn.js";
import { type Fault, type Operation, shimmedOperations } from "./testing/shimmed-operations.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";

let share: TempShare;

beforeEach(() => {
  share = tempShare();
});

afterEach(() => share.remove());

describe("write, then fsync, then act or deliver", () => {
  const cases: [string, (log: ReturnType<TempShare["open"]>) => unknown][] = [
    ["answer", (log) => log.note({ kind: "answer", id: "q", type: "ApprovalRequest", answer: {}, decided: true })],
    ["intent", (log) => log.note(intent("t"))],
    ["result", (log) => log.append([toolResult("t")])],
    ["turn_end", (log) => log.append([turnEnd()])],
    ["event with sync", (log) => log.append([text("a")], { sync: true })],
  ];

  test.each(cases)("%s is on the disk when the call returns", async (_name, act) => {
    const operations: Operation[] = [];
    const log = share.open({ ops: shimmedOperations(() => null, operations) });
    await log.acquire();
    log.beginTurn({ kind: "turn", turn_id: "t", client_id: null, user_input: "x" });
    operations.length = 0;
    act(log);
    // The turn began with a new journal file: its name has to be on the disk as well, but only now.
    expect(operations.filter((item) => !["open", "close"].includes(item.name))).toEqual([
      { name: "write", file: "S1.jsonl" },
      { name: "fsyncDir", file: "journal" },
      { name: "fsync", file: "S1.jsonl" },
    ]);
    operations.length = 0;
    log.append([text("b")], { sync: true });
    expect(operations.map((item) => item.name)).toEqual(["write", "fsync"]);
    log.close({ clean: false });
  });

  test("a turn begins with a new journal, fsynced before it takes the old one's name", async () => {
    const operations: Operation[] = [];
    const log = share.open({ ops: shimmedOperations(() => null, operations) });
    await log.acquire();
    operations.length = 0;
    log.beginTurn({ kind: "turn", turn_id: "t", client_id: null, user_input: "x" });
    const order = operations.map((item) => `${item.name} ${item.file}`);
    expect(order.filter((item) => /S1\.jsonl/.test(item) && !/^(open|close)/.test(item))).toEqual([
      "write S1.jsonl.new",
      "fsync S1.jsonl.new",
      "rename S1.jsonl",
      "write S1.jsonl",
    ]);
    expect(order).not.toContain("fsyncDir journal");
    log.close({ clean: false });
  });

  test("a plain event costs one write and no fsync, however many come together", async () => {
    const operations: Operation[] = [];
    const log = share.open({ ops: shimmedOperations(() => null, operations) });
    await log.acquire();
    operations.length = 0;
    log.append([text("a"), text("b"), delivered("StepBegin", { n: 1 })]);
    expect(operations).toEqual([{ name: "write", file: "S1.jsonl" }]);
    log.close({ clean: false });
  });

  test("a checkpoint syncs the journal before the files, and their lengths come after both", async () => {
    const operations: Operation[] = [];
    const log = share.open({ ops: shimmedOperations(() => null, operations) });
    await log.acquire();
    log.append([text("a")]);
    log.context([{ role: "user", content: "x" }]);
    operations.length = 0;
    log.checkpoint();
    const order = operations.filter((item) => item.name !== "open").map((item) => `${item.name} ${item.file}`);
    expect(order.filter((item) => !item.startsWith("fsyncDir"))).toEqual([
      "fsync S1.jsonl",
      "write wire.jsonl",
      "write context.jsonl",
      "fsync wire.jsonl",
      "fsync context.jsonl",
      "write S1.jsonl",
    ]);
    log.close({ clean: false });
  });

  test("a rotation: new file written and synced, old one linked, renamed over, folder synced", async () => {
    const operations: Operation[] = [];
    const log = share.open({ ops: shimmedOperations(() => null, operations) });
    await log.acquire();
    log.context([{ role: "user", content: "x" }]);
    log.checkpoint();
    operations.length = 0;
    log.rotateContext([{ role: "user", content: "y" }]);
    const seen = operations.filter((item) => !["open", "close"].includes(item.name));
    expect(seen.slice(0, 6).map((item) => `${item.name} ${item.file}`)).toEqual([
      "write S1.jsonl",
      "fsync S1.jsonl",
      "write context.jsonl.new",
      "fsync context.jsonl.new",
      "link context_1.jsonl",
      "rename context.jsonl",
    ]);
    expect(seen[6]?.name).toBe("fsyncDir");
    log.close({ clean: false });
  });
});

/** Facts that a client or the model was told, once their step has returned. */
const FACTS: Record<string, (seen: string, tag: string) => boolean> = {
  begin: (seen, tag) => seen.includes(`{"user_input":"${tag}"}`),
  prompt: (seen, tag) => seen.includes(`user:${tag}`),
  stream: (seen, tag) => seen.includes(`${tag} a b`),
  result: (seen, tag) => seen.includes(`"tool_call_id":"${tag}-t1"`) && seen.includes("Command executed successfully."),
  "turn end": (seen, tag) => seen.includes(`assistant:${tag} done`),
};

/** Everything that a new kernel would show of the session. */
function visible(log: ReturnType<TempShare["open"]>): string {
  const wire = [...replaySession(share.paths())].map((record) => `${record.type} ${record.json}`);
  const messages = log.load().messages.map((message) => {
    return `${message.role}:${message.content.map((part) => (part.type === "text" ? part.text : "")).join("")}`;
  });
  const old = share.lines("context_1.jsonl").map((line) => JSON.parse(line));
  return [...wire, ...messages, ...old.map((line) => `${line.role}:${line.content}`)].join("\n");
}

async function runWithFault(fault: Fault, failing: (operation: Operation, number: number) => boolean) {
  const operations: Operation[] = [];
  const ops = shimmedOperations((operation, number) => (failing(operation, number) ? fault : null), operations, false);
  const acked: [string, string][] = [];
  let error: unknown = null;
  const log = share.open({ ops });
  try {
    await log.acquire();
    for (const tag of ["go", "more"]) {
      for (const [name, step] of turnSteps(tag)) {
        step(log);
        acked.push([name, tag]);
      }
    }
    log.rotateContext([{ role: "user", content: "rotated" }]);
    acked.push(["rotated", ""]);
  } catch (thrown) {
    error = thrown;
  }
  return { log, acked, error, operations };
}

const FAULTS: [string, Fault, readonly string[]][] = [
  ["ENOSPC", { errno: "ENOSPC" }, ["write", "open", "mkdir", "rename", "link"]],
  ["EIO", { errno: "EIO" }, ["write", "fsync", "fsyncDir", "rename", "link", "open", "ftruncate", "unlink", "mkdir"]],
  ["a short write", "short", ["write"]],
];

describe.each(FAULTS)("%s at the n-th operation", (_name, fault, kinds) => {
  test.each(["crash", "close"])(
    "after a %s the session opens and nothing acknowledged is lost",
    { timeout: 120_000 },
    async (end) => {
      let faults = 0;
      const clean = await runWithFault(fault, () => false);
      clean.log.close({ clean: true });
      for (const [index, planned] of clean.operations.entries()) {
        if (!kinds.includes(planned.name)) continue;
        const n = index + 1;
        share.remove();
        share = tempShare();
        const { log, acked, error, operations } = await runWithFault(fault, (_operation, number) => number === n);
        const hit = operations[index];
        const at = `n=${n} ${hit?.name} ${hit?.file}`;
        if (error !== null) {
          faults += 1;
          expect(error, at).toBeInstanceOf(KernelError);
          expect(["storage_full", "storage_failed"], at).toContain((error as KernelError).code);
        }
        if (end === "close") log.close({ clean: true });
        else fs.rmSync(join(share.shareDir, "locks"), { recursive: true, force: true });
        const next = share.open({ lockWaitMs: 0 });
        await next.acquire();
        const seen = visible(next);
        for (const [name, tag] of acked) {
          expect(FACTS[name]?.(seen, tag) ?? true, `${at}: ${name} of ${tag}\n${seen}`).toBe(true);
        }
        const begun = acked.filter(([name]) => name === "begin").length;
        expect(seen.split("TurnEnd {}").length - 1, at).toBeGreaterThanOrEqual(begun);
        next.close({ clean: true });
        log.close({ clean: false });
        const journal = readJournal(share.paths().journal);
        expect(journal.repairs, at).toEqual([]);
      }
      expect(faults).toBeGreaterThan(20);
    },
  );
});

test("a full disk stops the turn, its end is still written, and the session goes on when space returns", async () => {
  let full = false;
  let reserved = true;
  const ops = shimmedOperations((operation) => {
    if (operation.name === "unlink" && operation.file.endsWith(".reserve")) reserved = false;
    return full && reserved && operation.name === "write" ? { errno: "ENOSPC" } : null;
  });
  const log = share.open({ ops });
  await log.acquire();
  for (const [name, step] of turnSteps()) {
    step(log);
    if (name === "step 1") break;
  }
  full = true;
  expect(() => log.append([text("lost")])).toThrow(expect.objectContaining({ code: "storage_full" }));
  expect(() => log.note(intent("t"))).toThrow(expect.objectContaining({ code: "storage_full" }));
  log.append([turnEnd("go")]);
  reserved = true;
  const refused = { kind: "turn", turn_id: "2", client_id: null, user_input: "x" } as const;
  expect(() => log.beginTurn(refused)).toThrow(expect.objectContaining({ code: "storage_full" }));
  full = false;
  log.beginTurn(refused);
  log.append([text("back"), turnEnd("2")]);
  log.close({ clean: true });
  expect(share.lines("wire.jsonl").filter((line) => line.includes("TurnEnd"))).toHaveLength(2);
});

test("the file before a cut is let go of at the next fsync, and at once on a full disk", async () => {
  let full = false;
  const operations: Operation[] = [];
  const ops = shimmedOperations(({ name, file }) => {
    if (name === "close" && file === "S1.jsonl") full = false;
    return full && name === "write" && file === "S1.jsonl" ? { errno: "ENOSPC" } : null;
  }, operations);
  const log = share.open({ ops });
  await log.acquire();
  const turn = { kind: "turn", client_id: null, user_input: "x" } as const;
  const closed = () => operations.filter(({ name, file }) => name === "close" && file === "S1.jsonl").length;
  log.beginTurn({ ...turn, turn_id: "1" });
  log.append([text("a")]);
  expect(closed()).toBe(0);
  log.append([turnEnd("1")]);
  expect(closed()).toBe(1);
  log.checkpoint();
  full = true;
  log.beginTurn({ ...turn, turn_id: "2" });
  expect([closed(), full]).toEqual([2, false]);
  log.close({ clean: false });
  expect(closed()).toBe(3);
});

test("an fsync that has nothing to bring to the disk is left out, and never the first of an owner", async () => {
  const operations: Operation[] = [];
  const log = share.open({ ops: shimmedOperations(() => null, operations) });
  await log.acquire();
  log.append([text("a")]);
  const syncs = () => operations.filter(({ name, file }) => name === "fsync" && file === "S1.jsonl").length;
  operations.length = 0;
  log.append([toolResult("t")]);
  log.checkpoint();
  expect(syncs()).toBe(1);
  log.append([text("b")]);
  log.checkpoint();
  expect(syncs()).toBe(2);
  log.close({ clean: false });
  operations.length = 0;
  const next = share.open({ ops: shimmedOperations(() => null, operations) });
  await next.acquire();
  expect(syncs()).toBe(1);
  next.close({ clean: false });
});

test("after a failed fsync nothing is written any more", async () => {
  let broken = false;
  const operations: Operation[] = [];
  const ops = shimmedOperations((operation) => {
    return broken && operation.name === "fsync" ? { errno: "EIO" } : null;
  }, operations);
  const log = share.open({ ops });
  await log.acquire();
  log.append([text("a")]);
  broken = true;
  const failed = expect.objectContaining({ code: "storage_failed" });
  expect(() => log.note(intent("t"))).toThrow(failed);
  broken = false;
  operations.length = 0;
  expect(() => log.append([text("b")])).toThrow(failed);
  expect(() => log.note(intent("t"))).toThrow(failed);
  expect(operations).toEqual([]);
  log.close({ clean: true });
});

test("half a record on a full disk is taken back before the next one follows", async () => {
  let short = false;
  const log = share.open({ ops: shimmedOperations(({ name }) => (short && name === "write" ? "short" : null)) });
  await log.acquire();
  const seq = log.append([text("a ")]);
  short = true;
  expect(() => log.append([text("lost")])).toThrow(expect.objectContaining({ code: "storage_full" }));
  expect(() => log.checkpoint()).toThrow(expect.objectContaining({ code: "storage_full" }));
  short = false;
  expect(log.append([text("b")])).toBe(seq + 1);
  log.checkpoint();
  const journal = readJournal(share.paths().journal);
  expect([journal.repairs, journal.lastSeq]).toEqual([[], log.lastSeq]);
  expect(share.lines("wire.jsonl").join()).toMatch(/"text":"a ".*"text":"b"/);
  for (const line of share.lines("wire.jsonl")) JSON.parse(line);
  log.close({ clean: false });
});

test("a turn that was never published is, before the next one cuts the journal", async () => {
  const log = share.open();
  await log.acquire();
  log.beginTurn({ kind: "turn", turn_id: "1", client_id: null, user_input: "x" });
  log.append([delivered("TurnBegin", { user_input: "x" }), text("only in the journal"), turnEnd("1")]);
  log.context([{ role: "user", content: "x" }]);
  log.beginTurn({ kind: "turn", turn_id: "2", client_id: null, user_input: "y" });
  expect(share.lines("wire.jsonl").join()).toContain("only in the journal");
  expect(share.lines("context.jsonl")).toEqual(['{"role":"user","content":"x"}']);
  log.close({ clean: false });
});

test("an end that could not be recorded is made up for when the next turn begins", async () => {
  const log = share.open();
  await log.acquire();
  log.beginTurn({ kind: "turn", turn_id: "1", client_id: null, user_input: "x" });
  log.append([delivered("TurnBegin", { user_input: "x" })]);
  log.beginTurn({ kind: "turn", turn_id: "2", client_id: null, user_input: "y" });
  expect(share.lines("wire.jsonl").at(-1)).toContain("TurnEnd");
  log.close({ clean: false });
});
