import { describe, expect, test } from "vitest";
import { EXTENSIONS } from "../../wire/generated/extensions.gen.js";
import { HOOK_EVENTS } from "../../wire/generated/tables.gen.js";
import type { InitializeParams } from "../../wire/generated/types.gen.js";
import { HookList } from "../hooks/hook-list.js";
import type { ClientCapabilities, ClientName, KernelRuntime } from "../kernel.js";
import { silentLogger } from "../logger.js";
import type { Skill, SkillSet } from "../skills/skill.js";
import { ExternalTools } from "../tools/external-tool.js";
import { BUILTIN_TOOL_NAMES } from "../tools/registry.js";
import { toolOk } from "../tools/tool.js";
import { initialize } from "./initialize.js";

const base = { source: "project" as const, file: "/x/SKILL.md" };
const SKILLS: Skill[] = [
  { ...base, name: "fix", description: "Fix it", kind: "flow" },
  { ...base, name: "go", description: "Go", kind: "standard" },
];

function setUp() {
  const clients: ClientName[] = [];
  const capabilities: Partial<ClientCapabilities>[] = [];
  let loads = 0;
  const externalTools = new ExternalTools(BUILTIN_TOOL_NAMES, async () => toolOk(""));
  const deps = {
    hooks: new HookList([], silentLogger),
    version: "1.2.3",
    skills: async (): Promise<SkillSet> => ({ skills: SKILLS, faults: [] }),
    onClient: (client: ClientName) => void clients.push(client),
    extensions: EXTENSIONS,
    onCapabilities: (given: Partial<ClientCapabilities>) => void capabilities.push(given),
    runtime: async () => {
      loads += 1;
      return { externalTools } as unknown as KernelRuntime;
    },
  };
  const ask = (params: Partial<InitializeParams> = {}) => initialize({ protocol_version: "1.10", ...params }, deps);
  return { ask, clients, capabilities, loads: () => loads };
}

test("the whole result: absent means left out, never null", async () => {
  const { ask, loads } = setUp();
  expect(await ask()).toEqual({
    protocol_version: "1.10",
    server: { name: "wire-kernel", version: "1.2.3" },
    slash_commands: [
      { name: "init", description: expect.any(String), aliases: [] },
      { name: "compact", description: expect.any(String), aliases: [] },
      { name: "clear", description: expect.any(String), aliases: ["reset"] },
      { name: "yolo", description: expect.any(String), aliases: [] },
      { name: "afk", description: expect.any(String), aliases: [] },
      { name: "grants", description: expect.any(String), aliases: [] },
      { name: "plan", description: expect.any(String), aliases: [] },
      { name: "add-dir", description: expect.any(String), aliases: [] },
      { name: "export", description: expect.any(String), aliases: [] },
      { name: "import", description: expect.any(String), aliases: [] },
      { name: "skill:fix", description: "Fix it", aliases: [] },
      { name: "skill:go", description: "Go", aliases: [] },
      { name: "flow:fix", description: "Fix it", aliases: [] },
    ],
    hooks: { supported_events: [...HOOK_EVENTS], configured: {} },
    capabilities: { supports_question: true },
  });
  expect(loads()).toBe(0);
});

test("our own version, whatever the client claims", async () => {
  expect((await setUp().ask({ protocol_version: "99.0" })).protocol_version).toBe("1.10");
});

describe("external tools", () => {
  test("are in the result only when some were offered", async () => {
    const { ask, loads } = setUp();
    expect(await ask({ external_tools: [] })).not.toHaveProperty("external_tools");
    expect(loads()).toBe(0);
    const external_tools = [
      { name: "ext", description: "d", parameters: { type: "object" } },
      { name: "Shell", description: "d", parameters: {} },
      { name: "Agent", description: "d", parameters: {} },
    ];
    expect((await ask({ external_tools })).external_tools).toEqual({
      accepted: ["ext"],
      rejected: [
        { name: "Shell", reason: "conflicts with builtin tool" },
        { name: "Agent", reason: "conflicts with builtin tool" },
      ],
    });
  });
});

test.each([
  [{ name: "c", version: "1" }, [{ name: "c", version: "1" }]],
  [{ name: "c" }, [{ name: "c" }]],
  [{ name: "c", version: null }, [{ name: "c" }]],
  [null, []],
  [undefined, []],
])("the client calls itself %j", async (client, seen) => {
  const { ask, clients } = setUp();
  await ask(client === undefined ? {} : { client });
  expect(clients).toEqual(seen);
});

test.each([
  [
    { supports_question: true, supports_plan_mode: true },
    { question: true, planMode: true },
  ],
  [{ supports_plan_mode: true }, { question: false, planMode: true }],
  [{}, { question: false, planMode: false }],
  [null, {}],
  [undefined, {}],
])("capabilities %j are passed on whole, and only when they are given", async (given, seen) => {
  const { ask, capabilities } = setUp();
  await ask(given === undefined ? {} : { capabilities: given });
  expect(capabilities).toEqual([{ ...seen, extensions: new Set() }]);
});

test.each([
  [
    ["seq/1", "grants/1"],
    ["seq/1", "grants/1"],
  ],
  [
    ["grants/1", "x/9", "seq/1", "seq/1"],
    ["seq/1", "grants/1"],
  ],
  [["seq/2"], []],
])("of the extensions %j these are on: %j", async (wanted, on) => {
  const { ask, capabilities } = setUp();
  const result = await ask({ capabilities: { extensions: wanted } });
  expect(result.capabilities).toEqual({ supports_question: true, extensions: on });
  expect(capabilities.at(-1)?.extensions).toEqual(new Set(on));
});

test("who asks for no extension hears of none, and asking again without them turns them off", async () => {
  const { ask, capabilities } = setUp();
  await ask({ capabilities: { extensions: ["seq/1"] } });
  for (const params of [{}, { capabilities: null }, { capabilities: {} }, { capabilities: { extensions: [] } }]) {
    expect((await ask(params)).capabilities).toEqual({ supports_question: true });
    expect(capabilities.at(-1)?.extensions).toEqual(new Set());
  }
});
