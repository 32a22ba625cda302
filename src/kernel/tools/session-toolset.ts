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
  #builtin: Promise<readonly { tool: Tool; definition: ToolDefinition }[]> | null = null;

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

  /** The same tools in other surroundings: those of a subagent, which may have a loadout of its own. */
  inContext(change: Partial<ToolContext>, loadout: Loadout | null): SessionToolset {
    return new SessionToolset({ ...this.#context, ...change }, this.#external, loadout, this.#joined);
  }

  async definitions(): Promise<readonly ToolDefinition[]> {
    this.#builtin ??= this.#defineBuiltin();
    const { capabilities, services } = this.#context;
    const visible = (await this.#builtin).filter(({ tool }) => tool.visible?.(capabilities, services) ?? true);
    return [
      ...visible.map(({ definition }) => definition),
      ...this.#external.definitions,
      ...(this.#joined?.definitions ?? []),
    ];
  }

  async find(name: string): Promise<CallableTool | null> {
    const tool = isPermitted(name, this.#loadout) ? await loadTool(name) : null;
    if (tool !== null) return new BuiltinCall(tool, this.#context);
    return this.#external.find(name) ?? this.#joined?.find(name) ?? null;
  }

  /** Once for all: which of them are visible may change when the client initialises again. */
  async #defineBuiltin() {
    return (await loadLoadout(this.#loadout)).map((tool) => {
      const definition = toolDefinition(tool);
      const more = tool.describe?.(this.#context.services) ?? "";
      const description = more === "" ? definition.description : `${definition.description} ${more}`;
      return { tool, definition: { ...definition, description } };
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
