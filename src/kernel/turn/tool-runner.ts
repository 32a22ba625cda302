/** Runs the calls of one step beside each other and records their results. Never throws for a tool's sake. */
import type { ToolCall } from "../messages.js";
import { answeredByClient } from "../storage/tool-message.js";
import type { CallPosition } from "../storage/turn-position.js";
import { type ToolReturn, toolError } from "../tools/tool.js";
import type { CallableTool, Toolset } from "../tools/toolset.js";
import { decodeToolReturn, encodeToolReturn } from "./encode-events.js";
import { type CallResult, OneCall, type OneCallDeps, toolFailed } from "./one-call.js";
import { callKey } from "./repeat-guard.js";

const NO_POSITIONS: ReadonlyMap<string, CallPosition> = new Map();

export interface ToolRunnerDeps extends OneCallDeps {
  toolset: Toolset;
  /** Adds what has to be said to a result before it is recorded (repeat guard). */
  finish(call: ToolCall, value: ToolReturn): ToolReturn;
}

/**
 * Runs all calls of a step beside each other and resolves with their results in call order. Questions are asked in
 * call order. A call that repeats an earlier one of the step is not run: it copies that result. `refused` holds
 * calls that must not run, with what to answer; `positions` what an earlier process recorded of the calls: those with a
 * result are neither run nor recorded again. Rejects with the signal's reason on abort and with KernelError when
 * something could not be recorded; the other calls are stopped then.
 */
export async function runCalls(
  calls: readonly ToolCall[],
  refused: ReadonlyMap<string, ToolReturn>,
  deps: ToolRunnerDeps,
  signal: AbortSignal,
  positions: ReadonlyMap<string, CallPosition> = NO_POSITIONS,
): Promise<CallResult[]> {
  signal.throwIfAborted();
  // All tools are found first: which one loads faster must not decide which call comes first.
  const tools = await Promise.all(calls.map((call) => refused.get(call.id) ?? findTool(call, deps.toolset)));
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  const firstOf = new Map<string, Promise<CallResult>>();
  const queues = new Map<string, Promise<unknown>>();
  let earlierAsked: Promise<unknown> = Promise.resolve();

  const start = (call: ToolCall, tool: CallableTool | ToolReturn): Promise<CallResult> => {
    const position = positions.get(call.id) ?? null;
    if ("isError" in tool) return withoutTool(call, tool, position, stop);
    const one = new OneCall(call, deps, stop, earlierAsked, position);
    earlierAsked = Promise.all([earlierAsked, one.asked]);
    return one.run(tool, queues);
  };
  const running = calls.map(async (call, index) => {
    const key = callKey(call.function.name, call.function.arguments);
    const recorded = positions.get(call.id)?.result ?? null;
    if (recorded !== null) {
      const done = { call, value: decodeToolReturn(recorded.returnValue), rejection: recorded.rejection, used: null };
      firstOf.set(key, firstOf.get(key) ?? Promise.resolve(done));
      deps.finish(call, done.value);
      return done;
    }
    const first = firstOf.get(key);
    const result = first ?? start(call, tools[index] as CallableTool | ToolReturn);
    firstOf.set(key, result);
    try {
      const done = await result;
      return recordResult({ ...done, call, used: first === undefined ? done.used : null }, deps, signal);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  });
  // All are awaited even when one fails, so that no call goes on behind the back of a turn that has ended.
  const settled = await Promise.allSettled(running);
  return settled.map((outcome) => {
    if (outcome.status === "rejected") throw signal.aborted ? signal.reason : outcome.reason;
    return outcome.value;
  });
}

async function findTool({ function: { name } }: ToolCall, toolset: Toolset): Promise<CallableTool | ToolReturn> {
  try {
    return (await toolset.find(name)) ?? toolError(`Tool \`${name}\` not found`, `Tool \`${name}\` not found`);
  } catch (error) {
    return toolFailed(error);
  }
}

/** A tool that is gone may have acted while it was there; the client's may have said so. */
async function withoutTool(
  call: ToolCall,
  missing: ToolReturn,
  position: CallPosition | null,
  signal: AbortSignal,
): Promise<CallResult> {
  const answered = answeredByClient(position?.request ?? null);
  if (answered !== null) return { call, value: decodeToolReturn(answered), rejection: null, used: null };
  const intent = position?.intent ?? null;
  const known = intent === null ? null : await (await import("./after-intent.js")).afterIntent(intent, null, signal);
  return { call, value: known ?? missing, rejection: null, used: null };
}

function recordResult(result: CallResult, deps: ToolRunnerDeps, signal: AbortSignal): CallResult {
  signal.throwIfAborted();
  if (result.used !== null) deps.hooks.afterTool(result.used, result.value);
  const value = deps.finish(result.call, result.value);
  const { rejection } = result;
  deps.recorder.result(
    { tool_call_id: result.call.id, return_value: encodeToolReturn(value) },
    rejection === null ? undefined : { rejection },
  );
  return { ...result, value };
}
