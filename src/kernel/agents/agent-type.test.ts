import { expect, test } from "vitest";
import type { LoadedAgent } from "../agent-spec/loaded-agent.js";
import { fakeTool, fakeToolset } from "../testing/fake-tools.js";
import { agentToolset } from "./agent-toolset.js";
import { agentTypes } from "./agent-type.js";

const prompts = { own: (role: string) => `own:${role}`, file: (agent: LoadedAgent) => `file:${agent.name}` };

function loaded(change: Partial<LoadedAgent>): LoadedAgent {
  return {
    name: "x",
    description: "",
    systemPrompt: null,
    systemPromptArgs: {},
    model: null,
    toolNames: null,
    excluded: new Set(),
    subagents: [],
    ...change,
  };
}

const tools = (type: { tools: readonly string[] | null; excluded: ReadonlySet<string> }) => {
  const names = ["Agent", "Shell", "TaskList", "WriteFile", "ReadFile", "ExitPlanMode", "ext"];
  return agentToolset(fakeToolset(...names.map((name) => fakeTool(name))), type);
};

test("without an agent file there are coder, explore and plan; only coder writes, plan has no commands", async () => {
  const types = agentTypes(null, prompts);
  expect(types.map(({ name }) => name)).toEqual(["coder", "explore", "plan"]);
  const seen = await Promise.all(types.map(async (type) => (await tools(type).definitions()).map(({ name }) => name)));
  expect(seen).toEqual([["Shell", "WriteFile", "ReadFile", "ext"], ["Shell", "ReadFile"], ["ReadFile"]]);
  expect(agentTypes(loaded({}), prompts)).toHaveLength(3);
});

test("an agent file's subagents come behind the usual ones, with their texts, tools and model", () => {
  const subagents = [
    {
      name: "a",
      description: "A",
      agent: loaded({ systemPrompt: "t", name: "fa", toolNames: ["ReadFile"], model: "m" }),
    },
    { name: "b", description: "", agent: loaded({ systemPromptArgs: { ROLE_ADDITIONAL: "be b" } }) },
  ];
  const [, , , a, b, ...others] = agentTypes(loaded({ subagents }), prompts);
  expect(others).toEqual([]);
  expect(a).toMatchObject({ name: "a", description: "A", tools: ["ReadFile"], model: "m" });
  expect([a?.systemPrompt(), b?.systemPrompt()]).toEqual(["file:fa", "own:be b"]);
});

test("excluded tools and those of the session's own agent are unknown", async () => {
  const set = tools({ tools: null, excluded: new Set(["Shell"]) });
  for (const name of ["Shell", "Agent", "TaskList", "ExitPlanMode", "nope"]) expect(await set.find(name)).toBeNull();
  expect((await set.find("WriteFile"))?.name).toBe("WriteFile");
});
