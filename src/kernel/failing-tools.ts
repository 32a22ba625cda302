/** Tools that fail while they are prepared, while they run, and between their effect and its record. */
import type { FailPoints } from "./fail-points.js";
import type { ExecuteContext, PreparedCall, ToolReturn } from "./tools/tool.js";
import type { CallableTool, Toolset } from "./tools/toolset.js";

/** The same tools. */
export function failingToolset(tools: Toolset, points: FailPoints): Toolset {
  return {
    definitions: () => tools.definitions(),
    find: async (name) => {
      const tool = await tools.find(name);
      await points.reach("call_found");
      return tool === null ? null : failingTool(tool, points);
    },
  };
}

function failingTool(tool: CallableTool, points: FailPoints): CallableTool {
  return {
    name: tool.name,
    exclusiveKey: (args) => tool.exclusiveKey(args),
    prepare: async (args, call) => {
      const prepared = await tool.prepare(args, call);
      await points.reach("call_planned");
      if (!("execute" in prepared)) return prepared;
      return { ...prepared, execute: (run) => failingRun(prepared, run, points) };
    },
  };
}

async function failingRun(prepared: PreparedCall, run: ExecuteContext, points: FailPoints): Promise<ToolReturn> {
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const running = prepared.execute({
    ...run,
    onProcess: (process) => {
      run.onProcess?.(process);
      begin();
    },
  });
  // What starts no process has begun to act by then, or is done.
  if (prepared.effect !== "exec") begin();
  await Promise.race([begun.then(() => new Promise(setImmediate)), running.catch(() => {})]);
  try {
    await points.reach("tool_running");
  } catch (error) {
    // The call is not over while its effect goes on.
    await running.catch(() => {});
    throw error;
  }
  const value = await running;
  await points.reach("result_unrecorded");
  return value;
}
