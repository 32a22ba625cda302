import { expect, it } from "vitest";
import { compileMatcher } from "./hook-matcher.js";

it.each<[string, string, boolean]>([
  ["", "anything", true],
  ["", "", true],
  ["Shell", "Shell", true],
  ["hel", "Shell", true],
  ["^hel", "Shell", false],
  ["Shell|WriteFile", "WriteFile", true],
  ["mcp_.*", "mcp_x", true],
  ["mcp_.*", "other", false],
  ["shell", "Shell", false],
  ["(?i)shell", "Shell", true],
  ["(?im)^b$", "a\nB", true],
  ["(?P<word>fix)", "please fix", true],
])("%j on %j: %j", (pattern, target, expected) => {
  expect(compileMatcher(pattern)?.(target)).toBe(expected);
});

it.each(["(", "[a", "*", "(?z)x"])("%j is no regular expression", (pattern) => {
  expect(compileMatcher(pattern)).toBeNull();
});

it("gives up a match that would never end, and counts it", () => {
  const matches = compileMatcher("^(a+)+$");
  const before = performance.now();
  expect(matches?.(`${"a".repeat(60)}!`)).toBe(true);
  expect(performance.now() - before).toBeLessThan(3_000);
});
