/** Runs another agent with a conversation of its own and brings back its last words. */
import type { AgentPosition } from "../../storage/turn-position.js";

export interface AgentRun {
  /** Id of the Agent call that asked. */
  toolCallId: string;
  description: string;
  prompt: string;
  subagentType: string;
  /** Alias of another model; null for the session's. */
  model: string | null;
  /** Id of an agent of this session to go on with; null for a new one. */
  resume: string | null;
  /** Seconds; null for no limit in the foreground. */
  timeoutS: number | null;
  /** The agent that an earlier process ran for this call: it goes on where it stood. */
  earlier?: AgentPosition;
}

export interface AgentResult {
  agentId: string;
  resumed: boolean;
  actualType: string;
  text: string;
}

/** A run that cannot begin (unknown type, an agent that still runs) or that ended without an answer. For the model. */
export class AgentFailure extends Error {
  readonly brief: string;

  constructor(message: string, brief: string) {
    super(message);
    this.name = "AgentFailure";
    this.brief = brief;
  }
}

export interface Agents {
  /** Names and descriptions of the types that can be run, in a fixed order. */
  readonly types: readonly { name: string; description: string }[];
  /** Throws AgentFailure, ProviderError, KernelError or the signal's reason. */
  run(request: AgentRun, signal: AbortSignal): Promise<AgentResult>;
}
