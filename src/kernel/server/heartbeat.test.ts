import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Heartbeat as Beat } from "../../wire/generated/extensions.gen.js";
import { Waits } from "../waits.js";
import { Heartbeat } from "./heartbeat.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(loaded = true) {
  const beats: Beat[] = [];
  const waits = new Waits();
  const end = new AbortController();
  const state = { turn: false };
  const runtime = { waits, turnRuns: () => state.turn };
  const heart = new Heartbeat({
    send: (beat) => void beats.push(beat),
    runtime: () => (loaded ? runtime : null),
    rss: () => 7,
  });
  heart.start(end.signal);
  return { beats, waits, end, state, heart };
}

test("it beats every two seconds, also before anything is loaded", () => {
  const { beats } = setUp(false);
  vi.advanceTimersByTime(1_999);
  expect(beats).toEqual([]);
  vi.advanceTimersByTime(4_001);
  const quiet = { turn: false, waits: [], idle_ms: 0, rss: 7 };
  expect(beats).toEqual([quiet, quiet, quiet]);
});

test("it tells what the turn waits for, and how long for nothing", async () => {
  const { beats, waits, state } = setUp();
  state.turn = true;
  let finish = () => {};
  const tool = waits.during("tool", new Promise<void>((resolve) => (finish = resolve)));
  vi.advanceTimersByTime(2_000);
  expect(beats.at(-1)).toEqual({ turn: true, waits: ["tool"], idle_ms: 0, rss: 7 });
  finish();
  await tool;
  vi.advanceTimersByTime(2_000);
  // The tool was there in the first of these four ticks.
  expect(beats.at(-1)).toEqual({ turn: true, waits: [], idle_ms: 1_500, rss: 7 });
  vi.advanceTimersByTime(4_000);
  expect(beats.at(-1)?.idle_ms).toBe(5_500);
});

test("a turn that ended is not idle", () => {
  const { beats, state } = setUp();
  state.turn = true;
  vi.advanceTimersByTime(2_000);
  expect(beats.at(-1)?.idle_ms).toBe(2_000);
  state.turn = false;
  vi.advanceTimersByTime(2_000);
  expect(beats.at(-1)).toMatchObject({ turn: false, idle_ms: 0 });
});

test.each(["stop", "the end of the connection"])("nothing comes after %s, and no timer is left", (how) => {
  const { beats, end, heart } = setUp();
  if (how === "stop") heart.stop();
  else end.abort();
  vi.advanceTimersByTime(10_000);
  expect(beats).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test("it does not begin on a connection that is over", () => {
  const over = new AbortController();
  over.abort();
  new Heartbeat({ send: () => {}, runtime: () => null, rss: () => 0 }).start(over.signal);
  expect(vi.getTimerCount()).toBe(0);
});
