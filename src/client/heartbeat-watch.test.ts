import { describe, expect, test } from "vitest";
import { HeartbeatWatch } from "./heartbeat-watch.js";
import { FakeTiming } from "./testing/fake-timing.js";

const BEAT = { turn: false, idleMs: 0 };

function setUp() {
  const timing = new FakeTiming();
  const kernel = { bytes: 0, pings: [] as number[], dead: [] as [string, number][] };
  const watch = new HeartbeatWatch(
    {
      receivedBytes: () => kernel.bytes,
      ping: () => void kernel.pings.push(timing.now()),
      onDead: (kind) => void kernel.dead.push([kind, timing.now()]),
    },
    timing,
  );
  return { timing, kernel, watch };
}

describe("silence", () => {
  test("makes suspect after 6 s and is death 4 s later, well within 15 s", () => {
    const { timing, kernel } = setUp();
    timing.advance(9_999);
    expect(kernel).toMatchObject({ pings: [6_000], dead: [] });
    timing.advance(1);
    timing.advance(60_000);
    expect(kernel.dead).toEqual([["hung", 10_000]]);
    expect(kernel.pings).toEqual([6_000]);
  });

  test("that a ping ends was none", () => {
    const { timing, kernel } = setUp();
    timing.advance(8_000);
    kernel.bytes += 40;
    timing.advance(5_000);
    expect(kernel.dead).toEqual([]);
    timing.advance(6_000);
    expect(kernel.pings).toHaveLength(2);
  });

  test("is none while anything at all comes in", () => {
    const { timing, kernel } = setUp();
    for (let second = 0; second < 120; second += 5) {
      kernel.bytes += 1;
      timing.advance(5_000);
    }
    expect(kernel).toMatchObject({ pings: [], dead: [] });
  });

  test("is judged only after the waiting input was read", () => {
    const { timing, kernel } = setUp();
    timing.advance(9_500);
    timing.beforeSoon = () => {
      kernel.bytes += 1;
      timing.beforeSoon = () => {};
    };
    timing.advance(2_000);
    expect(kernel.dead).toEqual([]);
  });

  test("of a host that slept or was starved says nothing of the kernel", () => {
    const { timing, kernel } = setUp();
    timing.advance(5_000);
    timing.jump(8 * 3_600_000);
    timing.advance(5_000);
    expect(kernel).toMatchObject({ pings: [], dead: [] });
    timing.advance(10_000);
    expect(kernel.dead).toHaveLength(1);
  });
});

describe("a heartbeat", () => {
  test("with a turn that waits for nothing for 5 s is a lost turn", () => {
    const { kernel, watch } = setUp();
    watch.beat({ turn: true, idleMs: 4_999 });
    watch.beat({ turn: false, idleMs: 60_000 });
    expect(kernel.dead).toEqual([]);
    watch.beat({ turn: true, idleMs: 5_000 });
    watch.beat({ turn: true, idleMs: 7_000 });
    expect(kernel.dead).toEqual([["lost_turn", 0]]);
  });

  test("after the end means nothing, and no timer is left", () => {
    const { timing, kernel, watch } = setUp();
    watch.beat(BEAT);
    watch.stop();
    watch.beat({ turn: true, idleMs: 9_000 });
    timing.advance(60_000);
    expect(kernel).toMatchObject({ pings: [], dead: [] });
    expect(timing.waiting).toBe(0);
  });
});
