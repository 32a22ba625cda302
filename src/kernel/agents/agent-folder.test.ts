import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeFileOperations } from "../storage/file-operations.js";
import { AgentFolder, readAgentHistory } from "./agent-folder.js";
import { type AgentMeta, isAgentId, newAgentId, readAgentMeta } from "./agent-meta.js";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "agent-folder-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function open(name = "a12345678"): AgentFolder {
  const launch_spec = {
    agent_id: name,
    subagent_type: "coder",
    model_override: null,
    effective_model: null,
    created_at: 1,
  };
  const meta: AgentMeta = {
    agent_id: name,
    subagent_type: "coder",
    status: "idle",
    description: "d",
    created_at: 1,
    updated_at: 1,
    last_task_id: null,
    launch_spec,
  };
  return new AgentFolder(nodeFileOperations, join(root, name), meta);
}

test("a conversation comes back as it was stored, with the next checkpoint", () => {
  const folder = open();
  folder.append([
    { role: "_system_prompt", content: "S" },
    { role: "_checkpoint", id: 0 },
  ]);
  folder.append([
    { role: "user", content: "hi" },
    { role: "_usage", token_count: 7 },
  ]);
  folder.close();
  expect(readAgentHistory(folder.dir)).toEqual({
    systemPrompt: "S",
    messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
    nextCheckpoint: 1,
    tokenCount: 7,
    missing: [],
  });
});

test("a line that a dead kernel left half is lost alone, and the next one is whole", () => {
  const first = open();
  first.append([{ role: "_system_prompt", content: "S" }]);
  first.close();
  appendFileSync(join(first.dir, "context.jsonl"), '{"role":"user","con');
  const again = open();
  again.append([{ role: "user", content: "next" }]);
  again.close();
  expect(readAgentHistory(again.dir)?.messages).toEqual([{ role: "user", content: [{ type: "text", text: "next" }] }]);
});

test("a call without a result gets one, so that a resumed agent can be asked", () => {
  const folder = open();
  const call = { type: "function", id: "s1", function: { name: "Shell", arguments: "{}" } };
  folder.append([
    { role: "_system_prompt", content: "S" },
    { role: "assistant", content: "", tool_calls: [call] },
  ]);
  folder.close();
  expect(readAgentHistory(folder.dir)?.messages.map(({ role }) => role)).toEqual(["assistant", "tool"]);
});

test("a rotation keeps the old file and goes on in the new one", () => {
  const folder = open();
  folder.append([
    { role: "_system_prompt", content: "S" },
    { role: "user", content: "old" },
  ]);
  folder.rotate([{ role: "_system_prompt", content: "S" }]);
  folder.append([{ role: "user", content: "new" }]);
  folder.close();
  expect(readFileSync(join(folder.dir, "context_1.jsonl"), "utf8")).toContain("old");
  expect(readAgentHistory(folder.dir)?.messages).toHaveLength(1);
});

test("without files there is neither a conversation nor a description", () => {
  const folder = open();
  folder.close();
  expect(readAgentHistory(folder.dir)).toBeNull();
  expect(readAgentMeta(folder.dir)).toBeNull();
  writeFileSync(join(folder.dir, "meta.json"), "{");
  expect(readAgentMeta(folder.dir)).toBeNull();
  folder.update({ status: "failed" });
  expect(readAgentMeta(folder.dir)).toMatchObject({ agent_id: "a12345678", status: "failed" });
  expect(existsSync(join(folder.dir, "meta.json.new"))).toBe(false);
});

test("ids are folder names and nothing else is an id", () => {
  expect(isAgentId(newAgentId())).toBe(true);
  for (const text of ["", "a1234567", "a123456789", "b12345678", "a1234567g", "../a12345678"]) {
    expect(isAgentId(text)).toBe(false);
  }
});
