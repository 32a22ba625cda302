import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ContentPart } from "../messages.js";
import type { Skill } from "../skills/skill.js";
import { temporaryFolders } from "../tools/testing/call-tool.js";
import { mentionedFiles } from "./file-mentions.js";
import { projectNotes } from "./project-notes.js";
import { promptFacts, sessionPrompt } from "./session-prompt.js";
import { skillLines, skillNote } from "./skill-note.js";

const folder = temporaryFolders();
const textOf = (part: ContentPart | null | undefined) => (part?.type === "text" ? part.text : "");

test("mentions: existing text files of the workspace, each once, whatever stands around them", async () => {
  const workDir = await folder("mentions");
  const outside = await folder("outside");
  writeFileSync(join(outside, "o.txt"), "OUT");
  for (const name of ["a.txt", "b c.txt", "v1.2"]) writeFileSync(join(workDir, name), `text of ${name}`);
  writeFileSync(join(workDir, "bin"), "a\0b");
  mkdirSync(join(workDir, "dir"));
  symlinkSync(join(outside, "o.txt"), join(workDir, "link"));
  const read = async (prompt: string, additionalDirs: string[] = []) =>
    (await mentionedFiles(prompt, { workDir, additionalDirs })).map((part) =>
      textOf(part).split("\n").slice(1).join("\n"),
    );
  expect(await read('(@a.txt), then @"b c.txt" and @v1.2. Again @a.txt and @./a.txt')).toEqual([
    ...["text of a.txt", "text of b c.txt", "text of v1.2"],
  ]);
  expect(await read(`x@a.txt @dir @bin @link @nope @ @../x @${join(outside, "o.txt")} @@a.txt`)).toEqual([]);
  expect(await read(`@${join(outside, "o.txt")}`, [outside])).toEqual(["OUT"]);
});

test("mentions are bounded: each file, all together, and in number", async () => {
  const workDir = await folder("mentions");
  for (let i = 0; i < 12; i += 1) writeFileSync(join(workDir, `big${i}`), "é".repeat(20_000));
  for (let i = 0; i < 12; i += 1) writeFileSync(join(workDir, `small${i}`), "x");
  const named = (name: string) => Array.from({ length: 12 }, (_, i) => `@${name}${i}`).join(" ");
  const big = await mentionedFiles(named("big"), { workDir, additionalDirs: [] });
  expect(big.reduce((sum, part) => sum + Buffer.byteLength(textOf(part)), 0)).toBeLessThan(52_000);
  expect(textOf(big[0])).toMatch(/é\n\[cut here; .*\]$/);
  expect((await mentionedFiles(named("small"), { workDir, additionalDirs: [] })).length).toBe(10);
});

const skill = (name: string, description: string, file: string | null = `/h/${name}/SKILL.md`): Skill => {
  return { name, description, kind: "standard", source: "user", file };
};

test("the note on skills: bounded, harmless characters only, bundled ones left out, told once", () => {
  expect(skillNote({ skills: [skill("kernel-help", "x", null)], faults: [] }, "/w", [])).toBeNull();
  const set = { skills: [skill("a", `evil\u{202e}\n${"long ".repeat(50)}`), skill("b", "B", "/w/s/b.md")], faults: [] };
  const note = skillNote(set, "/w", []);
  expect(textOf(note)).toMatch(
    /\n- a: evil\\u\{202e\}\\nlong .*… \(\/h\/a\/SKILL\.md\)\n- b: B \(s\/b\.md\)<\/system>$/,
  );
  expect(skillNote(set, "/w", [{ role: "user", content: note === null ? [] : [note] }])).toBeNull();
  const many = Array.from({ length: 200 }, (_, i) => skill(`skill-${i}`, "does something useful"));
  const lines = skillLines({ skills: many, faults: [] }, "/w");
  expect(Buffer.byteLength(lines)).toBeLessThan(1_300);
  expect(lines).toMatch(/- and \d+ more that the user can name$/);
});

test("AGENTS.md: the first file with text, cut at a line, at a letter when it is one line", async () => {
  const dir = await folder("notes");
  expect(projectNotes(dir)).toBe("");
  mkdirSync(join(dir, ".kimi"));
  writeFileSync(join(dir, ".kimi", "AGENTS.md"), "kimi");
  writeFileSync(join(dir, "AGENTS.md"), "  \n");
  expect(projectNotes(dir)).toBe("kimi");
  writeFileSync(join(dir, "AGENTS.md"), `${"line\n".repeat(240)}more`);
  expect(projectNotes(dir)).toMatch(/^(line\n)+\[AGENTS\.md goes on; .*\]$/);
  writeFileSync(join(dir, "AGENTS.md"), "€".repeat(1000));
  expect(projectNotes(dir)).toMatch(/^€+\n\[AGENTS\.md goes on/);
});

test("the system text says what the project and the agent add, and nothing when they add nothing", async () => {
  const workDir = await folder("prompt");
  const facts = { workDir, additionalDirs: [], os: "Linux", shell: "bash", date: "2026-01-31", skills: "" };
  const plain = sessionPrompt(null, promptFacts(facts));
  expect(plain).not.toMatch(/AGENTS|workspace too/);
  writeFileSync(join(workDir, "AGENTS.md"), "Be kind.");
  const full = sessionPrompt(null, promptFacts({ ...facts, additionalDirs: ["/more"] }));
  expect(full.startsWith(plain)).toBe(true);
  expect(full).toMatch(/\/more[\s\S]*Be kind\.$/);
});
