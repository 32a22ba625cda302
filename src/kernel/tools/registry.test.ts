import { describe, expect, it } from "vitest";
import { BUILTIN_TOOL_NAMES, loadDefaultTools, loadTool } from "./registry.js";

describe("registry", () => {
  it("lists the default tools in their order, each under its own name", async () => {
    expect((await loadDefaultTools()).map((tool) => tool.name)).toEqual([
      "Agent",
      "AskUserQuestion",
      "SetTodoList",
      "Shell",
      "TaskList",
      "TaskOutput",
      "TaskStop",
      "ReadFile",
      "ReadMediaFile",
      "Glob",
      "Grep",
      "WriteFile",
      "StrReplaceFile",
      "FetchURL",
      "ExitPlanMode",
      "EnterPlanMode",
    ]);
  });

  it("loads every tool by its name, Think too, and nothing else", async () => {
    for (const tool of await loadDefaultTools()) expect(await loadTool(tool.name)).toBe(tool);
    expect((await loadTool("Think"))?.name).toBe("Think");
    for (const name of ["Nope", "shell", "", "constructor", "__proto__", "SearchWeb"])
      expect(await loadTool(name)).toBeNull();
  });

  it("reserves the names of tools that are still to come", () => {
    for (const name of ["Shell", "Think", "Agent", "AskUserQuestion", "TaskList", "SendDMail"]) {
      expect(BUILTIN_TOOL_NAMES.has(name)).toBe(true);
    }
    expect(BUILTIN_TOOL_NAMES.has("my_tool")).toBe(false);
  });

  it("lists only parameters that exist", async () => {
    for (const tool of await loadDefaultTools()) {
      const shape = (tool.parameters as unknown as { shape: Record<string, unknown> }).shape;
      for (const name of tool.listed) expect(Object.keys(shape)).toContain(name);
    }
  });
});
