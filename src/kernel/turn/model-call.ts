/** One model call of a step: streams it to the client, retries what may be retried, returns the whole reply. */
import type { ContentPart, TokenUsage, ToolCall } from "../messages.js";
import {
  type ChatProvider,
  type ChatRequest,
  type FinishReason,
  ProviderError,
  type StreamPart,
} from "../providers/provider.js";
import { MessageAssembler } from "../storage/message-assembler.js";
import { readModelStream } from "./model-stream.js";
import type { Recorder } from "./recorder.js";
import { withRetries } from "./retry.js";

export interface ModelReply {
  content: ContentPart[];
  toolCalls: ToolCall[];
  usage: TokenUsage | null;
  messageId: string | null;
  finishReason: FinishReason;
}

export interface ModelCall {
  provider: ChatProvider;
  request: ChatRequest;
  recorder: Recorder;
  /** Number of the step, for StepRetry. */
  step: number;
  /** Attempts in total, the first included. */
  maxAttempts: number;
  signal: AbortSignal;
  random: () => number;
  /** A fresh id for a call whose own id cannot be used. */
  freshId: () => string;
}

/** Runs the call. Throws ProviderError when no attempt succeeded and the signal's reason when aborted. */
export function callModel(call: ModelCall): Promise<ModelReply> {
  return withRetries(() => streamOnce(call, new MessageAssembler()), {
    ...call,
    pause: (wait) => call.recorder.waiting("retry", wait),
    onRetry: (error, next, wait) =>
      call.recorder.event("StepRetry", {
        n: call.step,
        next_attempt: next,
        max_attempts: call.maxAttempts,
        wait_s: wait / 1000,
        error_type: error.errorType,
        status_code: error.statusCode,
      }),
  });
}

/** One attempt. What the model says goes behind what `assembler` holds, which is complete up to the failure. */
export async function streamOnce(call: ModelCall, assembler: MessageAssembler): Promise<ModelReply> {
  const { recorder, signal } = call;
  const seen = new Set<string>();
  const reading = readModelStream(call.provider.stream(call.request, signal), signal, (parts) => {
    const batch = parts.map((part) => withUsableId(part, seen, call));
    recorder.parts(batch);
    for (const part of batch) assembler.push(part);
    const behind = recorder.ready();
    return behind === null ? null : recorder.waiting("client", behind);
  });
  const end = await recorder.waiting("model", reading);
  const { content, toolCalls } = assembler.finish();
  if (toolCalls.length === 0 && content.every((part) => part.type === "think")) throw emptyReply(content.length > 0);
  return { content, toolCalls, ...end };
}

/** An id that is used twice, or that a client may still answer late, would bind a result to the wrong call. */
function withUsableId(part: StreamPart, seen: Set<string>, call: ModelCall): StreamPart {
  if (part.kind !== "tool_call") return part;
  const { id } = part.call;
  if (!seen.has(id) && !call.recorder.isIdTaken(id)) {
    seen.add(id);
    return part;
  }
  const fresh = call.freshId();
  seen.add(fresh);
  return { kind: "tool_call", call: { ...part.call, id: fresh } };
}

function emptyReply(thinking: boolean): ProviderError {
  return new ProviderError(
    thinking
      ? "The API returned a response containing only thinking content without any text or tool calls."
      : "The API returned an empty response.",
    { errorType: "APIEmptyResponseError", code: "empty_response", retryable: true },
  );
}
