import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { SessionState, SessionStateData } from "../storage/session-state.js";
import { SessionPlanMode } from "./session-plan-mode.js";

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

const signal = new AbortController().signal;

/** A fake of the stored state: in memory, failing when told to. */
function fakeState(start: Partial<SessionStateData> = {}) {
  const data = { plan_mode: false, plan_session_id: null, plan_slug: null, ...start } as SessionStateData;
  const state = {
    data,
    broken: false,
    update(change: Partial<SessionStateData>) {
      state.data = { ...state.data, ...change };
      if (state.broken) throw new Error("fake: disk full");
    },
  };
  return state satisfies SessionState & { broken: boolean };
}

function setUp(options: Partial<SessionStateData> & { sessionId?: string; shareDir?: string } = {}) {
  const { sessionId = "s-1", shareDir = mkdtempSync(join(tmpdir(), "kernel-plan-")), ...start } = options;
  made.push(shareDir);
  const told: [string, unknown][] = [];
  const state = fakeState(start);
  const make = (startIn = { always: false, new: false }) =>
    new SessionPlanMode({
      state,
      recorder: { event: (type, payload) => void told.push([type, payload]) },
      sessionId,
      shareDir,
      supported: () => true,
      start: startIn,
    });
  return { make, plan: make(), state, told, shareDir };
}

test("on and off are stored; the folder is made, the file is not", () => {
  const { plan, state, shareDir } = setUp();
  expect(plan.active).toBe(false);
  plan.set(true);
  expect(plan.active).toBe(true);
  expect(plan.planFile).toBe(join(shareDir, "plans", "s-1.md"));
  expect(state.data).toMatchObject({ plan_mode: true, plan_slug: "s-1" });
  expect(state.data.plan_session_id).toMatch(/^[0-9a-f]{32}$/);
  expect(existsSync(join(shareDir, "plans"))).toBe(true);
  expect(existsSync(plan.planFile)).toBe(false);
  plan.set(false);
  expect(state.data.plan_mode).toBe(false);
});

test("switched off and on again it goes on with the same plan; a finished one is kept and a new one begins", () => {
  const { plan, shareDir } = setUp();
  plan.set(true);
  writeFileSync(plan.planFile, "one");
  plan.set(false);
  plan.set(true);
  expect(plan.planFile).toBe(join(shareDir, "plans", "s-1.md"));
  plan.finish();
  expect(plan.active).toBe(false);
  expect(plan.planFile).toBe(join(shareDir, "plans", "s-1.md"));
  plan.set(true);
  expect(plan.planFile).toBe(join(shareDir, "plans", "s-1-2.md"));
  expect(readFileSync(join(shareDir, "plans", "s-1.md"), "utf8")).toBe("one");
});

test("a change is told once, when it is asked to; announce tells always", () => {
  const { plan, told } = setUp();
  plan.announceChange();
  expect(told).toEqual([]);
  plan.set(true);
  plan.set(true);
  plan.announceChange();
  plan.announceChange();
  expect(told).toEqual([["StatusUpdate", expect.objectContaining({ plan_mode: true, context_tokens: null })]]);
  plan.finish();
  plan.announce();
  plan.announceChange();
  expect(told.slice(1)).toEqual([["StatusUpdate", expect.objectContaining({ plan_mode: false })]]);
});

test.each([
  [{ always: true, new: true }, true, true],
  [{ always: true, new: false }, false, true],
  [{ always: false, new: true }, true, true],
  [{ always: false, new: true }, false, false],
  [{ always: false, new: false }, true, false],
])("begins %j in a session that is new: %s", (start, isNew, active) => {
  const { make, told } = setUp();
  const plan = make(start);
  plan.begin(isNew);
  plan.announceChange();
  expect(plan.active).toBe(active);
  expect(told).toEqual([]);
});

test("the start's wish is not for a turn that an earlier kernel began", () => {
  const plan = setUp().make({ always: true, new: true });
  plan.begin(true, true);
  expect(plan.active).toBe(false);
  plan.begin(true);
  expect(plan.active).toBe(false);
});

test("a decision before the beginning is stronger", () => {
  const { make } = setUp();
  const plan = make({ always: true, new: true });
  plan.set(false);
  plan.begin(true);
  expect(plan.active).toBe(false);
});

test.each(["../../etc/passwd", "a/b", "", ".hidden", "x".repeat(101)])("a stored slug %j is no file name", (slug) => {
  const { plan, state, shareDir } = setUp({ plan_mode: true, plan_session_id: "0".repeat(32), plan_slug: slug });
  plan.begin(false);
  expect(state.data.plan_slug).toBe("s-1");
  expect(plan.planFile).toBe(join(shareDir, "plans", "s-1.md"));
});

test("a session id that is no slug gets one of its own, the same each time", () => {
  const names = ["a b", "ä", "x".repeat(150), "a b"].map((sessionId) => {
    const { plan, state } = setUp({ sessionId });
    plan.set(true);
    return state.data.plan_slug;
  });
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name).toMatch(/^plan-[0-9a-f]{32}$/);
});

test("a plan is read, deleted, and never followed through a link", async () => {
  const { plan, shareDir } = setUp();
  expect(await plan.read(signal)).toBeNull();
  plan.clear();
  plan.set(true);
  expect(await plan.read(signal)).toBeNull();
  writeFileSync(plan.planFile, "# P");
  expect(await plan.read(signal)).toBe("# P");
  plan.clear();
  plan.clear();
  expect(await plan.read(signal)).toBeNull();
  writeFileSync(join(shareDir, "secret"), "s");
  symlinkSync(join(shareDir, "secret"), plan.planFile);
  await expect(plan.read(signal)).rejects.toThrow();
  rmSync(plan.planFile);
  writeFileSync(plan.planFile, "x".repeat(256 * 1024 + 1));
  await expect(plan.read(signal)).rejects.toMatchObject({ code: "too_large" });
});

test("the real plan file follows the links of the share folder only", async () => {
  const { shareDir } = setUp();
  const link = `${shareDir}-link`;
  made.push(link);
  symlinkSync(shareDir, link);
  const { plan } = setUp({ shareDir: link });
  plan.set(true);
  expect(plan.planFile).toBe(join(link, "plans", "s-1.md"));
  expect(await plan.realPlanFile()).toBe(join(shareDir, "plans", "s-1.md"));
});

test("what cannot be stored does not hold, in either direction", () => {
  const { plan, state } = setUp();
  state.broken = true;
  expect(() => plan.set(true)).toThrow("disk full");
  expect(plan.active).toBe(false);
  state.broken = false;
  plan.set(true);
  state.broken = true;
  expect(() => plan.set(false)).toThrow("disk full");
  expect(() => plan.finish()).toThrow("disk full");
  expect(plan.active).toBe(true);
});

test("a folder that cannot be made is a storage error, and plan mode stays off", () => {
  const { shareDir } = setUp();
  mkdirSync(shareDir, { recursive: true });
  writeFileSync(join(shareDir, "plans"), "a file");
  const { plan } = setUp({ shareDir });
  expect(() => plan.set(true)).toThrow(expect.objectContaining({ code: "storage_failed" }));
  expect(plan.active).toBe(false);
});
