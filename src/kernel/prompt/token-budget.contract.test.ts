import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { beforeAll, expect, test } from "vitest";
import { toChatTools } from "../providers/openai-convert.js";
import type { ToolDefinition } from "../providers/provider.js";
import { loadDefaultTools } from "../tools/registry.js";
import { toolDefinition } from "../tools/support/tool-schema.js";
import { NO_SERVICES } from "../tools/tool.js";
import { systemPrompt } from "./system-prompt.js";

/** What every request pays before the user has said anything, in o200k tokens. */
const TARGET_TOKENS = 1_250;
const HARD_LIMIT_TOKENS = 2_500;
const MIN_TOOLS = 8;

const facts = { workDir: "/home/someone/projects/example", os: "Linux", shell: "bash", date: "2026-01-31" };

let textTokens: number;
/** Without capabilities, as a text model sees them. */
let tools: ToolDefinition[];
/** With every tool there is in the loadout. */
let allTools: ToolDefinition[];

beforeAll(async () => {
  const loaded = await loadDefaultTools();
  tools = loaded.filter((tool) => tool.visible?.(new Set(), NO_SERVICES) ?? true).map(toolDefinition);
  allTools = loaded.map(toolDefinition);
  textTokens = tokens(systemPrompt(facts));
});

test("system text and tools of the default loadout stay within the token budget", () => {
  const each = tools.map((tool) => `${tool.name} ${tokens(requestJson([tool]))}`).join(", ");
  const listed = tokens(requestJson(tools));
  process.stdout.write(`o200k: ${textTokens} text + ${listed} tools = ${textTokens + listed} (${each})\n`);
  expect(tools.length).toBeGreaterThanOrEqual(MIN_TOOLS);
  expect(textTokens + listed).toBeLessThanOrEqual(TARGET_TOKENS);
});

test("the largest loadout stays below the hard limit", () => {
  expect(allTools.length).toBeGreaterThan(tools.length);
  expect(textTokens + tokens(requestJson(allTools))).toBeLessThanOrEqual(HARD_LIMIT_TOKENS);
});

test("the same facts and tools give the same bytes", async () => {
  const again = (await loadDefaultTools()).map(toolDefinition);
  expect(requestJson(again)).toBe(requestJson(allTools));
  expect(systemPrompt(facts)).toBe(systemPrompt({ ...facts }));
});

/** The tools as the request of the OpenAI driver holds them. */
function requestJson(definitions: readonly ToolDefinition[]): string {
  return JSON.stringify(toChatTools(definitions));
}

function tokens(text: string): number {
  return encode(text).length;
}
