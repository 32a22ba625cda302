import { describe, expect, it } from "vitest";
import { exceedsDepth } from "./json-depth.js";

const deep = (depth: number): Buffer => Buffer.from("[".repeat(depth) + "]".repeat(depth));

describe("exceedsDepth", () => {
  it.each([
    [1, false],
    [127, false],
    [128, false],
    [129, true],
    [5_000, true],
    [1_000_000, true],
  ])("depth %i against 128 is %s", (depth, expected) => {
    expect(exceedsDepth(deep(depth), 128)).toBe(expected);
  });

  it("counts objects and arrays alike", () => {
    expect(exceedsDepth(Buffer.from('{"a":[{"b":[]}]}'), 4)).toBe(false);
    expect(exceedsDepth(Buffer.from('{"a":[{"b":[]}]}'), 3)).toBe(true);
  });

  it("counts depth, not the number of brackets", () => {
    expect(exceedsDepth(Buffer.from(`[${"[],{},".repeat(1000)}1]`), 2)).toBe(false);
  });

  it.each([
    ["brackets in a string", `"${"[".repeat(500)}"`],
    ["an escaped quote before brackets", `"\\"${"[".repeat(500)}"`],
    ["backslashes before the closing quote", `["\\\\",1]`],
    ["a string that never ends", `"${"{".repeat(500)}`],
    ["an escaped quote at the end of the text", `"${"[".repeat(500)}\\"`],
  ])("ignores %s", (_name, json) => {
    expect(exceedsDepth(Buffer.from(json), 128)).toBe(false);
  });

  it("sees brackets after a string that ends in an escaped backslash", () => {
    expect(exceedsDepth(Buffer.from(`"\\\\"${"[".repeat(129)}`), 128)).toBe(true);
  });

  it("is not fooled by closing brackets that nothing opened", () => {
    expect(exceedsDepth(Buffer.from(`${"]".repeat(200)}${"[".repeat(129)}`), 128)).toBe(true);
  });
});
