/**
 * Ends a turn whose kernel died, with nothing that is not recorded: what the model had said stays, calls without a
 * result get one that says so, every bracket gets its end.
 */
import type { Message, ToolCall } from "../messages.js";
import { type ContextEntry, contentParts, toContextMessage } from "./context-format.js";
import type { JournalRecord } from "./crc-line.js";
import { repairHistory } from "./history-repair.js";
import { lineJson } from "./line-json.js";
import { findOpenTurn, isSlashCommand, type OpenTurn } from "./open-turn-position.js";
import type { ContextRecord, DeliverableRecord } from "./session-log.js";
import { answeredByClient, interruptedCall, type ReturnValue, unknownOutcome } from "./tool-message.js";
import { INTERRUPTED, type TurnOutcome } from "./turn-outcome.js";
import type { StepPosition } from "./turn-position.js";

const CANCELLED: TurnOutcome = { result: { status: "cancelled" }, error: null };

export interface ClosingPlan {
  /** To be appended in this order; the last one is the turn_end. */
  readonly deliver: DeliverableRecord[];
  readonly context: ContextRecord[];
  /** The messages among `context`. */
  readonly messages: Message[];
  readonly repairs: string[];
  /** Seq of what the client had been sent before; 0 for nothing. */
  readonly deliveredSeq: number;
}

/** Pure. `entries` is the context so far; null when no turn is open. Repeating it after a part was written is safe. */
export function planClosing(records: readonly JournalRecord[], entries: readonly ContextEntry[]): ClosingPlan | null {
  const turn = findOpenTurn(records);
  if (turn === null) return null;
  const messages = closingMessages(turn, entries);
  const context: ContextRecord[] = messages.map((message) => toContextMessage(message));
  const repairs = ["The last turn was interrupted and has been closed."];
  const { step } = turn.position;
  const open = step === null ? [] : step.toolCalls.filter((call) => resultOf(step, call) === null);
  const unknown = open.filter((call) => isUnknown(turn, call));
  if (unknown.length > 0) {
    const names = unknown.map((call) => call.function.name).join(", ");
    repairs.push(`The outcome of ${unknown.length} tool call(s) is unknown: ${names}.`);
  }
  return { deliver: closingEvents(turn, open), context, messages, repairs, deliveredSeq: turn.position.deliveredSeq };
}

function closingMessages(turn: OpenTurn, entries: readonly ContextEntry[]): Message[] {
  const { begun, hasContext, userInput, step, steers } = turn.position;
  const added: Message[] = [];
  if (begun && !hasContext && !isSlashCommand(userInput))
    added.push({ role: "user", content: contentParts(userInput) });
  const reply = step === null ? null : unfinishedReply(step);
  if (reply !== null) added.push(reply);
  const known = entries.flatMap((entry) => (entry.kind === "message" ? [entry.message] : []));
  const recorded = (call: ToolCall) => (step === null ? null : resultOf(step, call)) ?? missingResult(turn, call);
  added.push(...repairHistory([...known, ...added], recorded).trailing);
  for (const steer of steers) added.push({ role: "user", content: contentParts(steer.userInput) });
  return added;
}

/** Text stays whole; half a thought is of no use to a model, and half the arguments would break its server. */
function unfinishedReply({ stored, end, content, toolCalls }: StepPosition): Message | null {
  if (stored) return null;
  const kept = end === null ? content.filter((part) => part.type !== "think") : content;
  if (toolCalls.length === 0 && !kept.some((part) => part.type !== "think")) return null;
  const calls = toolCalls.map((call) => ({ ...call, function: { ...call.function, arguments: validArguments(call) } }));
  return { role: "assistant", content: kept, tool_calls: calls };
}

function closingEvents(turn: OpenTurn, open: readonly ToolCall[]): DeliverableRecord[] {
  const { turnId, begun, userInput, openBrackets, openHooks = [], openInnerTurns, cancelled } = turn.position;
  const { steers, unshownSteers } = turn.position;
  const events: DeliverableRecord[] = [];
  if (!begun) events.push(deliverable("event", "TurnBegin", { user_input: userInput }));
  for (const payload of turn.approvals) events.push(deliverable("event", "ApprovalResponse", payload));
  for (const payload of openHooks) events.push(deliverable("event", "HookResolved", payload));
  for (const bracket of openBrackets) events.push(deliverable("event", bracket, {}));
  for (const payload of turn.agents.closingEvents()) events.push(deliverable("event", "SubagentEvent", payload));
  for (const call of open) {
    const return_value = missingResult(turn, call);
    events.push(deliverable("result", "ToolResult", { tool_call_id: call.id, return_value }));
  }
  for (const user_input of [...unshownSteers, ...steers.map((steer) => steer.userInput)]) {
    events.push(deliverable("event", "SteerInput", { user_input }));
  }
  for (let inner = 0; inner < openInnerTurns; inner += 1) events.push(deliverable("event", "TurnEnd", {}));
  const extra = { turn_id: turnId, ...(cancelled ? CANCELLED : INTERRUPTED) };
  events.push({ ...deliverable("turn_end", "TurnEnd", {}), extra });
  return events;
}

/**
 * Whatever a call may change is recorded before it acts, so one of which nothing is recorded did not run. The call of an
 * agent is never unknown: what the agent did is in its own records.
 */
function missingResult(turn: OpenTurn, call: ToolCall): ReturnValue {
  const known = turn.agents.resultOf(call.id) ?? answerOf(turn, call);
  if (known !== null) return known;
  return isUnknown(turn, call) ? unknownOutcome() : interruptedCall();
}

function isUnknown(turn: OpenTurn, call: ToolCall): boolean {
  const { intent = null, request = null, decided = null } = turn.position.step?.calls.get(call.id) ?? {};
  if (isAgentCall(call) || answerOf(turn, call) !== null) return false;
  return intent !== null || request !== null || decided !== null;
}

/** The client had run it, and only the result was not recorded. */
function answerOf({ position }: OpenTurn, call: ToolCall): ReturnValue | null {
  return answeredByClient(position.step?.calls.get(call.id)?.request ?? null);
}

function resultOf(step: StepPosition, call: ToolCall): unknown {
  return step.calls.get(call.id)?.result?.returnValue ?? null;
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
