/** Runs the calls of one step: prepare, ask, record the intent, act, record the result. Never throws for a tool's sake. */
import { createHash, randomUUID } from "node:crypto";
import type { ApprovalGate } from "../approval/approval-gate.js";
import type { ApprovalOrigin, ApprovalOutcome } from "../approval/pending-approval.js";
import { errorMessage, KernelError } from "../errors.js";
import type { ToolCall } from "../messages.js";
import { type PreparedCall, type ToolReturn, toolError } from "../tools/tool.js";
import type { CallableTool, Toolset } from "../tools/toolset.js";
import { orAbort, orAbortAfter } from "./abort.js";
import { encodeToolReturn } from "./encode-events.js";
import type { Recorder } from "./recorder.js";
import { callKey, canonicalJson } from "./repeat-guard.js";

/** How long a cancelled turn waits for a tool that is ending its processes (TERM, 50 ms, KILL). */
const KILL_GRACE_MS = 90;

export interface CallResult {
  call: ToolCall;
  value: ToolReturn;
  /** Set when a person said no; an empty text is a no without a reason. */
  rejection: string | null;
}

export interface ToolRunnerDeps {
  toolset: Toolset;
  gate: ApprovalGate;
  recorder: Recorder;
  workDir: string;
  /** Who asks: shared by all approvals of the turn, or of the background task. */
  origin: ApprovalOrigin;
  /** Adds what has to be said to a result before it is recorded (repeat guard). */
  finish(call: ToolCall, value: ToolReturn): ToolReturn;
}

/**
 * Runs all calls of a step beside each other and resolves with their results in call order. Questions are asked in
 * call order. A call that repeats an earlier one of the step is not run: it copies that result. `refused` holds
 * calls that must not run, with what to answer. Rejects with the signal's reason on abort and with KernelError when
 * something could not be recorded.
 */
export async function runCalls(
  calls: readonly ToolCall[],
  refused: ReadonlyMap<string, ToolReturn>,
  deps: ToolRunnerDeps,
  signal: AbortSignal,
): Promise<CallResult[]> {
  const firstOf = new Map<string, Promise<CallResult>>();
  const queues = new Map<string, Promise<unknown>>();
  let earlierAsked: Promise<unknown> = Promise.resolve();
  const running = calls.map((call) => {
    const key = callKey(call.function.name, call.function.arguments);
    const first = firstOf.get(key);
    if (first !== undefined) return first.then((result) => recordResult({ ...result, call }, deps, signal));
    const one = new OneCall(call, deps, signal, earlierAsked);
    earlierAsked = one.asked;
    const result = one.run(refused.get(call.id) ?? null, queues);
    firstOf.set(key, result);
    return result.then((done) => recordResult(done, deps, signal));
  });
  // All are awaited even when one fails, so that no call goes on behind the back of a turn that has ended.
  const settled = await Promise.allSettled(running);
  return settled.map((outcome) => {
    if (outcome.status === "rejected") throw signal.aborted ? signal.reason : outcome.reason;
    return outcome.value;
  });
}

function recordResult(result: CallResult, deps: ToolRunnerDeps, signal: AbortSignal): CallResult {
  signal.throwIfAborted();
  const value = deps.finish(result.call, result.value);
  deps.recorder.result({ tool_call_id: result.call.id, return_value: encodeToolReturn(value) });
  return { ...result, value };
}

/** The life of one call. `asked` settles when its question, if any, is out, so that the next call may ask. */
class OneCall {
  readonly asked: Promise<void>;
  #releaseAsk: () => void = () => {};
  readonly #call: ToolCall;
  readonly #deps: ToolRunnerDeps;
  readonly #signal: AbortSignal;
  readonly #earlierAsked: Promise<unknown>;

  constructor(call: ToolCall, deps: ToolRunnerDeps, signal: AbortSignal, earlierAsked: Promise<unknown>) {
    this.#call = call;
    this.#deps = deps;
    this.#signal = signal;
    this.#earlierAsked = earlierAsked;
    this.asked = new Promise((resolve) => {
      this.#releaseAsk = resolve;
    });
  }

  async run(refused: ToolReturn | null, queues: Map<string, Promise<unknown>>): Promise<CallResult> {
    try {
      if (refused !== null) return this.#done(refused);
      const { name, arguments: args } = this.#call.function;
      const tool = await this.#deps.toolset.find(name);
      if (tool === null) return this.#done(toolError(`Tool \`${name}\` not found`, `Tool \`${name}\` not found`));
      const key = tool.exclusiveKey(args);
      if (key === null) return await this.#prepareAndAct(tool);
      return await this.#inQueue(key, queues, () => this.#prepareAndAct(tool));
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      if (error instanceof KernelError) throw error;
      return this.#done(toolError(`Error running tool: ${errorMessage(error)}`, "Tool runtime error"));
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
    const { id, function: fn } = this.#call;
    const prepared = await orAbort(tool.prepare(fn.arguments, { toolCallId: id, signal: this.#signal }), this.#signal);
    if (!("execute" in prepared)) return this.#done(prepared);
    const outcome = await this.#ask(prepared);
    if (outcome !== null && outcome.response === "reject") return this.#rejected(outcome);
    return this.#done(await this.#act(prepared));
  }

  async #ask(prepared: PreparedCall): Promise<ApprovalOutcome | null> {
    if (prepared.ask === null) {
      // It may run long (a question, a client's tool): calls after it need not wait for its end to ask.
      void this.#earlierAsked.then(() => this.#releaseAsk());
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
    return await orAbortAfter(run, this.#signal, KILL_GRACE_MS);
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

  #done(value: ToolReturn): CallResult {
    return { call: this.#call, value, rejection: value.rejection ?? null };
  }

  #rejected(outcome: ApprovalOutcome): CallResult {
    const { feedback } = outcome;
    if (outcome.via === "denied") return this.#done(toolError(feedback, "Not allowed"));
    const value =
      feedback === ""
        ? toolError(
            "The tool call is rejected by the user. Stop what you are doing and wait for the user to tell you how to proceed.",
            "Rejected by user",
          )
        : toolError(`The tool call is rejected by the user. User feedback: ${feedback}`, `Rejected: ${feedback}`);
    return { call: this.#call, value, rejection: feedback };
  }
}
