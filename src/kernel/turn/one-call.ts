/** One call of a step: hooks, prepare, ask, record the intent, act. */
import { createHash, randomUUID } from "node:crypto";
import { orAbort, orAbortAfter } from "../abort.js";
import type { ApprovalGate } from "../approval/approval-gate.js";
import type { ApprovalOrigin, ApprovalOutcome } from "../approval/pending-approval.js";
import { errorMessage, KernelError } from "../errors.js";
import type { Hooks, ToolUse } from "../hooks/hooks.js";
import type { ToolCall } from "../messages.js";
import { type PreparedCall, type ToolReturn, toolError } from "../tools/tool.js";
import type { CallableTool } from "../tools/toolset.js";
import type { Recorder } from "./recorder.js";
import { rejectedCall } from "./rejected-call.js";
import { canonicalJson } from "./repeat-guard.js";

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

/** The life of one call. `earlierAsked` settles when all calls before it have asked what they ask. */
export class OneCall {
  /** Settles when its question is out, or when it is known that there is none, so that the next call may ask. */
  readonly asked: Promise<void>;
  #releaseAsk: () => void = () => {};
  #acted = false;
  readonly #call: ToolCall;
  readonly #deps: OneCallDeps;
  readonly #signal: AbortSignal;
  readonly #earlierAsked: Promise<unknown>;

  constructor(call: ToolCall, deps: OneCallDeps, signal: AbortSignal, earlierAsked: Promise<unknown>) {
    this.#call = call;
    this.#deps = deps;
    this.#signal = signal;
    this.#earlierAsked = earlierAsked;
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
    const { id, function: fn } = this.#call;
    const blocked = await this.#deps.hooks.beforeTool(this.#use(), this.#signal);
    if (blocked !== null) return this.#done(hookBlocked(blocked.reason));
    const preparing = orAbort(tool.prepare(fn.arguments, { toolCallId: id, signal: this.#signal }), this.#signal);
    const prepared = await this.#deps.recorder.waiting("tool", preparing);
    if (!("execute" in prepared)) return this.#done(prepared);
    const outcome = await this.#ask(prepared);
    if (outcome !== null && outcome.response === "reject") return this.#rejected(outcome);
    return this.#done(await this.#act(prepared));
  }

  async #ask(prepared: PreparedCall): Promise<ApprovalOutcome | null> {
    if (prepared.ask === null) {
      this.#releaseAsk();
      return null;
    }
    await this.#earlierAsked;
    const { gate, origin } = this.#deps;
    const question = {
      ask: prepared.ask,
      toolCallId: this.#call.id,
      sender: this.#call.function.name,
      ...origin,
    };
    const outcome = gate.open(question, this.#signal);
    this.#releaseAsk();
    const decided = await outcome;
    this.#signal.throwIfAborted();
    return decided;
  }

  async #act(prepared: PreparedCall): Promise<ToolReturn> {
    this.#signal.throwIfAborted();
    const effectId = randomUUID();
    if (prepared.effect !== "none") this.#recordIntent(prepared, effectId);
    const { recorder } = this.#deps;
    this.#acted = true;
    const run = prepared.execute({
      signal: this.#signal,
      toolCallId: this.#call.id,
      effectId,
      onProcess: (process) =>
        recorder.note(
          { kind: "process", effect_id: effectId, pgid: process.pgid, start_time: process.startTime },
          false,
        ),
    });
    return await recorder.waiting("tool", orAbortAfter(run, this.#signal, KILL_GRACE_MS));
  }

  #recordIntent(prepared: PreparedCall, effectId: string): void {
    const { name, arguments: args } = this.#call.function;
    const before = prepared.before ?? [];
    const after = prepared.after ?? [];
    const action = canonicalJson({ name, arguments: args, before, after, cwd: this.#deps.workDir });
    this.#deps.recorder.note(
      {
        kind: "intent",
        effect_id: effectId,
        tool_call_id: this.#call.id,
        name,
        arguments: args ?? "",
        class: prepared.effect,
        action_hash: createHash("sha256").update(action).digest("hex"),
        before,
        after,
      },
      true,
    );
  }

  #use(): ToolUse {
    const { id, function: fn } = this.#call;
    const background = this.#deps.origin.sourceKind === "background_agent";
    return { toolCallId: id, name: fn.name, arguments: fn.arguments, background };
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
