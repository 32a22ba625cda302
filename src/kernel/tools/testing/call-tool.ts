/** Runs one tool against a real temporary workspace, as the tool runner does with every question answered yes. */
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import {
  NO_SERVICES,
  type PreparedCall,
  type TodoItem,
  type Tool,
  type ToolContext,
  type ToolReturn,
} from "../tool.js";

/** Gives a function that makes a temporary folder (its real path); all are removed after each test. */
export function temporaryFolders(): (name?: string) => Promise<string> {
  const made: string[] = [];
  afterEach(async () => {
    await Promise.all(made.splice(0).map((dir) => rm(dir, { recursive: true, force: true })));
  });
  return async (name = "tools") => {
    const dir = await realpath(await mkdtemp(join(tmpdir(), `kernel-${name}-`)));
    made.push(dir);
    return dir;
  };
}

/** A context for tools that start no process; `processes` is a fake that refuses. */
export function contextOf(workDir: string, change: Partial<ToolContext> = {}): ToolContext {
  let todos: readonly TodoItem[] = [];
  return {
    workDir,
    additionalDirs: [],
    shareDir: join(workDir, ".share"),
    env: {},
    processes: {
      spawn: () => Promise.reject(new Error("fake: no processes here")),
      close: () => Promise.resolve(),
    },
    capabilities: new Set(),
    allowedPrivateHosts: new Set(),
    todos: {
      get: () => todos,
      set: (items) => {
        todos = items;
      },
    },
    services: { ...NO_SERVICES },
    ...change,
  };
}

/** Checks the arguments as the runner does, then prepares. Throws when they do not fit the schema. */
export async function prepare(tool: Tool, args: unknown, context: ToolContext): Promise<PreparedCall | ToolReturn> {
  return tool.prepare(tool.parameters.parse(args) as never, context, new AbortController().signal);
}

/** Prepares a call that must not end before its question. */
export async function prepared(tool: Tool, args: unknown, context: ToolContext): Promise<PreparedCall> {
  const call = await prepare(tool, args, context);
  if ("isError" in call) throw new Error(`ended in prepare: ${call.message}`);
  return call;
}

/** Acts on a prepared call. */
export function execute(call: PreparedCall, signal = new AbortController().signal): Promise<ToolReturn> {
  return call.execute({ signal, toolCallId: "call", effectId: "effect" });
}

/** Prepares and acts. */
export async function call(tool: Tool, args: unknown, context: ToolContext): Promise<ToolReturn> {
  const planned = await prepare(tool, args, context);
  return "isError" in planned ? planned : execute(planned);
}
