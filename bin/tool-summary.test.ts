import { describe, expect, it } from "vitest";
import { argumentSummary, diffText, displayText, excerpt } from "./tool-summary.js";

describe("argumentSummary", () => {
  it.each([
    ['{"command":"echo hi"}', "echo hi"],
    ['{"command":"a\\n  b"}', "a ⏎ b"],
    ['{"path":"f","n":3}', 'path="f" n=3'],
    ["", ""],
    ["{}", ""],
    ['{"cut', '{"cut'],
    ["[1]", "[1]"],
  ])("%j", (json, summary) => {
    expect(argumentSummary(json)).toBe(summary);
  });

  it("cuts what is long", () => {
    expect(argumentSummary(JSON.stringify({ text: "x".repeat(500) }))).toHaveLength(201);
  });
});

it("excerpt: the first lines and how many are left", () => {
  expect(excerpt("")).toBe("");
  expect(excerpt("a\nb\n\n")).toBe("  a\n  b");
  expect(excerpt("1\n2\n3", 2)).toBe("  1\n  2\n  … 1 more line");
});

it("diffText: unchanged lines around the change, nothing counted twice", () => {
  const diff = { type: "diff", path: "/f", old_start: 3, new_start: 3, is_summary: false } as const;
  const text = diffText({ ...diff, old_text: "a\nold\na", new_text: "a\nnew\nmore\na" });
  expect(text).toBe("/f:3\n    a\n  - old\n  + new\n  + more\n    a");
  expect(diffText({ ...diff, old_text: "", new_text: "x" })).toBe("/f:3\n  + x");
  expect(diffText({ ...diff, old_text: "x\nx", new_text: "x" })).toBe("/f:3\n    x\n  - x");
  expect(diffText({ ...diff, is_summary: true, old_text: "5 lines", new_text: "7 lines" })).toBe(
    "/f: 5 lines -> 7 lines",
  );
});

it("displayText: a task list, and nothing for what nobody knows", () => {
  const items = (["done", "in_progress", "pending"] as const).map((status) => ({ title: status, status }));
  expect(displayText({ type: "todo", items })).toBe("[x] done\n[>] in_progress\n[ ] pending");
  expect(displayText({ type: "todo", data: { items } })).toBe("");
  expect(displayText({ type: "brief", text: "short" })).toBe("");
});
