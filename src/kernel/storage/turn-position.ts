/**
 * Where a turn stood when its kernel died, as its journal tells. Storage makes it, the loop goes on from it. Plain
 * data; nothing here is live.
 */
import type { ContentPart, ToolCall } from "../messages.js";
import type { StreamEnd } from "../providers/provider.js";

export interface TurnPosition {
  turnId: string;
  /** Of the prompt; null when the client gave none. */
  clientId: string | null;
  userInput: string | ContentPart[];
  /** Seq of the newest delivered record; 0 when the client has seen nothing of the turn. */
  deliveredSeq: number;
  /** False: not even TurnBegin was recorded. */
  begun: boolean;
  /** A cancel was recorded: nothing may run any more. */
  cancelled: boolean;
  /** Event types that close what is open besides turns, innermost first. */
  openBrackets: string[];
  /** Payloads of the HookResolved events that are missing; absent for none. */
  openHooks?: readonly Readonly<Record<string, unknown>>[];
  /** Payloads of the ApprovalResponse events that are missing and that no call will bring; absent for none. */
  openApprovals?: readonly Readonly<Record<string, unknown>>[];
  /** Turns inside the turn (flows, the Ralph loop) whose TurnEnd is missing. */
  openInnerTurns: number;
  /** The newest turn inside the turn; null before the first. */
  inner: InnerPosition | null;
  /** The undecided hook of the prompt itself, or its verdict; null when none was asked. */
  promptHook: HookPosition | null;
  /** The newest Stop hook; null when none was asked. */
  stopHook: StopHookPosition | null;
  /** Where a flow or the Ralph loop stands; absent or null when none runs or its place is not known. */
  flow?: FlowPosition | null;
  /** Accepted and not used, in order. */
  steers: { id: string; userInput: string | ContentPart[] }[];
  /** In the conversation, but their SteerInput was not shown; in order. */
  unshownSteers: (string | ContentPart[])[];
  /** The calls of the turn's finished steps, step by step, for the repeat guard. */
  earlierCalls: { name: string; arguments: string | null }[][];
  /** False: the turn put nothing into the conversation yet. */
  hasContext: boolean;
  /** The newest step; null before the first. */
  step: StepPosition | null;
}

export interface StepPosition {
  n: number;
  /** True when the checkpoint of the step is in the conversation. */
  marked: boolean;
  /** StepInterrupted was shown: the step is over, and failed. */
  interrupted: boolean;
  /** What the model had said: text, whole and partial calls. Empty when nothing came. */
  content: ContentPart[];
  toolCalls: ToolCall[];
  /** Set when the model's stream had ended cleanly. */
  end: StreamEnd | null;
  /** The step's StatusUpdate was shown. */
  statusShown: boolean;
  /** True when reply and results are in the conversation. */
  stored: boolean;
  /** The conversation went back to an earlier point behind the step, with the message that the step had sent there. */
  returned?: boolean;
  /** How the step ended, when it did. */
  outcome: "again" | "end" | "stop" | null;
  /** By call id. */
  calls: Map<string, CallPosition>;
}

/** Of the newest notice `flow`. */
export interface FlowPosition {
  node: string;
  /** How many nodes were behind it. */
  moves: number;
  /** The TurnBegin of its turn was shown. */
  begun: boolean;
}

/** What is recorded of one call. The newest of each counts. */
export interface CallPosition {
  /** Recorded and shown: the call is done. `rejection` as in ToolReturn; null for a call that a person let run. */
  result: { returnValue: unknown; rejection: string | null } | null;
  hook: HookPosition | null;
  approval: ApprovalPosition | null;
  /** The client was asked to run it, or the user was asked by it. */
  request: RequestPosition | null;
  intent: IntentPosition | null;
  /** What the tool had decided by itself; absent for nothing. */
  decided?: string;
  /** The subagent that the call began and waits for; absent or null when there is none. */
  agent?: AgentPosition | null;
}

/** A subagent whose run has no end. */
export interface AgentPosition {
  agentId: string;
  subagentType: string;
  /** It runs for a background task, which ended with its kernel. */
  background: boolean;
  /**
   * Where its own turn stands; its turns count as inner ones, `openInnerTurns` is 1 while one is open. `hasContext` and
   * `stored` are false: its conversation is in its own folder.
   */
  turn: TurnPosition;
}

export interface InnerPosition {
  userInput: string | ContentPart[];
  /** It is in the conversation of the session. */
  said: boolean;
}

/** Behind a verdict that blocks, `step` and `earlierCalls` are of the rounds that it asked for. */
export interface StopHookPosition extends HookPosition {
  /** Its reason is in the conversation. */
  said: boolean;
}

/** `verdict` null: asked and not decided. */
export interface HookPosition {
  batchId: string;
  verdict: { action: "allow" | "block"; reason: string } | null;
}

export interface ApprovalPosition {
  requestId: string;
  /** Hash of what was asked about; null in a journal that does not know it. */
  actionHash: string | null;
  /** null: nobody answered. */
  answer: { response: "approve" | "approve_for_session" | "reject"; feedback: string } | null;
}

export interface RequestPosition {
  type: "ToolCallRequest" | "QuestionRequest";
  requestId: string;
  /** The client's raw answer; null when there is none. */
  answer: { raw: unknown } | null;
  /** Hash of what was shown with it; absent when nothing was. */
  shown?: string;
}

export interface IntentPosition {
  effectId: string;
  /** EffectClass as it was recorded. */
  effect: string;
  actionHash: string;
  before: FileHash[];
  after: FileHash[];
  process: { pgid: number; startTime: string } | null;
}

/** sha256 of a file in hex; null for none. */
export interface FileHash {
  path: string;
  sha256: string | null;
}
