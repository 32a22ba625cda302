import type { KernelErrorCode } from "../errors.js";
import type { ApprovalAsk } from "../tools/tool.js";
import type { ApprovalAnswer } from "./approval-answer.js";
import type { Grant } from "./grants.js";

/**
 * Why an approval ended as it did. `denied`: the policy forbids it, `feedback` says why; nobody was asked. `unrecorded`:
 * the question or a yes could not be stored, so it must not take effect; `feedback` says why.
 */
export type ApprovalVia = "answer" | "grant" | "mode" | "denied" | "cancelled" | "closed" | "unrecorded";

export interface ApprovalOutcome {
  response: ApprovalAnswer;
  feedback: string;
  via: ApprovalVia;
  /** Of what could not be stored: the code of the error. */
  code?: KernelErrorCode;
}

/** Who asks. Names as the wire's ApprovalRequest has them. */
export interface ApprovalOrigin {
  sourceKind: "foreground_turn" | "background_agent";
  /** One per turn, or the id of the background task. */
  sourceId: string;
  /** Set for a subagent's calls. */
  agentId: string | null;
  subagentType: string | null;
}

/** What the tool runner asks. */
export interface ApprovalRequest extends ApprovalOrigin {
  /** Given only when a request of an earlier process is sent again; else a new uuid4. */
  id?: string;
  ask: ApprovalAsk;
  toolCallId: string;
  /** What exactly would be done, for whoever asks again after a restart. */
  actionHash?: string;
  /** Tool name. */
  sender: string;
}

/** A request that waits for an answer. */
export interface PendingApproval extends ApprovalRequest {
  id: string;
  /** What approve_for_session would grant; null when it would be for this once only. */
  proposed: Grant | null;
}

/** One approval from open to its end. It settles once; whoever comes second learns so. */
export class ApprovalRecord {
  readonly request: PendingApproval;
  /** Never rejects. */
  readonly outcome: Promise<ApprovalOutcome>;
  /** Aborted when the approval has ended, however it did: nobody needs the client's answer any more. */
  readonly ended = new AbortController();
  /** True from the moment the client was asked. */
  presented = false;
  /** True when the client knows of it, if only from an earlier process: then it has to be told the end. */
  shown: boolean;
  #settled = false;
  #resolve: (outcome: ApprovalOutcome) => void = () => {};

  constructor(request: PendingApproval, shown: boolean) {
    this.request = request;
    this.shown = shown;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Claims the end; false when another one has. After true the caller must call `finish`. */
  claim(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    return true;
  }

  finish(outcome: ApprovalOutcome): void {
    this.ended.abort();
    this.#resolve(outcome);
  }
}
