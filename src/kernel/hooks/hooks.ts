/** The moments of a turn at which hooks run, as the loop, its tools and other agents announce them. */

import type { ContentPart } from "../messages.js";

/** Something was blocked; `reason` may be empty. */
export interface HookBlock {
  reason: string;
}

export interface ToolUse {
  toolCallId: string;
  name: string;
  /** The model's raw JSON text. */
  arguments: string | null;
  /** The subagent whose call it is; null for the session's own agent. Each may have calls with the ids of the others. */
  agentId: string | null;
  /** Asked for by an agent that does not belong to the running turn: nothing is shown there. */
  background: boolean;
}

export interface ToolUseResult {
  isError: boolean;
  output: string | readonly ContentPart[];
  message: string;
}

export type CompactionTrigger = "auto" | "manual" | "manual-with-prompt";

/**
 * Moments that are awaited reject with the signal's reason on abort and with KernelError when they cannot be recorded.
 * The others return at once and never throw.
 */
export interface Hooks {
  /**
   * Before a tool's arguments are looked at. null: it may go on. Arguments that are no JSON object ask no hook.
   * `resumed`: they were asked before, by a kernel that died before the answer.
   */
  beforeTool(use: ToolUse, signal: AbortSignal, resumed?: boolean): Promise<HookBlock | null>;
  /** After a tool has acted. */
  afterTool(use: ToolUse, result: ToolUseResult): void;
  beforeCompaction(trigger: CompactionTrigger, tokens: number, signal: AbortSignal): Promise<void>;
  afterCompaction(trigger: CompactionTrigger, tokens: number): void;
  subagentStarting(agentName: string, prompt: string, signal: AbortSignal): Promise<void>;
  subagentStopped(agentName: string, response: string): void;
  notified(notice: { sink: string; type: string; title: string; body: string; severity: string }): void;
}
