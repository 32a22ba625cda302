import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type EarlierRequest, newestRequests } from "./earlier-requests.js";
import { lineJson, parseObject } from "./line-json.js";
import type { OpenSessionOptions } from "./open-session.js";
import type { SessionLog } from "./session-log.js";
import { shimmedOperations } from "./testing/shimmed-operations.js";
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

/** The session under its next owner; the one before is as if it had been killed. */
async function next(options: Partial<OpenSessionOptions> = {}): Promise<SessionLog> {
  if (open.length > 0) fs.rmSync(share.paths().lock, { force: true });
  const log = share.open(options);
  open.push(log);
  await log.acquire(undefined, { keepOpenTurn: true });
  return log;
}

const FINISHED = { result: { status: "finished" }, error: null };

function turn(log: SessionLog, id: string, clientId: string | null, outcome: object | null = FINISHED): void {
  log.beginTurn({ kind: "turn", turn_id: id, client_id: clientId, user_input: "x" });
  if (outcome === null) return;
  const extra = { turn_id: id, ...outcome };
  log.append([{ kind: "turn_end", type: "TurnEnd", payload: {}, json: "{}", extra }]);
}

const header = () => parseObject(fs.readFileSync(share.paths().journal, "utf8").split("\n")[0] ?? "");
const ended = (id: string, clientId: string, outcome: object = FINISHED) => ({
  kind: "prompt",
  turn: { turnId: id, clientId, outcome },
});

describe("across cuts of the journal", () => {
  test("results, errors, steers and cancels are told again, by the writer, a reader and the next owners", async () => {
    const log = await next();
    const error = {
      kind: "kernel",
      name: "KernelError",
      code: "llm_not_set",
      message: "LLM is not set",
      data: { a: 1 },
    };
    turn(log, "t1", "p1");
    turn(log, "t2", "p2", { result: null, error });
    log.note({ kind: "steer", steer_id: "s", client_id: "s1", user_input: "y" });
    log.note({ kind: "cancel", client_id: "k1" });
    for (const id of ["t3", "t4"]) turn(log, id, null);
    const expected = [
      ended("t1", "p1"),
      ended("t2", "p2", { result: null, error }),
      { kind: "steer" },
      { kind: "cancel" },
      null,
    ];
    const told = (one: SessionLog) => ["p1", "p2", "s1", "k1", "?"].map((id) => one.outcomeOf(id));
    expect([told(log), told(share.open()), told(await next())]).toEqual([expected, expected, expected]);
    const third = await next();
    turn(third, "t5", "p5", null);
    expect(told(third)).toEqual(expected);
    expect([third.outcomeOf("p5"), third.lastTurn()?.turnId]).toMatchObject([{ turn: { outcome: null } }, "t5"]);
  });

  test("a turn that was closed as it stood, and one whose end nobody could write, are not begun anew", async () => {
    const log = await next();
    turn(log, "t1", "p1", null);
    turn(await next(), "t2", "p2", null);
    const third = open.at(-1) as SessionLog;
    turn(third, "t3", null);
    expect(third.outcomeOf("p1")).toMatchObject({ turn: { outcome: { error: { code: "turn_interrupted" } } } });
    expect(share.open().outcomeOf("p2")).toMatchObject({
      turn: { outcome: { error: { message: "How the turn ended was not recorded." } } },
    });
  });

  test("the same id in a later turn is that turn's", async () => {
    const log = await next();
    turn(log, "t1", "p1", { result: { status: "cancelled" }, error: null });
    turn(log, "t2", null);
    turn(log, "t3", "p1");
    turn(log, "t4", null);
    expect(log.outcomeOf("p1")).toEqual(ended("t3", "p1"));
  });

  test("without an id of a client the header is what it always was", async () => {
    const log = await next();
    for (const id of ["t1", "t2"]) turn(log, id, null);
    expect(Object.keys(header() ?? {})).toEqual([
      ...["seq", "crc", "kind", "format", "session", "epoch"],
      ...["wire_length", "context_length", "context_generation", "prefix"],
    ]);
  });

  test("a kernel that dies at any operation of the cut leaves them", async () => {
    let failing = Number.POSITIVE_INFINITY;
    let count = 0;
    const ops = shimmedOperations((_operation, number) => {
      count = number;
      return number >= failing ? { errno: "EIO" } : null;
    });
    turn(await next({ ops }), "t0", "p0");
    let cut = 0;
    for (let at = 1; ; at += 1) {
      const log = open.at(-1) as SessionLog;
      turn(log, `a${at}`, `p${at}`);
      const before = count;
      failing = before + at;
      let failed = false;
      try {
        log.beginTurn({ kind: "turn", turn_id: `b${at}`, client_id: null, user_input: "x" });
      } catch {
        failed = true;
      }
      failing = Number.POSITIVE_INFINITY;
      for (let id = 0; id <= at; id += 1) expect(share.open().outcomeOf(`p${id}`)).toMatchObject({ kind: "prompt" });
      if (!failed) break;
      cut += 1;
      await next({ ops });
      count = 0;
    }
    // Nothing of it was out of reach.
    expect(cut).toBeGreaterThan(5);
  });

  test("a journal that is damaged and replaced takes none of those along that could be read", async () => {
    const log = await next();
    turn(log, "t1", "p1");
    turn(log, "t2", "p2");
    const path = share.paths().journal;
    const lines = fs.readFileSync(path, "utf8").split("\n");
    lines.splice(2, 0, "damage");
    fs.writeFileSync(path, lines.join("\n"));
    await next();
    for (const one of [share.open(), await next()]) {
      expect([one.outcomeOf("p1"), one.outcomeOf("p2")]).toEqual([ended("t1", "p1"), ended("t2", "p2")]);
    }
  });

  test("what cannot be read of a header is left out", async () => {
    const log = await next();
    turn(log, "t1", "p1");
    turn(log, "t2", null);
    const { readRequests } = await import("./earlier-requests.js");
    const stored = [null, 7, {}, { kind: "steer" }, { kind: "prompt", client_id: "a" }, { kind: "?", client_id: "a" }];
    expect(readRequests([...stored, ...((header()?.requests as unknown[]) ?? [])])).toEqual([
      { kind: "prompt", clientId: "p1", turnId: "t1", outcome: FINISHED },
    ]);
    expect(readRequests("x")).toEqual([]);
  });
});

describe("bounds", () => {
  const prompt = (n: number, message?: string): EarlierRequest => {
    const error = { kind: "other" as const, name: "Error", code: "", message: message ?? "", data: { message } };
    const outcome = message === undefined ? { result: { status: "finished" }, error: null } : { result: null, error };
    return { kind: "prompt", clientId: `p${n}`, turnId: `t${n}`, outcome };
  };
  const ids = (requests: readonly EarlierRequest[]) => requests.map(({ clientId }) => clientId);

  test("64 prompts and 64 others, the newest, in order", () => {
    const all = Array.from({ length: 200 }, (_, n): EarlierRequest[] => [
      prompt(n),
      { kind: "steer", clientId: `s${n}` },
    ]).flat();
    expect(ids(newestRequests(all))).toEqual(ids(all.slice(-128)));
    const steers = Array.from({ length: 500 }, (_, n): EarlierRequest => ({ kind: "cancel", clientId: `k${n}` }));
    expect(ids(newestRequests([prompt(1), ...steers]))).toEqual(["p1", ...ids(steers.slice(-64))]);
  });

  test("a long error keeps its first words, and 64 of them their place", () => {
    const long = `it failed: ${"😀\u0001".repeat(20_000)}`;
    const kept = newestRequests(Array.from({ length: 64 }, (_, n) => prompt(n, long)));
    expect(kept.length).toBeGreaterThan(8);
    expect(ids(kept).at(-1)).toBe("p63");
    expect(lineJson(kept).length).toBeLessThan(96 * 1024);
    const [first] = newestRequests([prompt(1, long)]);
    const message = first?.kind === "prompt" ? (first.outcome.error?.message ?? "") : "";
    expect(message).toMatch(/^it failed: 😀.* …$/su);
    expect(message).not.toMatch(/\p{Surrogate}/u);
    const short = prompt(1, "short");
    expect(newestRequests([short])).toEqual([short]);
  });
});
