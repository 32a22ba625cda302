/** Reads what a journal tells of the calls of one reply, record by record. The newest of each thing counts. */
import type { JournalRecord } from "./crc-line.js";
import { asObject } from "./line-json.js";
import type {
  ApprovalPosition,
  CallPosition,
  FileHash,
  HookPosition,
  IntentPosition,
  RequestPosition,
} from "./turn-position.js";

type Fields = Readonly<Record<string, unknown>>;

/** The calls that were opened; records of any other call, such as those of a subagent, are ignored. */
export class CallReader {
  readonly positions = new Map<string, CallPosition>();

  /** The model has begun to write this call. */
  open(callId: string): void {
    if (this.positions.has(callId)) return;
    this.positions.set(callId, { result: null, hook: null, approval: null, request: null, intent: null });
  }

  take({ kind, fields }: JournalRecord): void {
    if (kind === "result") this.#takeResult(fields);
    else if (kind === "request") this.#takeRequest(fields);
    else if (kind === "answer") this.#takeAnswer(fields);
    else if (kind === "intent") this.#takeIntent(fields);
    else if (kind === "process") this.#takeProcess(fields);
    else if (kind === "decided") {
      const call = this.#call(fields.tool_call_id);
      if (call !== undefined) call.decided = String(fields.decision);
    } else if (kind === "hook" && fields.event === "PreToolUse" && typeof fields.agent_id !== "string") {
      const call = this.#call(fields.tool_call_id);
      if (call !== undefined) call.hook = { batchId: String(fields.batch_id), verdict: null };
    } else if (kind === "hook_decided") {
      for (const call of this.positions.values()) decideHook(call.hook, fields);
    }
  }

  #call(id: unknown): CallPosition | undefined {
    return typeof id === "string" ? this.positions.get(id) : undefined;
  }

  #takeResult({ payload, extra }: Fields): void {
    const result = asObject(payload) ?? {};
    const call = this.#call(result.tool_call_id);
    const rejection = asObject(extra)?.rejection;
    if (call === undefined) return;
    call.result = {
      returnValue: result.return_value,
      rejection: typeof rejection === "string" ? rejection : null,
    };
  }

  #takeRequest({ type, payload, extra }: Fields): void {
    const request = asObject(payload) ?? {};
    const requestId = String(request.id);
    if (type === "ToolCallRequest") {
      const call = this.#call(request.id);
      // The client is asked behind the intent: without one it was asked about a call of another agent with this id.
      if (call !== undefined && call.intent !== null) call.request = sameRequest(call.request, type, requestId);
      return;
    }
    const call = this.#call(request.tool_call_id);
    // A subagent's request is about its own calls.
    if (call === undefined || typeof request.agent_id === "string") return;
    const { action_hash: hash, shown } = asObject(extra) ?? {};
    if (type === "QuestionRequest") {
      call.request = { ...sameRequest(call.request, type, requestId), ...(typeof shown === "string" ? { shown } : {}) };
    }
    if (type !== "ApprovalRequest") return;
    const answer = call.approval?.requestId === requestId ? call.approval.answer : null;
    call.approval = { requestId, actionHash: typeof hash === "string" ? hash : null, answer };
  }

  #takeAnswer({ id, type, answer, decided }: Fields): void {
    for (const { approval, request } of this.positions.values()) {
      if (type === "ApprovalRequest") {
        if (approval !== null && approval.requestId === id) approval.answer = approvalAnswer(decided);
      } else if (request !== null && request.type === type && request.requestId === id) {
        request.answer = { raw: answer };
      }
    }
  }

  #takeIntent(fields: Fields): void {
    const call = this.#call(fields.tool_call_id);
    if (call === undefined) return;
    const intent: IntentPosition = {
      effectId: String(fields.effect_id),
      effect: String(fields.class),
      actionHash: String(fields.action_hash),
      before: fileHashes(fields.before),
      after: fileHashes(fields.after),
      process: null,
    };
    call.intent = intent;
  }

  #takeProcess({ effect_id, pgid, start_time }: Fields): void {
    if (typeof pgid !== "number") return;
    for (const { intent } of this.positions.values()) {
      if (intent !== null && intent.effectId === effect_id) intent.process = { pgid, startTime: String(start_time) };
    }
  }
}

/**
 * Writes the verdict of a `hook_decided` record into a hook that was asked, when it is the one that was decided: gives
 * what it says then, else null.
 */
export function decideHook(hook: HookPosition | null, fields: Fields): "allow" | "block" | null {
  const { batch_id, action, reason } = fields;
  if (hook === null || hook.batchId !== batch_id) return null;
  // What cannot be read is a no.
  hook.verdict = { action: action === "allow" ? "allow" : "block", reason: typeof reason === "string" ? reason : "" };
  return hook.verdict.action;
}

function sameRequest(known: RequestPosition | null, type: RequestPosition["type"], requestId: string): RequestPosition {
  return known?.type === type && known.requestId === requestId ? known : { type, requestId, answer: null };
}

/** null for what is no answer of a person: the request was withdrawn, its client had gone, or it was not stored. */
export function approvalAnswer(decided: unknown): ApprovalPosition["answer"] {
  const { response, feedback, via } = asObject(decided) ?? {};
  if (via === "closed" || via === "cancelled" || via === "unrecorded") return null;
  if (response !== "approve" && response !== "approve_for_session" && response !== "reject") return null;
  return { response, feedback: typeof feedback === "string" ? feedback : "" };
}

function fileHashes(list: unknown): FileHash[] {
  return (Array.isArray(list) ? list : []).flatMap((item) => {
    const { path, sha256 } = asObject(item) ?? {};
    return typeof path === "string" ? [{ path, sha256: typeof sha256 === "string" ? sha256 : null }] : [];
  });
}
