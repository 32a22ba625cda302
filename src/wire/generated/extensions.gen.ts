// Generated from wire-spec/ by scripts/wire-gen.mjs. Do not edit: change the contract and run `npm run gen`.
import type { PromptResult } from "./types.gen.js";

/**
 * The extensions of this kernel. Unknown names are ignored.
 */
export type ExtensionName = "seq/1" | "resume/1" | "heartbeat/1" | "grants/1";
/**
 * heartbeat/1: anything, also nothing.
 */
export type PingParams = unknown;
/**
 * heartbeat/1: says that the kernel's main loop runs.
 */
export type PingResult = Record<string, never>;
/**
 * grants/1: `grant` beside the payload of an ApprovalRequest. What approve_for_session would allow; null when that would be for this once only.
 */
export type GrantProposal = {
  kind: "command" | "edit" | "fetch" | "mcp" | "read_outside";
  /**
   * One phrase for a person.
   */
  text: string;
} | null;

/**
 * Every definition of the extensions by its name.
 */
export interface ExtensionDefinitions {
  ExtensionName: ExtensionName;
  EventStamp: EventStamp;
  ReplaySince: ReplaySince;
  ClientId: ClientId;
  OpenTurn: OpenTurn;
  ResumeParams: ResumeParams;
  PingParams: PingParams;
  PingResult: PingResult;
  Heartbeat: Heartbeat;
  GrantProposal: GrantProposal;
}
/**
 * seq/1: stands beside `type` and `payload` in the params of events and requests.
 */
export interface EventStamp {
  /**
   * Number of the record in the session's journal. Grows for the life of the session, over all kernels; numbers may be missing, because records that no client sees count too. 0 for what is not recorded.
   */
  seq: number;
  /**
   * Grows with every kernel that owns the session.
   */
  epoch: number;
  /**
   * The seq of what was delivered before in this turn; 0 for the first of a turn and for what is not recorded. Another one than the client's last means that something is missing.
   */
  prev: number;
}
/**
 * seq/1: with it replay sends what follows this seq in the current or last turn, one event per delta, also while an open turn waits to be resumed. Requests come as notifications without an id: they are shown, not asked.
 */
export interface ReplaySince {
  since: number;
}
/**
 * resume/1: beside the params of prompt, steer and cancel. Recorded before the answer; the same id again, from any connection, gets the recorded outcome and does nothing.
 */
export interface ClientId {
  client_id: string;
}
/**
 * resume/1: `open_turn` of the initialize result, left out when no turn is open. A prompt with a new client_id ends such a turn as it stands.
 */
export interface OpenTurn {
  turn_id: string;
  /**
   * Of the prompt that began it.
   */
  client_id: string | null;
  /**
   * Of the newest event or request.
   */
  seq: number;
}
/**
 * resume/1: goes on with an open turn. Answered with that turn's prompt result, after its last event.
 */
export interface ResumeParams {
  turn_id: string;
  /**
   * `continue` when missing. `settle` runs nothing: calls without a result get one that says so, every bracket its end, and the answer is the error turn_interrupted.
   */
  action?: "continue" | "settle";
}
/**
 * heartbeat/1: params of the notification `heartbeat`, every 2 s from the kernel's main loop.
 */
export interface Heartbeat {
  /**
   * True while a turn runs.
   */
  turn: boolean;
  /**
   * What the turn waits for, oldest first: model, tool, approval, question, client_tool, hook, retry, mcp, storage, client.
   */
  waits: string[];
  /**
   * How long a running turn has been waiting for nothing at all. From 5,000 on it is lost.
   */
  idle_ms: number;
  /**
   * Bytes.
   */
  rss: number;
}

/** Methods of the extensions that a client calls. */
export interface ExtensionClientMethods {
  resume: { params: ResumeParams; result: PromptResult };
  ping: { params: PingParams; result: PingResult };
}

/** Methods of the extensions that a kernel calls; a null result means a notification. */
export interface ExtensionKernelMethods {
  heartbeat: { params: Heartbeat; result: null };
}

/** The names of all extensions. */
export const EXTENSIONS = [
  "seq/1",
  "resume/1",
  "heartbeat/1",
  "grants/1"
] as const;

/** Every method of the extensions. */
export const EXTENSION_METHODS = {
  "resume": {
    "extension": "resume/1",
    "direction": "client_to_kernel",
    "kind": "request"
  },
  "ping": {
    "extension": "heartbeat/1",
    "direction": "client_to_kernel",
    "kind": "request"
  },
  "heartbeat": {
    "extension": "heartbeat/1",
    "direction": "kernel_to_client",
    "kind": "notification"
  }
} as const;
