/**
 * Ends a turn whose kernel died, with nothing that is not recorded: what the model had said stays, calls without a
 * result get one that says so, every bracket gets its end.
 */
import type { Message, ToolCall } from "../messages.js";
import { type ContextEntry, contentParts, toContextMessage } from "./context-format.js";
import type { JournalRecord } from "./crc-line.js";
import { repairHistory } from "./history-repair.js";
import { lineJson } from "./line-json.js";
import { assembleMessage } from "./message-assembler.js";
import { findOpenTurn, type OpenTurn } from "./open-turn.js";
import type { ContextRecord, DeliverableRecord } from "./session-log.js";
import { interruptedCall, type ReturnValue, unknownOutcome } from "./tool-message.js";

export interface ClosingPlan {
  /** To be appended in this order; the last one is the turn_end. */
  readonly deliver: DeliverableRecord[];
  readonly context: ContextRecord[];
  /** The messages among `context`. */
  readonly messages: Message[];
  readonly repairs: string[];
}

/** Pure. `entries` is the context so far; null when no turn is open. Repeating it after a part was written is safe. */
export function planClosing(records: readonly JournalRecord[], entries: readonly ContextEntry[]): ClosingPlan | null {
  const turn = findOpenTurn(records);
  if (turn === null) return null;
  const messages = closingMessages(turn, entries);
  const context: ContextRecord[] = messages.map((message) => toContextMessage(message));
  const repairs = ["The last turn was interrupted and has been closed."];
  const open = [...turn.calls.values()].filter((call) => !turn.results.has(call.id));
  const unknown = open.filter((call) => !isAgentCall(call));
  if (unknown.length > 0) {
    const names = unknown.map((call) => call.function.name).join(", ");
    repairs.push(`The outcome of ${unknown.length} tool call(s) is unknown: ${names}.`);
  }
  return { deliver: closingEvents(turn, open), context, messages, repairs };
}

function closingMessages(turn: OpenTurn, entries: readonly ContextEntry[]): Message[] {
  const added: Message[] = [];
  if (turn.begun && !turn.hasContext && !isSlashCommand(turn.userInput)) {
    added.push({ role: "user", content: contentParts(turn.userInput) });
  }
  const reply = unfinishedReply(turn);
  if (reply !== null) added.push(reply);
  const known = entries.flatMap((entry) => (entry.kind === "message" ? [entry.message] : []));
  const resultOf = (call: ToolCall) => turn.results.get(call.id) ?? missingResult(turn, call);
  added.push(...repairHistory([...known, ...added], resultOf).trailing);
  for (const input of turn.steers.values()) added.push({ role: "user", content: contentParts(input) });
  return added;
}

/** Text stays whole; half a thought is of no use to a model, and half the arguments would break its server. */
function unfinishedReply(turn: OpenTurn): Message | null {
  const { content, toolCalls } = assembleMessage(turn.parts);
  const kept = turn.streamEnded ? content : content.filter((part) => part.type !== "think");
  if (toolCalls.length === 0 && !kept.some((part) => part.type !== "think")) return null;
  const calls = toolCalls.map((call) => ({ ...call, function: { ...call.function, arguments: validArguments(call) } }));
  return { role: "assistant", content: kept, tool_calls: calls };
}

function closingEvents(turn: OpenTurn, open: readonly ToolCall[]): DeliverableRecord[] {
  const events: DeliverableRecord[] = [];
  if (!turn.begun) events.push(deliverable("event", "TurnBegin", { user_input: turn.userInput }));
  for (const bracket of turn.openBrackets.toReversed()) events.push(deliverable("event", bracket, {}));
  for (const payload of turn.agents.closingEvents()) events.push(deliverable("event", "SubagentEvent", payload));
  for (const call of open) {
    const return_value = missingResult(turn, call);
    events.push(deliverable("result", "ToolResult", { tool_call_id: call.id, return_value }));
  }
  for (const user_input of turn.steers.values()) events.push(deliverable("event", "SteerInput", { user_input }));
  for (let open = turn.openTurns; open > 1; open -= 1) events.push(deliverable("event", "TurnEnd", {}));
  const extra = { turn_id: turn.turnId, result: null, error: "interrupted" };
  events.push({ ...deliverable("turn_end", "TurnEnd", {}), extra });
  return events;
}

/**
 * Tools start after the model's stream has ended, so a call inside an open stream cannot have run. The call of an agent
 * is never unknown: what the agent did is in its own records.
 */
function missingResult(turn: OpenTurn, call: ToolCall): ReturnValue {
  const callId = call.id;
  const agent = turn.agents.resultOf(callId);
  if (agent !== null) return agent;
  if (isAgentCall(call)) return interruptedCall();
  if ([...turn.waiting.values()].includes(callId) && !turn.touched.has(callId)) return interruptedCall();
  const acted = [...turn.calls.keys()].some((id) => turn.touched.has(id) || turn.results.has(id));
  const inStream = !turn.streamEnded && turn.waiting.size === 0 && turn.parts.length > 0;
  return inStream && !acted && !turn.touched.has(callId) ? interruptedCall() : unknownOutcome();
}

function isAgentCall(call: ToolCall): boolean {
  return call.function.name === "Agent";
}

function deliverable(kind: DeliverableRecord["kind"], type: string, payload: unknown): DeliverableRecord {
  return { kind, type, payload, json: lineJson(payload) };
}

function validArguments(call: ToolCall): string | null {
  const text = call.function.arguments;
  if (text === null) return null;
  try {
    JSON.parse(text);
    return text;
  } catch {
    return "{}";
  }
}

function isSlashCommand(input: unknown): boolean {
  const text = contentParts(input)
    .map((part) => (part.type === "text" ? part.text : ""))
    .join(" ");
  return text.trim().startsWith("/");
}
