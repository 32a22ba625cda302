/** One step: a model call, then the calls it asked for, then everything into the conversation. */
import type { ToolCall } from "../messages.js";
import type { ChatProvider } from "../providers/provider.js";
import type { StepPosition } from "../storage/turn-position.js";
import { type ToolReturn, toolError } from "../tools/tool.js";
import { continueReply, endsInCut, saidSomething } from "./continue-reply.js";
import { toolMessageContent } from "./encode-events.js";
import type { History } from "./history.js";
import { callModel, type ModelCall, type ModelReply } from "./model-call.js";
import { readableContent, requireReadable } from "./readable-content.js";
import { callKey, type RepeatGuard, repeatReminder, STOP_AT } from "./repeat-guard.js";
import { statusUpdate } from "./status-update.js";
import { parsesAsObject, storableCall } from "./storable-call.js";
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
 * Runs a step from where it stands. Throws ProviderError, KernelError, or the signal's reason; then nothing of the
 * reply is kept, except for `llm_not_supported`: the tools have acted, and returned what the model cannot read.
 */
export async function runStep(step: StepPosition, deps: StepDeps, signal: AbortSignal): Promise<StepOutcome> {
  if (step.stored && (step.end !== null || step.outcome !== null)) return storedOutcome(step, deps.guard);
  const { history, recorder, guard, provider } = deps;
  const { n } = step;
  const reply = step.end === null ? await askModel(step, deps, signal) : recordedReply(step, step.end);
  const { usage, messageId, finishReason } = reply;
  if (step.end === null) {
    recorder.note({ kind: "stream_end", n, usage, message_id: messageId, finish_reason: finishReason }, false);
  }
  if (step.end === null || !step.statusShown) {
    recorder.event("StatusUpdate", statusUpdate(reply, provider.maxContextSize, deps.planMode()));
  }

  let stuck = false;
  const finish = (call: ToolCall, value: ToolReturn): ToolReturn => {
    const streak = guard.count(callKey(call.function.name, call.function.arguments));
    stuck ||= streak >= STOP_AT;
    const reminder = repeatReminder(streak, call.function.name);
    return reminder === null ? value : withReminder(value, reminder);
  };
  const known = step.end === null ? undefined : step.calls;
  const results = await runCalls(reply.toolCalls, refusedCalls(reply), { ...deps, finish }, signal, known).finally(() =>
    deps.afterResults?.(),
  );
  guard.endStep();

  signal.throwIfAborted();
  const messages = results.map(({ call, value }) => ({ toolCallId: call.id, content: toolMessageContent(value) }));
  const rejections = results.map(({ rejection }) => rejection);
  const outcome = step.outcome ?? outcomeOf(rejections, stuck);
  if (step.outcome === null) recorder.note({ kind: "step_end", n, outcome }, false);
  // What the tools did stays in the conversation even if the turn has to end because of how they say it.
  // A reply that was complete when it was cut off has nothing more to say.
  if (reply.content.length > 0 || reply.toolCalls.length > 0) {
    history.appendStep(
      { ...reply, toolCalls: reply.toolCalls.map(storableCall) },
      messages.map((message) => ({ ...message, content: readableContent(message.content, provider.capabilities) })),
    );
  }
  recorder.checkpoint();
  requireReadable(
    messages.flatMap(({ content }) => content),
    provider,
  );
  return outcome;
}

async function askModel(step: StepPosition, deps: StepDeps, signal: AbortSignal): Promise<ModelReply> {
  const { history, recorder, provider, maxAttempts, random, freshId } = deps;
  const call: ModelCall = {
    provider,
    request: {
      systemPrompt: history.systemPrompt,
      tools: await deps.toolset.definitions(),
      messages: history.messages,
    },
    recorder,
    step: step.n,
    maxAttempts,
    signal,
    random,
    freshId,
  };
  // What is in the conversation already was said before it got there.
  const cut = step.stored ? { content: [], toolCalls: [], calls: step.calls } : step;
  const goesOn = saidSomething(cut) || (step.marked && endsInCut(history.messages));
  return await (goesOn ? continueReply(cut, call, history) : callModel(call));
}

function recordedReply({ content, toolCalls }: StepPosition, end: NonNullable<StepPosition["end"]>): ModelReply {
  return { content, toolCalls, ...end };
}

/** Everything of the step is in the conversation; what it came to may have to be found out again. */
function storedOutcome({ outcome, calls, toolCalls }: StepPosition, guard: RepeatGuard): StepOutcome {
  for (const { function: fn } of toolCalls) guard.count(callKey(fn.name, fn.arguments));
  guard.endStep();
  return (
    outcome ??
    outcomeOf(
      [...calls.values()].map(({ result }) => result?.rejection ?? null),
      false,
    )
  );
}

/** `rejections`: one entry for each call, null for one that nobody rejected. */
function outcomeOf(rejections: readonly (string | null)[], stuck: boolean): StepOutcome {
  if (stuck) return "stop";
  if (rejections.length === 0) return "end";
  const said = rejections.filter((reason) => reason !== null);
  // A no without a word ends the turn; one with a reason anywhere in the step lets the model adapt.
  return said.length > 0 && said.every((reason) => reason === "") ? "end" : "again";
}

/** A reply cut by its length limit may hold half a call: it must not run, however plausible the half looks. */
function refusedCalls(reply: ModelReply): Map<string, ToolReturn> {
  const last = reply.toolCalls.at(-1);
  if (reply.finishReason !== "length" || last === undefined || parsesAsObject(last.function.arguments))
    return new Map();
  const message = "The reply hit its length limit inside this call, so the call was not run. Make it again, shorter.";
  return new Map([[last.id, toolError(message, "Call cut off")]]);
}

function withReminder(value: ToolReturn, reminder: string): ToolReturn {
  if (typeof value.output === "string") return { ...value, output: value.output + reminder };
  return { ...value, output: [...value.output, { type: "text", text: reminder }] };
}
