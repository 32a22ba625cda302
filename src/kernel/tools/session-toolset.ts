/** All tools of a session behind one face: the built-in loadout, the client's own tools and those of MCP servers. */
import type { ToolDefinition } from "../providers/provider.js";
import type { ExternalTools } from "./external-tool.js";
import { isPermitted, type Loadout, loadLoadout } from "./loadout.js";
import { loadTool } from "./registry.js";
import { parseArguments, toolDefinition } from "./support/tool-schema.js";
import type { PreparedCall, Tool, ToolContext, ToolReturn } from "./tool.js";
import type { CallableTool, CallContext, Toolset } from "./toolset.js";

/** More tools, whose names are neither built-in ones nor the client's. */
export interface ToolSource {
  readonly definitions: readonly ToolDefinition[];
  find(name: string): CallableTool | null;
}

/** Built-in names win over the client's. Loads each tool at its first use. */
export class SessionToolset implements Toolset {
  readonly #context: ToolContext;
  readonly #external: ExternalTools;
  readonly #loadout: Loadout | null;
  readonly #joined: ToolSource | null;
  #builtin: Promise<readonly ToolDefinition[]> | null = null;

  /** `loadout` null: the default one. `joined`: tools that are listed behind all others, those of MCP servers. */
  constructor(
    context: ToolContext,
    external: ExternalTools,
    loadout: Loadout | null = null,
    joined: ToolSource | null = null,
  ) {
    this.#context = context;
    this.#external = external;
    this.#loadout = loadout;
    this.#joined = joined;
  }

  /** The same tools in other surroundings: those of a subagent. */
  inContext(change: Partial<ToolContext>): SessionToolset {
    return new SessionToolset({ ...this.#context, ...change }, this.#external, null, this.#joined);
  }

  async definitions(): Promise<readonly ToolDefinition[]> {
    this.#builtin ??= this.#defineBuiltin();
    const others = [...this.#external.definitions, ...(this.#joined?.definitions ?? [])];
    return others.length === 0 ? this.#builtin : [...(await this.#builtin), ...others];
  }

  async find(name: string): Promise<CallableTool | null> {
    const tool = isPermitted(name, this.#loadout) ? await loadTool(name) : null;
    if (tool !== null) return new BuiltinCall(tool, this.#context);
    return this.#external.find(name) ?? this.#joined?.find(name) ?? null;
  }

  async #defineBuiltin(): Promise<readonly ToolDefinition[]> {
    const tools = await loadLoadout(this.#loadout);
    const visible = tools.filter((tool) => tool.visible?.(this.#context.capabilities) ?? true);
    return visible.map((tool) => {
      const definition = toolDefinition(tool);
      const more = tool.describe?.(this.#context.services) ?? "";
      return more === "" ? definition : { ...definition, description: `${definition.description} ${more}` };
    });
  }
}

class BuiltinCall implements CallableTool {
  readonly name: string;
  readonly #tool: Tool;
  readonly #context: ToolContext;

  constructor(tool: Tool, context: ToolContext) {
    this.name = tool.name;
    this.#tool = tool;
    this.#context = context;
  }

  exclusiveKey(argumentsJson: string | null): string | null {
    if (this.#tool.exclusiveKey === undefined) return null;
    const parsed = parseArguments(this.#tool, argumentsJson);
    return parsed.ok ? this.#tool.exclusiveKey(parsed.args, this.#context) : null;
  }

  async prepare(argumentsJson: string | null, call: CallContext): Promise<PreparedCall | ToolReturn> {
    const parsed = parseArguments(this.#tool, argumentsJson);
    if (!parsed.ok) return parsed.result;
    return await this.#tool.prepare(parsed.args, this.#context, call.signal);
  }
}
