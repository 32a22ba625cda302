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
  #builtin: Promise<readonly { tool: Tool; definition: ToolDefinition }[]> | null = null;

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
    const { capabilities, services } = this.#context;
    const visible = (await this.#builtin).filter(({ tool }) => tool.visible?.(capabilities, services) ?? true);
    return [...visible.map(({ definition }) => definition), ...this.#external.definitions];
  }

  async find(name: string): Promise<CallableTool | null> {
    const tool = isPermitted(name, this.#loadout) ? await loadTool(name) : null;
    return tool === null ? this.#external.find(name) : new BuiltinCall(tool, this.#context);
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
