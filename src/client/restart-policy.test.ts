import { describe, expect, test } from "vitest";
import type { KernelMode } from "./launcher.js";
import { type Death, decideRestart, sinceHealthy } from "./restart-policy.js";

const LADDER: readonly [KernelMode, KernelMode] = ["sidecar", "in_process"];

function death(more: Partial<Death> = {}): Death {
  return { at: 0, uptimeMs: 1_000, mode: "sidecar", cause: "signal", place: null, ...more };
}

const deaths = (count: number, more: Partial<Death> = {}) => Array.from({ length: count }, () => death(more));

/** As the ladder makes them: the first two in a sidecar. */
const onLadder = (count: number) => [...deaths(2), ...deaths(3, { mode: "in_process" })].slice(0, count);

test.each<[number, KernelMode, number]>([
  [1, "sidecar", 0],
  [2, "in_process", 0],
  [3, "in_process", 500],
  [4, "in_process", 2_000],
  [5, "in_process", 8_000],
])("death %i: %s after %i ms", (count, mode, afterMs) => {
  expect(decideRestart(onLadder(count), LADDER, 0.5)).toEqual({ mode, afterMs, quarantine: false });
});

test("a rung that is new starts at once, however many deaths there were", () => {
  const crowded = [...deaths(2, { cause: "out_of_memory" }), ...deaths(2)];
  expect(decideRestart(crowded, LADDER, 0.5)).toMatchObject({ mode: "in_process", afterMs: 0 });
});

test("one rung alone backs off from its second start on", () => {
  const waits = [1, 2, 3, 4, 5].map((n) => decideRestart(deaths(n), ["sidecar"], 0.5)?.afterMs);
  expect(waits).toEqual([0, 500, 2_000, 8_000, 8_000]);
});

test("jitter is a fifth to both sides", () => {
  const waits = [0, 0.5, 1].map((random) => decideRestart(onLadder(5), LADDER, random)?.afterMs);
  expect(waits).toEqual([6_400, 8_000, 9_600]);
});

describe("a crash loop", () => {
  test("ends with the sixth death in ten minutes", () => {
    expect(decideRestart(deaths(6), LADDER, 0.5)).toBeNull();
  });

  test("is none when the deaths lie further apart", () => {
    const spread = [0, 1, 2, 3, 4, 5].map((n) => death({ at: n * 130_000 }));
    expect(decideRestart(spread, LADDER, 0.5)).not.toBeNull();
  });

  test("is forgotten after ten healthy minutes; the ladder begins again", () => {
    const healed = [...deaths(5), death({ uptimeMs: 600_000 })];
    expect(decideRestart(healed, LADDER, 0.5)).toEqual({ mode: "sidecar", afterMs: 0, quarantine: false });
    expect(sinceHealthy(healed)).toHaveLength(1);
    expect(decideRestart([...deaths(5), death({ uptimeMs: 599_999 })], LADDER, 0.5)).toBeNull();
  });
});

test("no memory: the sidecar again with its backoff, never in the host", () => {
  const oom = { cause: "out_of_memory" as const };
  expect([1, 2, 3].map((n) => decideRestart(deaths(n, oom), LADDER, 0.5))).toEqual([
    { mode: "sidecar", afterMs: 0, quarantine: false },
    { mode: "sidecar", afterMs: 500, quarantine: false },
    { mode: "sidecar", afterMs: 2_000, quarantine: false },
  ]);
  expect(decideRestart([...deaths(2), death(oom)], LADDER, 0.5)?.mode).toBe("sidecar");
  expect(decideRestart([death(oom), death()], LADDER, 0.5)?.mode).toBe("sidecar");
  expect(decideRestart(deaths(1, oom), ["in_process"], 0.5)?.mode).toBe("in_process");
});

test("one launcher is every rung", () => {
  for (const only of LADDER) {
    expect([1, 2, 3, 4, 5].map((n) => decideRestart(deaths(n), [only], 0.5)?.mode)).toEqual(Array(5).fill(only));
  }
});

describe("quarantine", () => {
  test("comes with the second death at one place", () => {
    const there = { place: "turn/1/call" };
    expect(decideRestart([death(there)], LADDER, 0.5)?.quarantine).toBe(false);
    expect(decideRestart([death(there), death(), death(there)], LADDER, 0.5)?.quarantine).toBe(true);
  });

  test("does not come for other places, nor for deaths between turns", () => {
    expect(decideRestart([death({ place: "t/1/a" }), death({ place: "t/1/model" })], LADDER, 0.5)?.quarantine).toBe(
      false,
    );
    expect(decideRestart(deaths(2), LADDER, 0.5)?.quarantine).toBe(false);
  });
});
