/** Fake tools for tests of whoever calls tools: they act by a function of the test. */
import type { ToolDefinition } from "../providers/provider.js";
import {
  type ApprovalAsk,
  type EffectClass,
  type ExecuteContext,
  type PreparedCall,
  type ToolReturn,
  toolOk,
} from "../tools/tool.js";
import type { CallableTool, CallContext, Toolset } from "../tools/toolset.js";

export interface FakeToolOptions {
  /** Asks before it acts. */
  ask?: boolean;
  effect?: EffectClass;
  exclusiveKey?: (args: string | null) => string | null;
  /** Runs first in `prepare`; a ToolReturn ends the call there. */
  prepare?: (args: string | null, call: CallContext) => Promise<ToolReturn | undefined> | ToolReturn | undefined;
  run?: (args: string | null, context: ExecuteContext) => Promise<ToolReturn> | ToolReturn;
}

/** A tool that gives back "ok" unless told otherwise. */
export function fakeTool(name: string, options: FakeToolOptions = {}): CallableTool {
  return {
    name,
    exclusiveKey: options.exclusiveKey ?? (() => null),
    prepare: async (args, call): Promise<PreparedCall | ToolReturn> => {
      const ended = await options.prepare?.(args, call);
      if (ended !== undefined) return ended;
      return {
        ask: options.ask === true ? fakeAsk(name) : null,
        effect: options.effect ?? "exec",
        execute: async (context) => (await options.run?.(args, context)) ?? toolOk("ok"),
      };
    },
  };
}

/** These tools and no others. */
export function fakeToolset(...tools: CallableTool[]): Toolset {
  const definitions: ToolDefinition[] = tools.map(({ name }) => ({
    name,
    description: `fake ${name}`,
    parameters: { type: "object", properties: {} },
  }));
  return {
    definitions: async () => definitions,
    find: async (name) => tools.find((tool) => tool.name === name) ?? null,
  };
}

function fakeAsk(name: string): ApprovalAsk {
  return {
    action: `mcp:${name}`,
    description: `Call MCP tool \`${name}\`.`,
    display: [],
    subject: { kind: "mcp", server: "fake", tool: name },
  };
}
