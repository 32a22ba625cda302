import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { contractItems, coverageFaults, coverageText, mergeRecords, type TestRecord } from "./coverage.mjs";

const spec = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../wire-spec/${name}`, import.meta.url), "utf8"));
const items = contractItems(spec);
const isTest = (id: string) => /^W-\d+$/.test(id);

function everything(id: string): TestRecord {
  const events = items.events.filter((name) => !name.startsWith("Btw"));
  return { ...items, events, blocks: items.blocks.map((type) => (type.startsWith("(") ? "chart" : type)), test: id };
}

test("the items are those of the contract", () => {
  expect(items.methods).toContain("set_plan_mode");
  expect(items.events).toHaveLength(23);
  expect(items.requests).toEqual(["ApprovalRequest", "ToolCallRequest", "QuestionRequest", "HookRequest"]);
  expect(items.blocks).toEqual(["brief", "diff", "todo", "shell", "background_task", "(any other type)"]);
});

test("three tests an item, sorted; a block of an unlisted type has its row; nothing is missing", () => {
  const text = coverageText(mergeRecords(items, ["W-004", "W-002", "W-003", "W-001", "W-002"].map(everything)));
  expect(text).toMatch(/^\| `prompt` +\| W-001, W-002, W-003 +\|$/m);
  expect(text).toMatch(/^\| `\(any other type\)` \| W-001, W-002, W-003 \|$/m);
  expect(text).toMatch(/^\| `BtwBegin` +\| never sent: /m);
  expect(coverageFaults(items, text, isTest)).toEqual([]);
});

test("an item without a test, with one that is gone, or that is not listed is a fault", () => {
  const { events, ...rest } = everything("W-001");
  const record = { ...rest, events: events.filter((name) => name !== "PlanDisplay") };
  const text = coverageText(mergeRecords(items, [record])).replace(/^\| `steer`.*\n/m, "");
  expect(coverageFaults(items, text, isTest)).toEqual([
    "Methods: steer is not listed.",
    "Events: no test carries PlanDisplay.",
  ]);
  const gone = text.replace(/^(\| `todo` +\| )W-001/m, "$1Q-001");
  expect(coverageFaults(items, gone, isTest)).toContain("Display blocks: todo names Q-001, which is no test.");
});
