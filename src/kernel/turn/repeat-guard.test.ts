import { describe, expect, test } from "vitest";
import { callKey, RepeatGuard, repeatReminder, STOP_AT } from "./repeat-guard.js";

describe("streaks", () => {
  test("grow from step to step and end with a step without the call", () => {
    const guard = new RepeatGuard();
    expect(guard.count("a")).toBe(1);
    guard.endStep();
    expect(guard.count("a")).toBe(2);
    guard.endStep();
    expect(guard.count("b")).toBe(1);
    guard.endStep();
    expect(guard.count("a")).toBe(1);
    expect(guard.count("b")).toBe(2);
  });

  test("count the repetitions within a step too", () => {
    const guard = new RepeatGuard();
    expect([guard.count("a"), guard.count("b"), guard.count("a")]).toEqual([1, 1, 2]);
    guard.endStep();
    expect(guard.count("a")).toBe(3);
  });

  test("an empty step ends all", () => {
    const guard = new RepeatGuard();
    guard.count("a");
    guard.endStep();
    guard.endStep();
    expect(guard.count("a")).toBe(1);
  });
});

describe("reminders", () => {
  const textAt = (streak: number) => repeatReminder(streak, "Shell");

  test("none below 3, then one for every call", () => {
    expect([1, 2].map(textAt)).toEqual([null, null]);
    for (let streak = 3; streak <= 13; streak += 1) {
      expect(textAt(streak)).toMatch(/^\n\n<system-reminder>\n.+\n<\/system-reminder>$/);
    }
  });

  test("the text changes at 5 and at 8; 12 is the end", () => {
    expect(textAt(4)).toBe(textAt(3));
    expect(textAt(5)).not.toBe(textAt(4));
    expect(textAt(5)).toContain("5 times");
    expect(textAt(7)).toBe(textAt(5)?.replace("5 times", "7 times"));
    expect(textAt(8)).not.toBe(textAt(7));
    expect(textAt(12)).toBe(textAt(8));
    expect(STOP_AT).toBe(12);
  });
});

describe("the key of a call", () => {
  test.each([
    ["key order", '{"a":1,"b":{"d":2,"c":3}}', '{"b":{"c":3,"d":2},"a":1}'],
    ["white space", ' { "a" : [1, 2] } ', '{"a":[1,2]}'],
    ["escapes", '{"a":"\\u0041"}', '{"a":"A"}'],
    ["no arguments", null, "{}"],
    ["empty arguments", "", "{}"],
    ["blank arguments", " \n", "{}"],
  ])("does not see %s", (_name, left, right) => {
    expect(callKey("T", left)).toBe(callKey("T", right));
  });

  test.each([
    ["the name", ["T", "{}"], ["U", "{}"]],
    ["the order of a list", ["T", "[1,2]"], ["T", "[2,1]"]],
    ["a number and its text", ["T", '{"a":1}'], ["T", '{"a":"1"}']],
    ["text that is not JSON", ["T", "{a"], ["T", "{b"]],
    ["null and nothing", ["T", '{"a":null}'], ["T", "{}"]],
  ] as const)("tells %s apart", (_name, left, right) => {
    expect(callKey(left[0], left[1])).not.toBe(callKey(right[0], right[1]));
  });

  test("deep nesting is not a crash", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expect(callKey("T", deep)).toContain("T\n");
  });
});
