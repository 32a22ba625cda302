/** The message that tells the model what a call gave, and the results of calls whose own result was never recorded. */
import type { ContentPart, Message } from "../messages.js";
import { contentParts } from "./context-format.js";
import { asObject } from "./line-json.js";
import type { RequestPosition } from "./turn-position.js";

/** A ToolResult's return_value, all fields as on the wire. */
export interface ReturnValue {
  is_error: boolean;
  output: string | ContentPart[];
  message: string;
  display: { type: "brief"; text: string }[];
  extras: Record<string, unknown> | null;
}

/** Result of a call that may have run: its effect cannot be known from what was recorded. */
export function unknownOutcome(): ReturnValue {
  return interrupted(
    "unknown_outcome",
    "The outcome of this call is unknown: the kernel stopped before a result was recorded. Check what it did before running it again.",
    "Unknown outcome",
  );
}

/** Result of a call that cannot have run: the model was still writing it, or nobody had allowed it yet. */
export function interruptedCall(): ReturnValue {
  return interrupted("interrupted", "The call was interrupted before it began; it did not run.", "Interrupted");
}

/** Result of a call whose agent was cut off. Its own files are safe, so its work is not unknown. */
export function agentInterrupted(agentId: string): ReturnValue {
  return interrupted(
    "interrupted",
    `The kernel stopped before the agent gave its report. Go on with it by resume: "${agentId}".`,
    "Interrupted",
  );
}

/**
 * What a client's recorded answer to a ToolCallRequest says, for whoever cannot ask its tool any more; what it showed is
 * left out. null for no such answer, and for one that is malformed.
 */
export function answeredByClient(request: RequestPosition | null): ReturnValue | null {
  if (request?.type !== "ToolCallRequest") return null;
  const value = asObject(asObject(request.answer?.raw)?.return_value);
  if (typeof value?.is_error !== "boolean" || typeof value.message !== "string") return null;
  const { is_error, message, output, extras } = value;
  const parts = typeof output === "string" ? output : contentParts(output);
  return { is_error, output: parts, message, display: [], extras: asObject(extras) };
}

/** The tool message of a return_value: the message in a system tag, then the output. Any JSON value is accepted. */
export function toolMessage(toolCallId: string, returnValue: unknown): Message {
  const value = asObject(returnValue) ?? {};
  const message = typeof value.message === "string" ? value.message : "";
  const output = contentParts(value.output).filter((part) => part.type !== "text" || part.text !== "");
  const content: ContentPart[] = [];
  if (value.is_error === true) content.push(systemText(`ERROR: ${message}`));
  else if (message !== "") content.push(systemText(message));
  else if (output.length === 0) content.push(systemText("Tool output is empty."));
  return { role: "tool", tool_call_id: toolCallId, content: [...content, ...output] };
}

function interrupted(code: string, message: string, brief: string): ReturnValue {
  return { is_error: true, output: "", message, display: [{ type: "brief", text: brief }], extras: { code } };
}

function systemText(text: string): ContentPart {
  return { type: "text", text: `<system>${text}</system>` };
}
