/** What the turn sees of all callable tools: built-in ones today, the client's own, MCP servers' later. */
import type { ToolDefinition } from "../providers/provider.js";
import type { PreparedCall, ToolReturn } from "./tool.js";

export interface CallableTool {
  readonly name: string;
  /** Checks raw JSON arguments and plans the call; a ToolReturn ends it. Must not act. */
  prepare(argumentsJson: string | null, call: CallContext): Promise<PreparedCall | ToolReturn>;
  /**
   * Calls with the same key run one after the other, each planned after the one before it has acted; null when the
   * call may run beside all others. Two edits of one file need this.
   */
  exclusiveKey(argumentsJson: string | null): string | null;
}

export interface CallContext {
  toolCallId: string;
  signal: AbortSignal;
}

export interface Toolset {
  /** The tools listed to the model, in their frozen order. */
  definitions(): Promise<readonly ToolDefinition[]>;
  /** null when there is no such tool. Unlisted tools are found too. */
  find(name: string): Promise<CallableTool | null>;
}
