import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolders } from "../tools/testing/call-tool.js";
import { loadAgentFile } from "./load-agent.js";

const folder = temporaryFolders();

/** Writes the files; `agent` lines are indented below `agent:`. */
async function files(contents: Record<string, string>): Promise<(name: string) => string> {
  const dir = await folder("agents");
  for (const [name, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    const yaml = `version: 1\nagent:\n${text.replace(/^/gm, "  ")}\n`;
    writeFileSync(join(dir, name), name.endsWith(".yaml") ? yaml : text);
  }
  return (name) => join(dir, name);
}

test("extend default: the kernel's own text, loadout and subagents", async () => {
  const at = await files({ "a.yaml": "extend: default\nname: a\nexclude_tools: [Shell]\nwhen_to_use: rarely" });
  expect(await loadAgentFile(at("a.yaml"))).toEqual({
    name: "a",
    description: "rarely",
    systemPrompt: null,
    systemPromptArgs: {},
    model: null,
    toolNames: null,
    excluded: new Set(["Shell"]),
    subagents: [],
  });
});

test("a file that stands alone has the tools it lists and no subagents", async () => {
  const at = await files({ "a.yaml": "name: a\nsystem_prompt_path: p.md\ntools: [Glob, Grep, Glob]", "p.md": "P" });
  expect(await loadAgentFile(at("a.yaml"))).toMatchObject({
    systemPrompt: "P",
    toolNames: ["Glob", "Grep"],
    subagents: [],
  });
});

test("subagents: their own files, in order, described by the one who has them; they have none themselves", async () => {
  const at = await files({
    "main.yaml":
      "extend: default\nsubagents:\n  worker: {path: sub/worker.yaml, description: Works}\n  reader: {path: sub/reader.yaml}",
    // It extends the file that names it: no circle, because subagents do not start subagents.
    "sub/worker.yaml": "extend: ../main.yaml\nname: worker\nsystem_prompt_path: w.md",
    "sub/w.md": "W",
    "sub/reader.yaml": "extend: default\nname: r\nwhen_to_use: To read\nallowed_tools: [ReadFile]",
  });
  const { subagents } = await loadAgentFile(at("main.yaml"));
  expect(subagents?.map(({ name, description }) => [name, description])).toEqual([
    ["worker", "Works"],
    ["reader", "To read"],
  ]);
  expect(subagents?.[0]?.agent).toMatchObject({ name: "worker", systemPrompt: "W", subagents: [] });
  expect(subagents?.[1]?.agent).toMatchObject({ toolNames: ["ReadFile"], systemPrompt: null });
});

test("a chain: arguments add up, lists are replaced, an excluded tool is not listed", async () => {
  const at = await files({
    "base.yaml":
      "name: base\nsystem_prompt_path: p.md\nsystem_prompt_args: {A: 1, B: true}\ntools: [Glob, Shell]\nmodel: m\nexclude_tools: [Glob]",
    "p.md": "text",
    "mid.yaml": "extend: base.yaml\nsystem_prompt_args: {B: x}",
    "top.yaml": "extend: mid.yaml\nname: top\nexclude_tools: [Shell]",
  });
  expect(await loadAgentFile(at("top.yaml"))).toMatchObject({
    name: "top",
    systemPromptArgs: { A: "1", B: "x" },
    toolNames: ["Glob"],
    model: "m",
  });
  expect((await loadAgentFile(at("mid.yaml"))).toolNames).toEqual(["Shell"]);
});

test("mistakes are usage errors in one sentence", async () => {
  const at = await files({ "a.yaml": "extend: b.yaml", "b.yaml": "extend: a.yaml" });
  await expect(loadAgentFile(at("a.yaml"))).rejects.toMatchObject({
    code: "usage",
    message: `Invalid agent file ${at("a.yaml")}: its extend goes in a circle: ${at("a.yaml")} -> ${at("b.yaml")} -> ${at("a.yaml")}.`,
  });
  await expect(loadAgentFile(at("none.yaml"))).rejects.toMatchObject({ code: "usage" });
  writeFileSync(at("scalar.yaml"), "just text");
  await expect(loadAgentFile(at("scalar.yaml"))).rejects.toThrow("a table with version and agent is expected");
});
