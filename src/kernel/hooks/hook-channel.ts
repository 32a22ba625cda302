/** What hooks need of the client and of the journal. `session/session-hook-channel.ts` implements it. */
import type { HookEventName } from "./hook-event.js";
import type { HookFailure, HookOutcome } from "./hook-verdict.js";

export interface HookRequestPayload {
  id: string;
  subscription_id: string;
  event: HookEventName;
  target: string;
  input_data: Readonly<Record<string, unknown>>;
}

/** What became of one request: an answer, none that can be used, or the client is gone. */
export type ClientVerdict = HookOutcome | HookFailure | { action: "gone" };

/** One set of hooks that is asked together. */
export interface HookBatch {
  id: string;
  event: HookEventName;
  target: string;
  blocking: boolean;
  toolCallId: string | null;
  /** The subagent whose call that is; null for a call of the session's own agent. */
  agentId: string | null;
  input: Readonly<Record<string, unknown>>;
  /** What is asked, for the journal: command texts and subscription ids. */
  hooks: readonly Readonly<Record<string, string>>[];
}

export interface HookChannel {
  /** Records what is asked; with `show` the client is told (HookTriggered). Throws KernelError when it cannot be recorded. */
  asked(batch: HookBatch, show: boolean): void;
  /** Records what was decided, on disk before anyone acts on it; with `show` the client is told (HookResolved). */
  decided(batch: HookBatch, outcome: HookOutcome, durationMs: number, show: boolean): void;
  /** Tells that a batch is waited for; settles as the work does. */
  waiting<T>(work: Promise<T>): Promise<T>;
  /** Asks the client. Rejects only with the signal's reason. */
  request(payload: HookRequestPayload, signal: AbortSignal): Promise<ClientVerdict>;
  /** A fresh id of 12 hex digits, for a request or a batch. */
  freshId(): string;
}
