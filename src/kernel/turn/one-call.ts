/** One call of a step: hooks, prepare, ask, record the intent, act. */
import { randomUUID } from "node:crypto";
import { orAbort, orAbortAfter } from "../abort.js";
import type { ApprovalGate } from "../approval/approval-gate.js";
import type { ApprovalOrigin, ApprovalOutcome } from "../approval/pending-approval.js";
import { errorMessage, KernelError } from "../errors.js";
import type { HookBlock, Hooks, ToolUse } from "../hooks/hooks.js";
import type { ToolCall } from "../messages.js";
import { answeredByClient } from "../storage/tool-message.js";
import type { CallPosition, IntentPosition } from "../storage/turn-position.js";
import { type ApprovalAsk, type PreparedCall, type ToolReturn, toolError } from "../tools/tool.js";
import type { CallableTool } from "../tools/toolset.js";
import { actionHash, intentRecord } from "./action-hash.js";
import { decodeToolReturn } from "./encode-events.js";
import type { Recorder } from "./recorder.js";
import { rejectedCall } from "./rejected-call.js";

/** How long a cancelled turn waits for a tool that is ending its processes (TERM, 50 ms, KILL). */
const KILL_GRACE_MS = 90;

export interface CallResult {
  call: ToolCall;
  value: ToolReturn;
  /** Set when a person said no; an empty text is a no without a reason. */
  rejection: string | null;
  /** Set when the tool has acted for this call. */
  used: ToolUse | null;
}

export interface OneCallDeps {
  gate: ApprovalGate;
  hooks: Hooks;
  recorder: Recorder;
  workDir: string;
  /** Who asks: shared by all approvals of the turn, or of the background task. */
  origin: ApprovalOrigin;
}

/** The result of a call whose tool threw. */
export function toolFailed(error: unknown): ToolReturn {
  return toolError(`Error running tool: ${errorMessage(error)}`, "Tool runtime error");
}

/**
 * The life of one call. `earlierAsked` settles when all calls before it have asked what they ask. `position` is what an
 * earlier process recorded of it.
 */
export class OneCall {
  /** Settles when its question is out, or when it is known that there is none, so that the next call may ask. */
  readonly asked: Promise<void>;
  #releaseAsk: () => void = () => {};
  #acted = false;
  readonly #call: ToolCall;
  readonly #deps: OneCallDeps;
  readonly #signal: AbortSignal;
  readonly #earlierAsked: Promise<unknown>;
  readonly #position: CallPosition | null;

  constructor(
    call: ToolCall,
    deps: OneCallDeps,
    signal: AbortSignal,
    earlierAsked: Promise<unknown>,
    position: CallPosition | null,
  ) {
    this.#call = call;
    this.#deps = deps;
    this.#signal = signal;
    this.#earlierAsked = earlierAsked;
    this.#position = position;
    this.asked = new Promise((resolve) => {
      this.#releaseAsk = resolve;
    });
  }

  /**
   * Runs it with its tool, behind the calls that are in `queues` under the same key. Rejects with the signal's reason
   * on abort and with KernelError when something could not be recorded, never for the tool's sake.
   */
  async run(tool: CallableTool, queues: Map<string, Promise<unknown>>): Promise<CallResult> {
    try {
      const key = tool.exclusiveKey(this.#call.function.arguments);
      if (key === null) return await this.#prepareAndAct(tool);
      return await this.#inQueue(key, queues, () => this.#prepareAndAct(tool));
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      if (error instanceof KernelError) throw error;
      return this.#done(toolFailed(error));
    } finally {
      this.#releaseAsk();
    }
  }

  /** Behind another call on the same thing its question comes later; calls after it need not wait for that. */
  #inQueue(key: string, queues: Map<string, Promise<unknown>>, act: () => Promise<CallResult>): Promise<CallResult> {
    const before = queues.get(key);
    if (before !== undefined) this.#releaseAsk();
    const result = (before ?? Promise.resolve()).then(act, act);
    queues.set(
      key,
      result.catch(() => {}),
    );
    return result;
  }

  async #prepareAndAct(tool: CallableTool): Promise<CallResult> {
    this.#signal.throwIfAborted();
    const blocked = await this.#hookVerdict();
    if (blocked !== null) return this.#done(hookBlocked(blocked.reason));
    const position = this.#position;
    if (position !== null && position.intent !== null) return await this.#afterIntent(tool, position, position.intent);
    const answer = position?.approval?.answer ?? null;
    if (answer?.response === "reject") return this.#rejected({ ...answer, via: "answer" });
    const prepared = await this.#prepare(tool);
    if (!("execute" in prepared)) return this.#done(prepared);
    const outcome = await this.#ask(prepared);
    if (outcome !== null && outcome.response === "reject") return this.#rejected(outcome);
    return this.#done(await this.#act(prepared));
  }

  /** What hooks decided before a restart holds; a call that got beyond them passed them. */
  async #hookVerdict(): Promise<HookBlock | null> {
    const { hook = null, approval = null, request = null, intent = null, agent = null } = this.#position ?? {};
    const { decided = null } = this.#position ?? {};
    if (hook !== null && hook.verdict !== null) return hook.verdict.action === "block" ? hook.verdict : null;
    if ([approval, request, intent, agent, decided].some((known) => known !== null)) return null;
    return await this.#deps.hooks.beforeTool(this.#use(), this.#signal, hook !== null);
  }

  #prepare(tool: CallableTool): Promise<PreparedCall | ToolReturn> {
    const { id, function: fn } = this.#call;
    const preparing = orAbort(tool.prepare(fn.arguments, { toolCallId: id, signal: this.#signal }), this.#signal);
    return this.#deps.recorder.waiting("tool", preparing);
  }

  /** It was allowed and may have acted. What the client runs is known by what it was asked and answered. */
  async #afterIntent(tool: CallableTool, position: CallPosition, intent: IntentPosition): Promise<CallResult> {
    this.#releaseAsk();
    const prepared = await this.#prepare(tool).catch(toolFailed);
    this.#signal.throwIfAborted();
    const ready = "execute" in prepared ? prepared : null;
    if (ready?.byClient !== true) {
      const answered = answeredByClient(position.request);
      if (answered !== null) return this.#done(decodeToolReturn(answered));
      const { afterIntent } = await import("./after-intent.js");
      const hash = ready === null ? null : actionHash(this.#call, ready, this.#deps.workDir);
      const settled = await afterIntent(intent, hash, this.#signal);
      if (settled !== null) return this.#done(settled);
    }
    return this.#done("execute" in prepared ? await this.#act(prepared) : prepared);
  }

  async #ask(prepared: PreparedCall): Promise<ApprovalOutcome | null> {
    const approval = this.#position?.approval ?? null;
    if (prepared.ask === null) {
      this.#releaseAsk();
      return null;
    }
    await this.#earlierAsked;
    const { gate, origin, recorder, workDir } = this.#deps;
    const hash = actionHash(this.#call, prepared, workDir);
    const same = approval !== null && approval.actionHash === hash;
    const answered = await this.#earlierAnswer(prepared.ask, same);
    if (answered !== null) {
      this.#releaseAsk();
      return answered;
    }
    if (approval !== null && approval.answer === null && !same) {
      // What was asked would not be done any more: a late answer to it must not count for what is asked now.
      recorder.event("ApprovalResponse", { request_id: approval.requestId, response: "reject", feedback: "" });
    }
    const question = {
      ask: prepared.ask,
      toolCallId: this.#call.id,
      sender: this.#call.function.name,
      actionHash: hash,
      ...origin,
      ...(approval !== null && approval.answer === null && same ? { id: approval.requestId } : {}),
    };
    const outcome = gate.open(question, this.#signal);
    this.#releaseAsk();
    const decided = await outcome;
    this.#signal.throwIfAborted();
    return decided;
  }

  /** A yes holds for the very action that it was given for. */
  async #earlierAnswer(ask: ApprovalAsk, same: boolean): Promise<ApprovalOutcome | null> {
    const answer = this.#position?.approval?.answer ?? null;
    if (answer === null || !same) return null;
    if (answer.response === "approve_for_session") await orAbort(this.#deps.gate.grant(ask), this.#signal);
    return { ...answer, via: "answer" };
  }

  async #act(prepared: PreparedCall): Promise<ToolReturn> {
    this.#signal.throwIfAborted();
    const effectId = randomUUID();
    const { recorder, workDir } = this.#deps;
    if (prepared.effect !== "none") recorder.note(intentRecord(this.#call, prepared, { effectId, workDir }), true);
    this.#acted = true;
    const { request: earlier = null, agent = null, decided } = this.#position ?? {};
    const run = prepared.execute({
      signal: this.#signal,
      toolCallId: this.#call.id,
      effectId,
      ...(earlier === null ? {} : { earlier }),
      ...(agent === null ? {} : { agent }),
      ...(decided === undefined ? {} : { decided }),
      decide: (decision) => recorder.note({ kind: "decided", tool_call_id: this.#call.id, decision }, true),
      onProcess: (process) =>
        recorder.note(
          { kind: "process", effect_id: effectId, pgid: process.pgid, start_time: process.startTime },
          false,
        ),
    });
    return await recorder.waiting("tool", orAbortAfter(run, this.#signal, KILL_GRACE_MS));
  }

  #use(): ToolUse {
    const { id, function: fn } = this.#call;
    const { agentId, sourceKind } = this.#deps.origin;
    const background = sourceKind === "background_agent";
    return { toolCallId: id, name: fn.name, arguments: fn.arguments, agentId, background };
  }

  #done(value: ToolReturn): CallResult {
    return { call: this.#call, value, rejection: value.rejection ?? null, used: this.#acted ? this.#use() : null };
  }

  #rejected(outcome: ApprovalOutcome): CallResult {
    return { call: this.#call, ...rejectedCall(outcome, this.#deps.origin.agentId), used: null };
  }
}

function hookBlocked(reason: string): ToolReturn {
  return toolError(reason === "" ? "Blocked by PreToolUse hook" : reason, "Hook blocked");
}
