import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchReader } from "./reader-watch.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A client that reads nothing of what waits for it, in mid-turn. */
function setUp({ resumes = false, env = {} }: { resumes?: boolean; env?: Record<string, string> } = {}) {
  const end = new AbortController();
  const connection = { queuedBytes: 100, takenBytes: 7, signal: end.signal };
  const state = { unsent: 50, turnRunning: true };
  const stopped: string[] = [];
  const told: unknown[] = [];
  const nothing = () => {};
  watchReader({
    connection,
    unsent: () => state.unsent,
    env,
    session: {
      get turnRunning() {
        return state.turnRunning;
      },
      cancel: () => void stopped.push("cancelled"),
    },
    resumes: () => resumes,
    park: () => void stopped.push("parked"),
    logger: { debug: nothing, info: nothing, error: nothing, warn: (fields) => void told.push(fields) },
  });
  return { connection, state, end, stopped, told };
}

test.each([
  [true, "parked"],
  [false, "cancelled"],
])("after a minute the turn is stopped (resume/1: %s), once, and the log says so", (resumes, how) => {
  const { state, stopped, told } = setUp({ resumes });
  vi.advanceTimersByTime(60_000);
  expect(stopped).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(stopped).toEqual([how]);
  expect(told).toEqual([{ code: "reader_stopped", unread: 100, limitMs: 60_000, turn: how }]);
  state.turnRunning = false;
  vi.advanceTimersByTime(300_000);
  expect(stopped).toEqual([how]);
});

test.each([
  ["a write that was taken whole", ({ connection }: ReturnType<typeof setUp>) => void connection.takenBytes++],
  ["a piece of a large write", ({ state }: ReturnType<typeof setUp>) => void state.unsent--],
])("%s once in a while is a reader", (_what, read) => {
  const here = setUp();
  for (let minutes = 0; minutes < 60; minutes++) {
    vi.advanceTimersByTime(59_000);
    read(here);
  }
  expect(here.stopped).toEqual([]);
});

test("what is written meanwhile is no sign of a reader", () => {
  const { connection, stopped } = setUp();
  for (let seconds = 0; seconds < 61; seconds++) {
    connection.queuedBytes += 1_000;
    vi.advanceTimersByTime(1_000);
  }
  expect(stopped).toEqual(["cancelled"]);
});

test("nothing waits, or no turn runs: nobody is accused, and a turn begins with all of its time", () => {
  const { connection, state, stopped } = setUp();
  connection.queuedBytes = 0;
  vi.advanceTimersByTime(300_000);
  connection.queuedBytes = 9;
  state.turnRunning = false;
  vi.advanceTimersByTime(300_000);
  state.turnRunning = true;
  vi.advanceTimersByTime(59_000);
  expect(stopped).toEqual([]);
  vi.advanceTimersByTime(2_000);
  expect(stopped).toEqual(["cancelled"]);
});

test("a clock that jumps by hours, as after a suspend, is one tick", () => {
  const { stopped } = setUp();
  vi.advanceTimersByTime(30_000);
  vi.setSystemTime(Date.now() + 8 * 3_600_000);
  vi.advanceTimersByTime(30_000);
  expect(stopped).toEqual([]);
});

test.each([
  ["6000", 6_100],
  ["nonsense", 61_000],
])("KERNEL_UNREAD_TIMEOUT_MS=%s", (text, ms) => {
  const { stopped } = setUp({ env: { KERNEL_UNREAD_TIMEOUT_MS: text } });
  vi.advanceTimersByTime(ms - 101);
  expect(stopped).toEqual([]);
  vi.advanceTimersByTime(101);
  expect(stopped).toEqual(["cancelled"]);
});

test("0 turns it off, and it ends with the connection", () => {
  setUp({ env: { KERNEL_UNREAD_TIMEOUT_MS: "0" } });
  expect(vi.getTimerCount()).toBe(0);
  const { end } = setUp();
  expect(vi.getTimerCount()).toBe(1);
  end.abort();
  expect(vi.getTimerCount()).toBe(0);
});
