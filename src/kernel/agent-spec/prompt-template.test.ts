import { expect, test } from "vitest";
import { fillTemplate, type PromptFacts, unknownVariables } from "./prompt-template.js";
import { toolNameOf } from "./tool-paths.js";

const facts: PromptFacts = {
  workDir: "/w",
  additionalDirs: ["/a", "/b"],
  os: "Linux",
  shell: "bash",
  date: "2026-01-31",
  projectNotes: "notes",
  skills: "- s",
  workDirListing: "src/",
};
/** Placeholders are written with angle brackets here. */
const template = (text: string) => text.replace(/<(\s*\w+\s*)>/g, (_, name: string) => `$\{${name}}`);

test("facts under our names and those of other kernels, arguments before facts, an escape", () => {
  const text = template("<WORK_DIR> <KIMI_WORK_DIR> <KERNEL_OS> <KIMI_NOW> < DATE > <MINE> <SHELL> $<MINE> $5 {x}");
  const args = { MINE: "$& me", SHELL: "fish" };
  expect(unknownVariables(text, args)).toEqual([]);
  expect(fillTemplate(text, args, facts)).toBe(
    `/w /w Linux 2026-01-31 2026-01-31 $& me fish ${template("<MINE>")} $5 {x}`,
  );
  const rest = template("<KIMI_ADDITIONAL_DIRS_INFO>|<AGENTS_MD>|<SKILLS>|<WORK_DIR_LS>|<ROLE_ADDITIONAL>|");
  expect(fillTemplate(rest, {}, facts)).toBe("/a\n/b|notes|- s|src/||");
});

test("what is filled in is not filled in again; unknown names are reported once", () => {
  expect(fillTemplate(template("<A>"), { A: template("<WORK_DIR>") }, facts)).toBe(template("<WORK_DIR>"));
  expect(unknownVariables(template("<NO> <toString> <NO> $<ESCAPED>"), {})).toEqual(["NO", "toString"]);
});

test.each([
  ["kimi_cli.tools.shell:Shell", "Shell"],
  ["kimi_cli.tools.plan.enter:EnterPlanMode", "EnterPlanMode"],
  ["kimi_cli.tools.file:StrReplaceFile", "StrReplaceFile"],
  ["Shell", "Shell"],
  ["kimi_cli.tools.shell:ReadFile", null],
  ["kimi_cli.tools.toString:Shell", null],
  ["other.tools.shell:Shell", null],
  ["kimi_cli.tools.shell:Shell:x", null],
  ["shell", null],
  ["", null],
])("the tool %j", (given, name) => {
  expect(toolNameOf(given)).toBe(name);
});
