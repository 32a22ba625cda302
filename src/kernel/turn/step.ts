/** One step: a model call, then the calls it asked for, then everything into the conversation. */
import type { ToolCall } from "../messages.js";
import type { ChatProvider } from "../providers/provider.js";
import { type ToolReturn, toolError } from "../tools/tool.js";
import { toolMessageContent } from "./encode-events.js";
import type { History } from "./history.js";
import { callModel, type ModelReply } from "./model-call.js";
import type { CallResult } from "./one-call.js";
import { readableContent, requireReadable } from "./readable-content.js";
import { callKey, type RepeatGuard, repeatReminder, STOP_AT } from "./repeat-guard.js";
import { statusUpdate } from "./status-update.js";
import { runCalls, type ToolRunnerDeps } from "./tool-runner.js";

export interface StepDeps extends Omit<ToolRunnerDeps, "finish"> {
  provider: ChatProvider;
  history: History;
  guard: RepeatGuard;
  maxAttempts: number;
  planMode: () => boolean;
  /** Called when all results of a step are out, or none will come any more: what waited for them may be told now. */
  afterResults?: () => void;
  random: () => number;
  freshId: () => string;
}

/** `again`: the model has to see results. `end`: the turn may end here. `stop`: it must. */
export type StepOutcome = "again" | "end" | "stop";

/**
 * Runs step `n`. Throws ProviderError, KernelError, or the signal's reason; then nothing of the reply is kept, except
 * for `llm_not_supported`: the tools have acted, and returned what the model cannot read.
 */
export async function runStep(n: number, deps: StepDeps, signal: AbortSignal): Promise<StepOutcome> {
  const { history, recorder, guard } = deps;
  const reply = await callModel({
    provider: deps.provider,
    request: {
      systemPrompt: history.systemPrompt,
      tools: await deps.toolset.definitions(),
      messages: history.messages,
    },
    recorder,
    step: n,
    maxAttempts: deps.maxAttempts,
    signal,
    random: deps.random,
    freshId: deps.freshId,
  });
  const { usage, messageId, finishReason } = reply;
  recorder.note({ kind: "stream_end", n, usage, message_id: messageId, finish_reason: finishReason }, false);
  recorder.event("StatusUpdate", statusUpdate(reply, deps.provider.maxContextSize, deps.planMode()));

  let stuck = false;
  const finish = (call: ToolCall, value: ToolReturn): ToolReturn => {
    const streak = guard.count(callKey(call.function.name, call.function.arguments));
    stuck ||= streak >= STOP_AT;
    const reminder = repeatReminder(streak, call.function.name);
    return reminder === null ? value : withReminder(value, reminder);
  };
  const results = await runCalls(reply.toolCalls, refusedCalls(reply), { ...deps, finish }, signal).finally(() =>
    deps.afterResults?.(),
  );
  guard.endStep();

  signal.throwIfAborted();
  const { provider } = deps;
  const messages = results.map(({ call, value }) => ({ toolCallId: call.id, content: toolMessageContent(value) }));
  // What the tools did stays in the conversation even if the turn has to end because of how they say it.
  history.appendStep(
    { ...reply, toolCalls: reply.toolCalls.map(storableCall) },
    messages.map((message) => ({ ...message, content: readableContent(message.content, provider.capabilities) })),
  );
  recorder.checkpoint();
  requireReadable(
    messages.flatMap(({ content }) => content),
    provider,
  );
  return outcomeOf(results, stuck);
}

function outcomeOf(results: readonly CallResult[], stuck: boolean): StepOutcome {
  if (stuck) return "stop";
  if (results.length === 0) return "end";
  const rejections = results.flatMap(({ rejection }) => (rejection === null ? [] : [rejection]));
  // A no without a word ends the turn; one with a reason anywhere in the step lets the model adapt.
  return rejections.length > 0 && rejections.every((reason) => reason === "") ? "end" : "again";
}

/** A reply cut by its length limit may hold half a call: it must not run, however plausible the half looks. */
function refusedCalls(reply: ModelReply): Map<string, ToolReturn> {
  const last = reply.toolCalls.at(-1);
  if (reply.finishReason !== "length" || last === undefined || parsesAsObject(last.function.arguments))
    return new Map();
  const message = "The reply hit its length limit inside this call, so the call was not run. Make it again, shorter.";
  return new Map([[last.id, toolError(message, "Call cut off")]]);
}

/** Arguments that are not JSON break chat templates for ever after, so the conversation stores an empty object. */
function storableCall(call: ToolCall): ToolCall {
  const text = call.function.arguments;
  if (text !== null && text !== "" && parsesAsObject(text)) return call;
  return { ...call, function: { ...call.function, arguments: "{}" } };
}

function parsesAsObject(text: string | null): boolean {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function withReminder(value: ToolReturn, reminder: string): ToolReturn {
  if (typeof value.output === "string") return { ...value, output: value.output + reminder };
  return { ...value, output: [...value.output, { type: "text", text: reminder }] };
}
