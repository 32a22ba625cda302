import { parseEchoScript } from "./echo-dsl.js";
import { echoError } from "./echo-payload.js";
import { ProviderError, type StreamEnd, type StreamPart } from "./provider.js";

/** Streams one script: all its parts as a single read, without delay. `who` names the provider in the error. */
export async function* streamEchoScript(
  script: string,
  who: string,
  signal: AbortSignal,
): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
  const { parts, messageId, usage } = parseEchoScript(script);
  if (parts.length === 0) throw echoError(`${who} DSL produced no streamable parts.`);
  yield parts;
  signal.throwIfAborted();
  if (!parts.some(isAnswer)) {
    throw new ProviderError("The model sent only thinking and no answer.", {
      errorType: "APIEmptyResponseError",
      code: "only_thinking",
      retryable: true,
    });
  }
  const finishReason = parts.some((part) => part.kind === "tool_call") ? "tool_calls" : "stop";
  return { usage, messageId, finishReason };
}

/** Thinking and arguments without a call are no answer. */
function isAnswer(part: StreamPart): boolean {
  return part.kind === "tool_call" || (part.kind === "content" && part.part.type !== "think");
}
