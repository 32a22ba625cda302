import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SYSTEM_TIMING } from "./timing.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test.each([Number.POSITIVE_INFINITY, 2 ** 31, 1e12])("a wait of %d ms is long, not over at once", (ms) => {
  let isOver = false;
  const callOff = SYSTEM_TIMING.after(ms, () => {
    isOver = true;
  });
  vi.advanceTimersByTime(24 * 60 * 60 * 1_000);
  expect(isOver).toBe(false);
  callOff();
  expect(vi.getTimerCount()).toBe(0);
});
