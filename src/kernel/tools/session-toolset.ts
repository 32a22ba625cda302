/** All tools of a session behind one face: the built-in loadout and the client's own tools. */
import type { ToolDefinition } from "../providers/provider.js";
import type { ExternalTools } from "./external-tool.js";
import { isPermitted, type Loadout, loadLoadout } from "./loadout.js";
import { loadTool } from "./registry.js";
import { parseArguments, toolDefinition } from "./support/tool-schema.js";
import type { PreparedCall, Tool, ToolContext, ToolReturn } from "./tool.js";
import type { CallableTool, CallContext, Toolset } from "./toolset.js";

/** Built-in names win over the client's. Loads each tool at its first use. */
export class SessionToolset implements Toolset {
  readonly #context: ToolContext;
  readonly #external: ExternalTools;
  readonly #loadout: Loadout | null;
  #builtin: Promise<readonly ToolDefinition[]> | null = null;

  /** `loadout` null: the default one. */
  constructor(context: ToolContext, external: ExternalTools, loadout: Loadout | null = null) {
    this.#context = context;
    this.#external = external;
    this.#loadout = loadout;
  }

  /** The same tools in other surroundings: those of a subagent. */
  inContext(change: Partial<ToolContext>): SessionToolset {
    return new SessionToolset({ ...this.#context, ...change }, this.#external);
  }

  async definitions(): Promise<readonly ToolDefinition[]> {
    this.#builtin ??= this.#defineBuiltin();
    const external = this.#external.definitions;
    return external.length === 0 ? this.#builtin : [...(await this.#builtin), ...external];
  }

  async find(name: string): Promise<CallableTool | null> {
    const tool = isPermitted(name, this.#loadout) ? await loadTool(name) : null;
    return tool === null ? this.#external.find(name) : new BuiltinCall(tool, this.#context);
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
