/** One agent file: YAML, read and checked by itself. What it extends is put together in load-agent.ts. */
import { dirname, resolve } from "node:path";
import * as z from "zod/mini";
import { FileReadError, readWhole } from "../bounded-file.js";
import { parseYaml } from "../config/yaml-text.js";
import { errorMessage, KernelError } from "../errors.js";

const MAX_BYTES = 256 * 1024;
const VERSION = "1";

const text = z.string();
const texts = z.optional(z.nullable(z.array(text)));
const word = z.optional(z.nullable(text));

const agentSchema = z.object({
  extend: word,
  name: word,
  system_prompt_path: word,
  system_prompt_args: z.optional(z.nullable(z.record(text, z.union([text, z.number(), z.boolean()])))),
  model: word,
  when_to_use: word,
  tools: texts,
  allowed_tools: texts,
  exclude_tools: texts,
  subagents: z.optional(z.nullable(z.record(text, z.object({ path: text, description: word })))),
});

const fileSchema = z.object({ version: z.optional(z.union([text, z.number()])), agent: agentSchema });

export interface AgentFile {
  /** Absolute. */
  path: string;
  agent: z.output<typeof agentSchema>;
}

/** A mistake in an agent file: exit code 2 and one sentence. */
export function agentFileError(path: string, reason: string, cause?: unknown): KernelError {
  return new KernelError("usage", `Invalid agent file ${path}: ${reason}.`, { cause });
}

/** Reads and checks one file. Throws KernelError `usage` with one sentence that names file and key. */
export async function readAgentFile(path: string): Promise<AgentFile> {
  const parsed = fileSchema.safeParse(await documentOf(path), { reportInput: true });
  if (!parsed.success) throw agentFileError(path, describe(parsed.error.issues[0]));
  const version = String(parsed.data.version ?? VERSION);
  if (version !== VERSION) throw agentFileError(path, `version ${version} is not known, only ${VERSION}`);
  return { path, agent: parsed.data.agent };
}

/** Reads a text that lies beside the agent file, its system prompt. Throws as readAgentFile. */
export function readBeside(file: string, given: string): string {
  const path = resolve(dirname(file), given);
  try {
    return readWhole(path, MAX_BYTES);
  } catch (error) {
    throw agentFileError(file, `system_prompt_path ${path} ${errorMessage(error)}`, error);
  }
}

async function documentOf(path: string): Promise<unknown> {
  try {
    return await parseYaml(readWhole(path, MAX_BYTES));
  } catch (error) {
    if (error instanceof FileReadError) throw agentFileError(path, `it ${error.message}`, error);
    throw agentFileError(path, `it is not valid YAML: ${errorMessage(error)}`, error);
  }
}

function describe(issue: z.core.$ZodIssue | undefined): string {
  const key = issue?.path.map(String).join(".") ?? "";
  if (key === "") return "a table with version and agent is expected";
  return issue?.input === undefined ? `${key} is missing` : `${key} has the wrong type`;
}
