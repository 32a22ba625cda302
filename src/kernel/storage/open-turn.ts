/** What the journal tells about a turn that has no end: which brackets are open, what the model said, what was done. */
import type { ToolCall } from "../messages.js";
import type { StreamPart } from "../providers/provider.js";
import { contentParts, fromContextRecord } from "./context-format.js";
import type { JournalRecord } from "./crc-line.js";
import { asObject } from "./line-json.js";
import { OpenAgents } from "./open-agents.js";

export interface OpenTurn {
  readonly turnId: string;
  readonly userInput: unknown;
  /** TurnBegin events without a TurnEnd; 0 when the client has seen none. */
  openTurns: number;
  begun: boolean;
  /** Other open brackets, outermost first: the event types that close them. */
  openBrackets: string[];
  /** Parts of the step's reply that did not reach the context yet. */
  parts: StreamPart[];
  streamEnded: boolean;
  /** Calls that the client saw in the newest step, in order. */
  calls: Map<string, ToolCall>;
  /** return_value by call id, the whole turn. */
  results: Map<string, unknown>;
  /** Calls of which anything beyond the model's words is recorded: they may have run. */
  touched: Set<string>;
  /** Call ids by the id of an approval request or of hooks that were not answered: those calls did not run. */
  waiting: Map<string, string>;
  /** What the turn's subagents left open. */
  readonly agents: OpenAgents;
  /** Steers that were accepted and not used, by id, in order. */
  steers: Map<string, unknown>;
  /** True when the turn put anything into the context. */
  hasContext: boolean;
}

/** The open turn of these records, or null when the newest turn is closed or there is none. */
export function findOpenTurn(records: readonly JournalRecord[]): OpenTurn | null {
  let turn: OpenTurn | null = null;
  for (const record of records) {
    if (record.kind === "turn") turn = startTurn(record);
    else if (record.kind === "turn_end") turn = null;
    else if (turn !== null) takeRecord(turn, record);
  }
  return turn;
}

function startTurn(record: JournalRecord): OpenTurn {
  const { turn_id, user_input } = record.fields;
  return {
    turnId: typeof turn_id === "string" ? turn_id : "",
    userInput: user_input,
    openTurns: 0,
    begun: false,
    openBrackets: [],
    parts: [],
    streamEnded: false,
    calls: new Map(),
    results: new Map(),
    touched: new Set(),
    waiting: new Map(),
    agents: new OpenAgents(),
    steers: new Map(),
    hasContext: false,
  };
}

function takeRecord(turn: OpenTurn, record: JournalRecord): void {
  const { fields } = record;
  turn.agents.take(record);
  switch (record.kind) {
    case "step":
      startStep(turn);
      return;
    case "stream_end":
      turn.streamEnded = true;
      return;
    case "intent":
      touch(turn, fields.tool_call_id);
      return;
    case "hook":
      if (typeof fields.tool_call_id === "string" && fields.event === "PreToolUse") {
        turn.waiting.set(String(fields.batch_id), fields.tool_call_id);
      }
      return;
    case "hook_decided":
      turn.waiting.delete(String(fields.batch_id));
      return;
    case "answer":
      turn.waiting.delete(String(fields.id));
      return;
    case "steer":
      turn.steers.set(String(fields.steer_id), fields.user_input);
      return;
    case "steer_consumed":
      turn.steers.delete(String(fields.steer_id));
      return;
    case "context":
      takeContext(turn, fields.lines);
      return;
    case "event":
    case "request":
    case "result":
      takeDelivered(turn, String(fields.type), asObject(fields.payload) ?? {});
  }
}

function takeDelivered(turn: OpenTurn, type: string, payload: Record<string, unknown>): void {
  switch (type) {
    case "TurnBegin":
      turn.begun = true;
      turn.openTurns += 1;
      return;
    case "TurnEnd":
      turn.openTurns -= 1;
      return;
    case "CompactionBegin":
    case "MCPLoadingBegin":
      turn.openBrackets.push(type.replace("Begin", "End"));
      return;
    case "CompactionEnd":
    case "MCPLoadingEnd":
      turn.openBrackets = turn.openBrackets.filter((bracket) => bracket !== type);
      return;
    case "StepBegin":
    case "StepRetry":
      startStep(turn);
      return;
    case "ToolResult":
      turn.results.set(String(payload.tool_call_id), payload.return_value);
      return;
    case "ApprovalRequest":
      // A subagent's request is about its own calls.
      if (typeof payload.agent_id === "string") return;
      turn.waiting.set(String(payload.id), String(payload.tool_call_id));
      return;
    case "QuestionRequest":
      touch(turn, payload.tool_call_id);
      return;
    case "ToolCallRequest":
      touch(turn, payload.id);
      return;
    default:
      takePart(turn, type, payload);
  }
}

function takePart(turn: OpenTurn, type: string, payload: Record<string, unknown>): void {
  if (type === "ContentPart") {
    const [part] = contentParts(payload);
    if (part !== undefined) turn.parts.push({ kind: "content", part });
  } else if (type === "ToolCall") {
    const named = asObject(payload.function) ?? {};
    const call: ToolCall = {
      type: "function",
      id: String(payload.id),
      function: {
        name: String(named.name),
        arguments: typeof named.arguments === "string" ? named.arguments : null,
      },
      extras: asObject(payload.extras),
    };
    turn.parts.push({ kind: "tool_call", call });
    turn.calls.set(call.id, call);
  } else if (type === "ToolCallPart") {
    const argumentsPart = typeof payload.arguments_part === "string" ? payload.arguments_part : null;
    turn.parts.push({ kind: "tool_call_part", argumentsPart });
  }
}

/**
 * Whatever an earlier attempt said is replaced by the step that begins; what became of earlier calls is settled, and
 * their ids may come again.
 */
function startStep(turn: OpenTurn): void {
  turn.parts = [];
  turn.calls = new Map();
  turn.results = new Map();
  turn.touched = new Set();
  turn.streamEnded = false;
}

/** The turn writes the reply itself when it gets that far; then nothing of it is left to save. */
function takeContext(turn: OpenTurn, lines: unknown): void {
  turn.hasContext = true;
  for (const line of Array.isArray(lines) ? lines : []) {
    const entry = fromContextRecord(asObject(line) ?? {});
    if (entry?.kind === "message" && entry.message.role === "assistant") turn.parts = [];
  }
}

function touch(turn: OpenTurn, callId: unknown): void {
  if (typeof callId === "string") turn.touched.add(callId);
}
