import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { delay, orAbort, orAbortAfter, settledWithin, withinTime } from "./abort.js";

const reason = new Error("enough");
const never = () => new Promise<never>(() => {});

describe("orAbort", () => {
  test("settles as the promise does", async () => {
    const { signal } = new AbortController();
    expect(await orAbort(Promise.resolve(1), signal)).toBe(1);
    await expect(orAbort(Promise.reject(new Error("no")), signal)).rejects.toThrow("no");
  });

  test("rejects at once when the signal aborts, or has; a late failure is nobody's", async () => {
    const controller = new AbortController();
    let fail = (_error: Error) => {};
    const late = new Promise((_, reject) => {
      fail = reject;
    });
    const waiting = orAbort(late, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(orAbort(Promise.reject(new Error("late")), controller.signal)).rejects.toBe(reason);
    fail(new Error("late"));
    await new Promise(setImmediate);
  });
});

test("orAbortAfter: an outcome within the grace is awaited and dropped", async () => {
  const controller = new AbortController();
  let release = () => {};
  const work = new Promise<void>((resolve) => {
    release = resolve;
  });
  const waiting = orAbortAfter(work, controller.signal, 60_000);
  controller.abort(reason);
  release();
  await expect(waiting).rejects.toBe(reason);
  await expect(orAbortAfter(never(), controller.signal, 1)).rejects.toBe(reason);
});

test("settledWithin ends with the promise, whichever way, or in time", async () => {
  await settledWithin(Promise.resolve(), 60_000);
  await settledWithin(Promise.reject(new Error("no")), 60_000);
  await settledWithin(never(), 1);
});

test("delay ends in time, or with the signal", async () => {
  const controller = new AbortController();
  await delay(1, controller.signal);
  const waiting = delay(60_000, controller.signal);
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(delay(60_000, controller.signal)).rejects.toBe(reason);
});

describe("withinTime", () => {
  test("is over in time, also when nobody holds it and memory is cleaned meanwhile", async () => {
    setFlagsFromString("--expose-gc");
    const clean = runInNewContext("gc") as () => void;
    const waiting = orAbort(never(), withinTime(new AbortController().signal, 50));
    const over = expect(waiting).rejects.toMatchObject({ name: "TimeoutError" });
    for (let rounds = 0; rounds < 3; rounds++) {
      await new Promise(setImmediate);
      clean();
    }
    await over;
  });

  test("aborts as the given signal does", () => {
    const controller = new AbortController();
    const limit = withinTime(controller.signal, 60_000);
    controller.abort(reason);
    expect(limit.reason).toBe(reason);
  });
});
