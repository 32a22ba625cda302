import { expect, test } from "vitest";
import { TICK_MS, Waits } from "./waits.js";

/** A promise and its end. */
function held(): { promise: Promise<string>; end: () => void; fail: (error: Error) => void } {
  let end = () => {};
  let fail: (error: Error) => void = () => {};
  const promise = new Promise<string>((resolve, reject) => {
    end = () => resolve("done");
    fail = reject;
  });
  return { promise, end, fail };
}

test("open waits are listed oldest first, each until its work has settled", async () => {
  const waits = new Waits();
  const tool = held();
  const approval = held();
  const first = waits.during("tool", tool.promise);
  const second = waits.during("approval", () => {
    expect(waits.open).toEqual(["tool", "approval"]);
    return approval.promise;
  });
  tool.end();
  expect(await first).toBe("done");
  expect(waits.open).toEqual(["approval"]);
  approval.fail(new Error("no"));
  await expect(second).rejects.toThrow("no");
  expect(waits.open).toEqual([]);
});

test("work that throws at once is waited for no longer", async () => {
  const waits = new Waits();
  const broken = () => {
    throw new Error("broken");
  };
  await expect(waits.during("hook", broken)).rejects.toThrow("broken");
  expect(waits.open).toEqual([]);
});

test("a turn is idle from the first tick since which nothing was waited for", async () => {
  const waits = new Waits();
  for (const n of [1, 2, 3]) {
    waits.tick(true);
    expect(waits.idleMs).toBe(n * TICK_MS);
  }
  const work = held();
  const waiting = waits.during("model", work.promise);
  expect(waits.idleMs).toBe(0);
  waits.tick(true);
  work.end();
  await waiting;
  // It was open within this tick's time.
  waits.tick(true);
  expect(waits.idleMs).toBe(0);
  waits.tick(true);
  expect(waits.idleMs).toBe(TICK_MS);
});

test("a wait that comes and goes between two ticks counts", async () => {
  const waits = new Waits();
  waits.tick(true);
  await waits.during("storage", Promise.resolve());
  waits.tick(true);
  expect(waits.idleMs).toBe(0);
});

test("without a turn nothing is idle", () => {
  const waits = new Waits();
  waits.tick(true);
  waits.tick(false);
  expect(waits.idleMs).toBe(0);
  waits.tick(false);
  expect(waits.idleMs).toBe(0);
});
