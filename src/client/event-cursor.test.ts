import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventCursor } from "./event-cursor.js";

/** A cursor, what it delivered, and how often it asked. */
function setUp(since: number | null = null) {
  const seen: (number | string)[] = [];
  const asked: number[] = [];
  const cursor = new EventCursor(since, () => {
    asked.push(cursor.replayBegins());
  });
  return {
    cursor,
    seen,
    asked,
    offer: (seq: number, prev: number, epoch = 1) => cursor.offer({ seq, prev, epoch }, () => void seen.push(seq)),
  };
}

describe("without a gap", () => {
  test("each seq passes once; numbers may be missing where prev says so", () => {
    const { cursor, seen, asked, offer } = setUp();
    offer(3, 0);
    offer(7, 3);
    offer(7, 3);
    offer(3, 0);
    offer(8, 7);
    expect({ seen, asked, last: cursor.last }).toEqual({ seen: [3, 7, 8], asked: [], last: 8 });
  });

  test("the host's own cursor holds", () => {
    const { cursor, seen, offer } = setUp(5);
    cursor.replayBegins();
    offer(4, 0);
    offer(5, 4);
    cursor.replayEnds("answered");
    offer(6, 5);
    offer(5, 4);
    expect(seen).toEqual([6]);
  });

  test("one of another session is dropped by the first event that a kernel sends of its own", () => {
    const { cursor, seen, offer } = setUp(5_000);
    cursor.replayBegins();
    offer(3, 0);
    cursor.replayEnds("answered");
    offer(7, 0);
    offer(8, 7);
    offer(7, 0);
    expect({ seen, last: cursor.last }).toEqual({ seen: [7, 8], last: 8 });
  });

  test("what is not recorded passes every time", () => {
    const { cursor, seen, offer } = setUp(5);
    cursor.offer(null, () => void seen.push("plain"));
    offer(0, 0);
    offer(0, 0);
    expect(seen).toEqual(["plain", 0, 0]);
    expect(cursor.last).toBe(5);
  });

  test("a voice of an older epoch is dropped, unless a replay repeats it", () => {
    const { cursor, seen, offer } = setUp();
    offer(1, 0, 4);
    offer(2, 1, 3);
    expect(seen).toEqual([1]);
    cursor.replayBegins();
    offer(2, 1, 3);
    cursor.replayEnds("answered");
    offer(3, 2, 4);
    expect(seen).toEqual([1, 2, 3]);
  });

  test("a client that knows nothing begins wherever it is", () => {
    const { seen, asked, offer } = setUp();
    offer(40, 39);
    expect({ seen, asked }).toEqual({ seen: [40], asked: [] });
  });
});

describe("a gap", () => {
  test("asks once and holds what is newer until the missing has come", () => {
    const { cursor, seen, asked, offer } = setUp(1);
    offer(3, 2);
    offer(4, 3);
    expect({ seen, asked }).toEqual({ seen: [], asked: [1] });
    offer(2, 1);
    offer(3, 2);
    expect(seen).toEqual([2, 3, 4]);
    cursor.replayEnds("answered");
    offer(5, 4);
    expect({ seen, asked }).toEqual({ seen: [2, 3, 4, 5], asked: [1] });
  });

  test("that nobody can fill is left when the replay was answered", () => {
    const { cursor, seen, offer } = setUp(1);
    offer(6, 5);
    offer(4, 3);
    cursor.replayEnds("answered");
    expect(seen).toEqual([4, 6]);
  });

  test("behind the one that was filled is asked for, as long as that leads further", () => {
    const { cursor, seen, asked, offer } = setUp(1);
    offer(3, 2);
    offer(5, 4);
    offer(2, 1);
    cursor.replayEnds("answered");
    expect({ seen, asked }).toEqual({ seen: [2, 3], asked: [1, 3] });
    // 4 is nowhere: asking once more would lead nowhere either.
    cursor.replayEnds("answered");
    expect({ seen, asked, hasGap: cursor.hasGap }).toEqual({ seen: [2, 3, 5], asked: [1, 3], hasGap: false });
  });

  test("that cannot be filled now is held, and nobody is asked until someone asks", () => {
    const { cursor, seen, asked, offer } = setUp(1);
    offer(3, 2);
    cursor.replayEnds("busy");
    offer(4, 3);
    expect({ seen, asked, hasGap: cursor.hasGap }).toEqual({ seen: [], asked: [1], hasGap: true });
    cursor.replayBegins();
    offer(2, 1);
    cursor.replayEnds("answered");
    expect(seen).toEqual([2, 3, 4]);
    offer(6, 5);
    expect(asked).toEqual([1, 4]);
  });

  test("is forgotten with the kernel", () => {
    const { cursor, seen, offer } = setUp(1);
    offer(3, 2);
    cursor.replayEnds("lost");
    expect({ seen, hasGap: cursor.hasGap }).toEqual({ seen: [], hasGap: true });
    offer(2, 1);
    expect(seen).toEqual([2]);
    cursor.replayBegins();
    cursor.replayEnds("answered");
    expect(cursor.hasGap).toBe(false);
  });
});

test("property: whatever is repeated or comes early, every event passes once and in order", () => {
  const runs = fc.property(
    fc.integer({ min: 1, max: 30 }),
    fc.array(fc.nat({ max: 29 }), { maxLength: 120 }),
    (count, arrivals) => {
      const { cursor, seen, offer } = setUp(0);
      cursor.replayBegins();
      for (const at of [...arrivals.map((n) => n % count), ...Array(count).keys()]) offer((at + 1) * 2, at * 2);
      expect(seen).toEqual(Array.from({ length: count }, (_none, n) => (n + 1) * 2));
    },
  );
  fc.assert(runs, { seed: 7, numRuns: 300 });
});
