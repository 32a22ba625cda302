/**
 * Makes a loaded history one that every model server accepts: each call is followed by its result, each result follows
 * its call. It changes the messages in memory only, and always in the same way, so that a file of another kernel can
 * stay as it is.
 */
import type { Message, ToolCall } from "../messages.js";
import { toolMessage, unknownOutcome } from "./tool-message.js";

type AssistantMessage = Extract<Message, { role: "assistant" }>;
type ToolMessage = Extract<Message, { role: "tool" }>;

export interface RepairedHistory {
  readonly messages: Message[];
  /** Results that were added at the very end; they may be appended to the file as well. */
  readonly trailing: Message[];
  readonly repairs: string[];
}

/** Pure. `resultOf` gives the recorded result of a call, null when there is none. */
export function repairHistory(
  history: readonly Message[],
  resultOf: (call: ToolCall) => unknown | null = () => null,
): RepairedHistory {
  const messages: Message[] = [];
  let trailing: Message[] = [];
  let added = 0;
  let dropped = 0;
  for (const segment of segments(history)) {
    const { assistant, rest } = segment;
    if (assistant !== null) messages.push(assistant);
    const results = new Map<string, ToolMessage>();
    const others: Message[] = [];
    for (const message of rest) {
      if (message.role !== "tool") others.push(message);
      else if (callsOf(assistant, message.tool_call_id) && !results.has(message.tool_call_id)) {
        results.set(message.tool_call_id, message);
      } else dropped += 1;
    }
    trailing = [];
    for (const call of assistant?.tool_calls ?? []) {
      const known = results.get(call.id);
      const result = known ?? toolMessage(call.id, resultOf(call) ?? unknownOutcome());
      messages.push(result);
      if (known !== undefined) continue;
      trailing.push(result);
      added += 1;
    }
    if (others.length > 0) trailing = [];
    messages.push(...others);
  }
  const repairs: string[] = [];
  if (added > 0) repairs.push(`${added} tool call(s) in the history had no result; their outcome is unknown.`);
  if (dropped > 0) repairs.push(`${dropped} tool result(s) in the history belong to no call and were left out.`);
  return { messages, trailing, repairs };
}

function callsOf(assistant: AssistantMessage | null, id: string): boolean {
  return assistant?.tool_calls.some((call) => call.id === id) === true;
}

/** An assistant message with everything up to the next one; the first segment may have none. */
function* segments(
  history: readonly Message[],
): Generator<{ assistant: AssistantMessage | null; rest: Message[] }, void, void> {
  let assistant: AssistantMessage | null = null;
  let rest: Message[] = [];
  for (const message of history) {
    if (message.role !== "assistant") {
      rest.push(message);
      continue;
    }
    if (assistant !== null || rest.length > 0) yield { assistant, rest };
    assistant = message;
    rest = [];
  }
  if (assistant !== null || rest.length > 0) yield { assistant, rest };
}
