/** Puts an agent together from its file, the files that one extends, and the files of its subagents. */
import { dirname, resolve } from "node:path";
import { type AgentFile, agentFileError, readAgentFile, readBeside } from "./agent-file.js";
import type { LoadedAgent, LoadedSubagent } from "./loaded-agent.js";
import { unknownVariables } from "./prompt-template.js";
import { toolNameOf } from "./tool-paths.js";

/** What a chain of files says, the nearest file winning; paths are absolute. */
interface Merged {
  path: string;
  isDefault: boolean;
  name: string | null;
  prompt: { file: string; given: string } | null;
  args: Record<string, string>;
  model: string | null;
  description: string | null;
  tools: string[] | null;
  allowed: string[] | null;
  excluded: string[];
  subagents: { file: string; name: string; path: string; description: string | null }[];
}

/**
 * Loads the agent of the file at `path`, absolute. Throws KernelError `usage` with one sentence for a file that cannot
 * be read, a circle of `extend`, a tool or variable that does not exist.
 */
export async function loadAgentFile(path: string): Promise<LoadedAgent> {
  const merged = await readChain(path, []);
  const agent = resolved(merged);
  const subagents: LoadedSubagent[] = [];
  for (const { file, name, path: given, description } of merged.subagents) {
    const own = resolved(await readChain(resolve(dirname(file), given), []));
    subagents.push({ name, description: description ?? own.description, agent: own });
  }
  return { ...agent, subagents };
}

const DEFAULT: Omit<Merged, "path"> = {
  isDefault: true,
  name: "default",
  prompt: null,
  args: {},
  model: null,
  description: null,
  tools: null,
  allowed: null,
  excluded: [],
  subagents: [],
};

async function readChain(path: string, before: readonly string[]): Promise<Merged> {
  const [first] = before;
  if (first !== undefined && before.includes(path)) {
    throw agentFileError(first, `its extend goes in a circle: ${[...before, path].join(" -> ")}`);
  }
  const { agent } = await readAgentFile(path);
  const given = agent.extend ?? null;
  const base = given === null ? null : await readBase(given, path, [...before, path]);
  return merge({ path, agent }, base);
}

async function readBase(given: string, path: string, before: readonly string[]): Promise<Merged> {
  return given === "default" ? { ...DEFAULT, path } : await readChain(resolve(dirname(path), given), before);
}

function merge({ path, agent }: AgentFile, base: Merged | null): Merged {
  const require = <T>(value: T | null | undefined, key: string): T | null => {
    if ((value ?? null) === null && base === null) throw agentFileError(path, `agent.${key} is missing`);
    return value ?? null;
  };
  const name = require(agent.name, "name");
  const prompt = require(agent.system_prompt_path, "system_prompt_path");
  const tools = require(agent.tools, "tools");
  const args = Object.entries(agent.system_prompt_args ?? {}).map(([key, value]) => [key, String(value)]);
  const named = (list: readonly string[] | null | undefined, key: string) =>
    list?.map((tool) => knownTool(tool, path, key)) ?? null;
  return {
    path,
    isDefault: prompt === null && base?.isDefault === true,
    name: name ?? base?.name ?? null,
    prompt: prompt === null ? (base?.prompt ?? null) : { file: path, given: prompt },
    args: { ...base?.args, ...Object.fromEntries(args) },
    model: agent.model ?? base?.model ?? null,
    description: agent.when_to_use ?? base?.description ?? null,
    tools: named(tools, "tools") ?? base?.tools ?? null,
    allowed: named(agent.allowed_tools, "allowed_tools") ?? base?.allowed ?? null,
    excluded: named(agent.exclude_tools, "exclude_tools") ?? base?.excluded ?? [],
    subagents: subagentsOf(path, agent) ?? base?.subagents ?? [],
  };
}

function subagentsOf(file: string, { subagents }: AgentFile["agent"]): Merged["subagents"] | null {
  if (subagents === undefined || subagents === null) return null;
  return Object.entries(subagents).map(([name, { path, description }]) => {
    return { file, name, path, description: description ?? null };
  });
}

function knownTool(given: string, path: string, key: string): string {
  const name = toolNameOf(given);
  if (name === null) throw agentFileError(path, `agent.${key} names an unknown tool: ${given}`);
  return name;
}

function resolved(merged: Merged): LoadedAgent {
  const { path, prompt, args, tools, allowed } = merged;
  const excluded = new Set(merged.excluded);
  const systemPrompt = merged.isDefault || prompt === null ? null : readBeside(prompt.file, prompt.given);
  const [unknown] = systemPrompt === null ? [] : unknownVariables(systemPrompt, args);
  if (unknown !== undefined) throw agentFileError(path, `its system prompt uses an unknown variable: ${unknown}`);
  // allowed_tools narrows a list; without one it narrows the default loadout, so the two are the same there.
  const listed = tools === null ? allowed : tools.filter((tool) => allowed === null || allowed.includes(tool));
  return {
    name: merged.name ?? "",
    description: merged.description ?? "",
    systemPrompt,
    systemPromptArgs: args,
    model: merged.model,
    toolNames: listed === null ? null : [...new Set(listed)].filter((tool) => !excluded.has(tool)),
    excluded,
    subagents: [],
  };
}
