import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchParent } from "./parent-watch.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(startedBy: number, parent = startedBy) {
  const state = { ppid: parent };
  const gone: number[] = [];
  watchParent({ ppid: () => state.ppid, startedBy, parent, onGone: () => void gone.push(state.ppid) });
  return { state, gone };
}

test("a parent that is gone is noticed within two seconds, once", () => {
  const { state, gone } = setUp(4711);
  vi.advanceTimersByTime(60_000);
  expect(gone).toEqual([]);
  state.ppid = 1;
  vi.advanceTimersByTime(2_000);
  expect(gone).toEqual([1]);
  vi.advanceTimersByTime(60_000);
  expect(gone).toEqual([1]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a process that takes over orphans is a new parent too", () => {
  const { state, gone } = setUp(4711);
  state.ppid = 900;
  vi.advanceTimersByTime(2_000);
  expect(gone).toEqual([900]);
});

test.each([
  ["the system's first process", 1, 1],
  ["outside of the container", 0, 0],
  ["gone already", 4711, 1],
  ["gone already, to another one", 4711, 900],
])("a parent that is %s is not watched", (_what, startedBy, now) => {
  const { state, gone } = setUp(startedBy, now);
  expect(vi.getTimerCount()).toBe(0);
  state.ppid = 7;
  vi.advanceTimersByTime(60_000);
  expect(gone).toEqual([]);
});
