/** How the approval gate reaches the client: ApprovalRequest out, the answer into the journal, ApprovalResponse out. */
import { jsonLine } from "../../wire/json-line.js";
import { describeGrant } from "../approval/grants.js";
import type { PendingApproval } from "../approval/pending-approval.js";
import { encodeDisplay } from "../turn/encode-events.js";
import type { BesideRequest, SentRecord } from "../turn/event-sink.js";
import type { Recorder } from "../turn/recorder.js";

/** The payload of an ApprovalRequest, every key present. */
export function approvalPayload(request: PendingApproval) {
  return {
    id: request.id,
    tool_call_id: request.toolCallId,
    sender: request.sender,
    action: request.ask.action,
    description: request.ask.description,
    source_kind: request.sourceKind,
    source_id: request.sourceId,
    agent_id: request.agentId,
    subagent_type: request.subagentType,
    source_description: null,
    display: request.ask.display.map(encodeDisplay),
  };
}

/** What approve_for_session would allow, for a person; null when that would be for this once only. */
function besideApproval({ proposed }: PendingApproval): BesideRequest {
  return { grant: proposed === null ? null : { kind: proposed.kind, text: describeGrant(proposed) } };
}

/** A request that was sent already, as it is sent again: the same id, so that one answer is enough. */
export function approvalRecord(request: PendingApproval): SentRecord {
  const json = jsonLine(approvalPayload(request));
  return { type: "ApprovalRequest", isRequest: true, id: request.id, json, beside: besideApproval(request) };
}

/** The three things the gate needs of the recorder. The answer is on disk before anything acts on it. */
export function approvalChannel(recorder: Recorder) {
  return {
    present: (request: PendingApproval, signal: AbortSignal): Promise<unknown> =>
      recorder.request("ApprovalRequest", approvalPayload(request), signal, {
        beside: besideApproval(request),
        extra: request.actionHash === undefined ? {} : { action_hash: request.actionHash },
      }),
    recordAnswer: (request: PendingApproval, answer: unknown, decided: unknown): void =>
      recorder.note({ kind: "answer", id: request.id, type: "ApprovalRequest", answer, decided }, true),
    resolved: (request: PendingApproval, outcome: { response: string; feedback: string }): void =>
      recorder.event("ApprovalResponse", {
        request_id: request.id,
        response: outcome.response,
        feedback: outcome.feedback,
      }),
  };
}
