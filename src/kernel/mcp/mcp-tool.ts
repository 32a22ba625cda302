/** A tool of an MCP server as the turn sees it: its own approval, its server's connection. */
import type { Logger } from "../logger.js";
import type { ToolDefinition } from "../providers/provider.js";
import { type ForeignCheck, foreignSchema, readForeignArguments } from "../tools/support/foreign-schema.js";
import { type ExecuteContext, type PreparedCall, type ToolReturn, toolError } from "../tools/tool.js";
import type { CallableTool, CallContext } from "../tools/toolset.js";
import { type McpServer, ServerUnavailable } from "./mcp-server.js";
import type { OfferedTool } from "./offered-tool.js";
import { CallTimeout } from "./open-connection.js";
import { toolResult } from "./tool-result.js";

export interface McpToolDeps {
  server: McpServer;
  /** Milliseconds for one call. */
  timeoutMs: number;
  logger: Logger;
}

export class McpTool implements CallableTool {
  readonly name: string;
  readonly definition: ToolDefinition;
  readonly #offered: OfferedTool;
  readonly #deps: McpToolDeps;
  #check: Promise<ForeignCheck> | null = null;

  /** `name` is the one that is listed; it may differ from what the server calls the tool. */
  constructor(name: string, offered: OfferedTool, deps: McpToolDeps) {
    this.name = name;
    this.definition = { name, description: offered.description, parameters: offered.parameters };
    this.#offered = offered;
    this.#deps = deps;
  }

  exclusiveKey(): string | null {
    return null;
  }

  async prepare(argumentsJson: string | null, _call: CallContext): Promise<PreparedCall | ToolReturn> {
    this.#check ??= this.#compile();
    const read = readForeignArguments(argumentsJson, await this.#check);
    if (!read.ok) return read.result;
    const args = read.value as Record<string, unknown>;
    return {
      ask: {
        action: `mcp:${this.name}`,
        description: `Call MCP tool \`${this.name}\`.`,
        display: [],
        subject: { kind: "mcp", server: this.#deps.server.name, tool: this.#offered.remoteName },
      },
      effect: "exec",
      execute: (run) => this.#execute(args, run),
    };
  }

  async #execute(args: Record<string, unknown>, { signal, effectId }: ExecuteContext): Promise<ToolReturn> {
    const { server, timeoutMs } = this.#deps;
    try {
      const connection = await server.connection(signal);
      try {
        const result = await connection.call(this.#offered.remoteName, args, { signal, timeoutMs, effectId });
        server.succeeded();
        return toolResult(result);
      } catch (error) {
        if (!signal.aborted && !(error instanceof CallTimeout)) server.lost(connection, error);
        throw error;
      }
    } catch (error) {
      signal.throwIfAborted();
      return this.#failure(error);
    }
  }

  #failure(error: unknown): ToolReturn {
    const { server, timeoutMs } = this.#deps;
    if (error instanceof CallTimeout) {
      return toolError(`MCP tool \`${this.name}\` did not answer within ${timeoutMs} ms.`, "Timeout");
    }
    const why = error instanceof Error ? error.message : String(error);
    const what = error instanceof ServerUnavailable ? "is not available" : "was lost during the call";
    return toolError(`MCP server \`${server.name}\` ${what}: ${why}`, "MCP server not available");
  }

  /** A schema that cannot be compiled checks nothing: the server has the last word on its arguments anyway. */
  async #compile(): Promise<ForeignCheck> {
    try {
      return await foreignSchema({ ...(withoutPatterns(this.#offered.parameters) as object), type: "object" });
    } catch (error) {
      this.#deps.logger.warn({ err: error, tool: this.name }, "the schema of an MCP tool cannot be used");
      return await foreignSchema({ type: "object" });
    }
  }
}

/** A pattern of a foreign server may take for ever on the right text, in this process. */
function withoutPatterns(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutPatterns);
  if (typeof schema !== "object" || schema === null) return schema;
  const kept = Object.entries(schema).filter(
    ([key, value]) =>
      key !== "patternProperties" && !((key === "pattern" || key === "format") && typeof value === "string"),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutPatterns(value)]));
}
