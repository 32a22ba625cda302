import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SessionLog } from "./session-log.js";
import { delivered, text, turnEnd, turnSteps } from "./testing/scripted-turn.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";

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

async function acquired(keepOpenTurn: boolean): Promise<SessionLog> {
  const log = share.open();
  open.push(log);
  await log.acquire(undefined, { keepOpenTurn });
  return log;
}

/** A session whose kernel was killed behind this record. */
async function killedAfter(last: string, tag = "go"): Promise<void> {
  const log = await acquired(false);
  log.context([{ role: "_system_prompt", content: "system" }]);
  for (const [name, step] of turnSteps(tag)) {
    step(log);
    if (name === last) break;
  }
  abandon();
}

function abandon(): void {
  open = [];
  fs.rmSync(share.paths().lock);
}

const types = () => share.lines("wire.jsonl").map((line) => JSON.parse(line).message?.type ?? "metadata");
const context = () => share.lines("context.jsonl").map((line) => JSON.parse(line));
const journal = () => fs.readFileSync(share.paths().journal, "utf8");
const notThere = (code: string) => expect.objectContaining({ code });

describe("kept", () => {
  test("what its owner found is not read again before it writes, and is what it would read", async () => {
    await killedAfter("intent");
    const log = await acquired(true);
    const found = { session: log.load(), turn: log.openTurn() };
    const { context: path, journal: journalPath } = share.paths();
    for (const file of [path, journalPath]) fs.renameSync(file, `${file}.away`);
    expect({ session: log.load(), turn: log.openTurn() }).toEqual(found);
    for (const file of [path, journalPath]) fs.renameSync(`${file}.away`, file);
    log.note({ kind: "notice", code: "continued", data: {} });
    expect({ session: log.load(), turn: log.openTurn() }).toEqual(found);
  });

  test("nothing is closed, nothing is added, and the reader sees the same", async () => {
    await killedAfter("intent");
    const before = share.open().openTurn();
    const log = await acquired(true);
    expect(log.openTurn()).toEqual(before);
    expect(log.load().messages.map(({ role }) => role)).toEqual(["user"]);
    expect(log.load().repairs).toEqual([]);
    expect(types()).not.toContain("TurnEnd");
    expect(context().map(({ role }) => role)).toEqual(["_system_prompt", "_checkpoint", "user"]);
    log.close({ clean: true });
    expect(share.open().openTurn()).toEqual(before);
  });

  test("without the wish it is closed, and nobody has to deliver that", async () => {
    await killedAfter("intent");
    const log = await acquired(false);
    expect(log.openTurn()).toBeNull();
    expect(log.settleOpenTurn()).toBeNull();
    expect(log.lastTurn()?.outcome?.error).toMatchObject({ kind: "kernel", code: "turn_interrupted" });
  });

  test("taken up, it ends like any other turn", async () => {
    await killedAfter("stream");
    const log = await acquired(true);
    expect(log.continueTurn().turnId).toBe("go");
    expect(log.openTurn()).toBeNull();
    expect(() => log.continueTurn()).toThrow(notThere("no_turn"));
    log.append([text(" c")]);
    log.context([{ role: "assistant", content: "go a b c" }]);
    log.append([turnEnd("go")]);
    log.checkpoint();
    expect(types().filter((type) => type === "TurnEnd")).toHaveLength(1);
    expect(log.lastTurn()).toEqual({
      turnId: "go",
      clientId: null,
      outcome: { result: { status: "finished" }, error: null },
    });
    log.close({ clean: true });
    expect((await acquired(false)).load()).toMatchObject({ repairs: [] });
  });

  test.each(["turn", "begin", "stream", "stream end", "request", "intent", "result", "context", "step 2"])(
    "after %s: settled later it is what acquire makes of it",
    async (last) => {
      const other = tempShare();
      const files = (from: TempShare) =>
        ["context.jsonl", "wire.jsonl"].map((file) =>
          from.lines(file).map((line) => line.replace(/"timestamp":[\d.]+/, "")),
        );
      await killedAfter(last);
      fs.cpSync(share.shareDir, other.shareDir, { recursive: true });
      const closed = other.open();
      await closed.acquire();
      closed.close({ clean: true });
      const log = await acquired(true);
      const seq = log.lastSeq;
      const settled = log.settleOpenTurn();
      expect(settled?.records.at(-1)?.kind).toBe("turn_end");
      expect(settled?.firstSeq).toBeGreaterThan(seq);
      expect((settled?.firstSeq ?? 0) + (settled?.records.length ?? 0)).toBe(log.lastSeq);
      expect(log.settleOpenTurn()).toBeNull();
      expect(log.openTurn()).toBeNull();
      expect(log.load().repairs).toContain("The last turn was interrupted and has been closed.");
      // A text that was cut by the change of kernels is two lines, whoever ends the turn.
      expect(files(share)).toEqual(files(other));
      other.remove();
    },
  );

  test("a turn that begins settles it before", async () => {
    await killedAfter("stream");
    const log = await acquired(true);
    log.beginTurn({ kind: "turn", turn_id: "next", client_id: null, user_input: "x" });
    expect(types().at(-1)).toBe("TurnEnd");
    expect(log.lastTurn()).toMatchObject({ turnId: "next", outcome: null });
    expect(journal()).not.toContain('"turn_id":"go"');
  });

  test("a cancel that was recorded makes the end a cancelled one", async () => {
    await killedAfter("stream");
    const first = await acquired(true);
    first.note({ kind: "cancel", client_id: "c9" });
    expect(first.openTurn()?.cancelled).toBe(true);
    first.settleOpenTurn();
    expect(first.lastTurn()?.outcome).toEqual({ result: { status: "cancelled" }, error: null });
  });

  test("a torn tail is no hindrance", async () => {
    await killedAfter("intent");
    fs.appendFileSync(share.paths().journal, '{"seq":99,"crc":"0000');
    const log = await acquired(true);
    expect(log.continueTurn().step?.calls.get("go-t1")?.intent).not.toBeNull();
  });

  test("a journal with a damaged line is settled at once, and its end can be delivered", async () => {
    await killedAfter("intent");
    const lines = journal().split("\n");
    lines[6] = (lines[6] ?? "").replace('"kind"', '"kinb"');
    fs.writeFileSync(share.paths().journal, lines.join("\n"));
    const log = await acquired(true);
    expect(log.openTurn()).toBeNull();
    expect(() => log.continueTurn()).toThrow(notThere("no_turn"));
    expect(log.settleOpenTurn()?.records.map(({ type }) => type)).toEqual(["ToolResult", "TurnEnd"]);
    expect(log.settleOpenTurn()).toBeNull();
  });

  test("a conversation that was changed by someone else is settled at once", async () => {
    await killedAfter("intent");
    (await acquired(true)).close({ clean: true });
    fs.appendFileSync(share.paths().context, '{"role":"user","content":"from elsewhere"}\n');
    expect((await acquired(true)).openTurn()).toBeNull();
  });
});

describe("what was delivered", () => {
  test("of both kernels, with epochs, each with the one before it", async () => {
    await killedAfter("stream");
    const log = await acquired(true);
    log.continueTurn();
    log.append([text(" c")]);
    const all = [...log.delivered(0)];
    expect(all.map(({ record }) => record.type)).toEqual([
      ...["TurnBegin", "StepBegin", "ContentPart", "ContentPart", "ToolCall", "ContentPart"],
    ]);
    expect(all.map(({ prev }) => prev)).toEqual([0, ...all.map(({ seq }) => seq)].slice(0, -1));
    expect(all.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1, 1, log.epoch]);
    expect(log.epoch).toBeGreaterThan(1);
    expect(all.at(-1)?.record).toMatchObject({ kind: "event", json: '{"type":"text","text":" c"}' });
    expect([...log.delivered(all[3]?.seq ?? 0)]).toEqual(all.slice(4));
    expect([...log.delivered(log.lastSeq)]).toEqual([]);
  });

  test("the next turn begins anew", async () => {
    await killedAfter("checkpoint 2");
    const log = await acquired(true);
    log.beginTurn({ kind: "turn", turn_id: "next", client_id: null, user_input: "x" });
    log.append([delivered("TurnBegin", { user_input: "x" })]);
    expect([...log.delivered(0)]).toMatchObject([{ prev: 0, record: { type: "TurnBegin" } }]);
  });
});

describe("requests by the client's id", () => {
  test("of the turn that runs, and of the last one after a restart", async () => {
    const log = await acquired(false);
    log.beginTurn({ kind: "turn", turn_id: "t", client_id: "p1", user_input: "x" });
    log.note({ kind: "steer", steer_id: "s", client_id: "s1", user_input: "y" });
    log.note({ kind: "cancel", client_id: "k1" });
    log.note({ kind: "cancel", client_id: null });
    expect(log.outcomeOf("p1")).toEqual({ kind: "prompt", turn: { turnId: "t", clientId: "p1", outcome: null } });
    expect([log.outcomeOf("s1"), log.outcomeOf("k1"), log.outcomeOf("?")]).toEqual([
      { kind: "steer" },
      { kind: "cancel" },
      null,
    ]);
    const error = { kind: "other" as const, name: "TypeError", code: "", message: "no", data: {} };
    log.append([{ ...turnEnd("t"), extra: { turn_id: "t", result: null, error } }]);
    abandon();
    const reader = share.open();
    expect(reader.outcomeOf("p1")).toMatchObject({ turn: { outcome: { result: null, error } } });
    expect(reader.outcomeOf("s1")).toEqual({ kind: "steer" });
    const next = await acquired(false);
    expect(next.outcomeOf("k1")).toEqual({ kind: "cancel" });
    next.beginTurn({ kind: "turn", turn_id: "u", client_id: null, user_input: "x" });
    expect(["p1", "s1", "k1"].map((id) => next.outcomeOf(id)?.kind)).toEqual(["prompt", "steer", "cancel"]);
  });
});

describe("parked", () => {
  test("nothing is written any more, and the next kernel finds the turn as it was", async () => {
    const log = await acquired(false);
    for (const [name, step] of turnSteps()) {
      step(log);
      if (name === "intent") break;
    }
    const before = { journal: journal(), wire: types(), context: context() };
    log.park();
    log.park();
    const writes: (() => unknown)[] = [
      () => log.append([turnEnd()]),
      () => log.note({ kind: "cancel", client_id: null }),
      () => log.context([{ role: "_checkpoint", id: 9 }]),
      () => log.checkpoint(),
      () => log.rotateContext([]),
      () => log.freeze({ system_hash: "", tools: [], tools_hash: "" }),
      () => log.beginTurn({ kind: "turn", turn_id: "n", client_id: null, user_input: "x" }),
      () => log.settleOpenTurn(),
      () => log.state.update({ custom_title: "no" }),
    ];
    for (const write of writes) expect(write).toThrow(notThere("kernel_stopped"));
    log.close({ clean: true });
    expect({ journal: journal(), wire: types(), context: context() }).toEqual(before);
    const next = await acquired(true);
    expect(next.continueTurn()).toMatchObject({ turnId: "go", step: { n: 1 } });
    expect(next.state.data.custom_title).toBeNull();
  });

  test("while it waits for the session: it is not taken", async () => {
    const log = share.open();
    const taking = log.acquire();
    log.park();
    await expect(taking).rejects.toMatchObject({ code: "kernel_stopped" });
    await expect(log.acquire()).rejects.toMatchObject({ code: "kernel_stopped" });
    await acquired(false);
  });
});
