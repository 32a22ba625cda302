/** Reads what a journal tells of one step of a turn, record by record. */
import type { ToolCall } from "../messages.js";
import type { FinishReason, StreamEnd, StreamPart } from "../providers/provider.js";
import { CallReader } from "./call-position.js";
import { contentParts, fromContextRecord } from "./context-format.js";
import type { JournalRecord } from "./crc-line.js";
import { asObject } from "./line-json.js";
import { MessageAssembler } from "./message-assembler.js";
import type { StepPosition } from "./turn-position.js";

const OUTCOMES: ReadonlySet<unknown> = new Set(["again", "end", "stop"]);
const FINISH_REASONS: ReadonlySet<unknown> = new Set(["stop", "tool_calls", "length", "content_filter"]);

/** One step from its StepBegin on. Give it every record of the turn that follows. */
export class StepReader {
  readonly #n: number;
  #marked: boolean;
  #interrupted = false;
  #assembler = new MessageAssembler();
  #calls = new CallReader();
  #end: StreamEnd | null = null;
  #statusShown = false;
  #stored = false;
  #returned = false;
  #outcome: StepPosition["outcome"] = null;

  /** `marked`: its checkpoint is in the conversation. */
  constructor(n: number, marked: boolean) {
    this.#n = n;
    this.#marked = marked;
  }

  /** The `step` note of step `n`. True when it belongs to this step; its reply begins behind it. */
  mark(n: number): boolean {
    if (this.#marked || n !== this.#n) return false;
    this.#marked = true;
    this.#startReply();
    return true;
  }

  /** A steer entered the conversation behind it: another step has to follow. */
  steered(): void {
    if (this.#outcome !== null) this.#outcome = "again";
  }

  /** Takes a record; ignores what says nothing of the step. */
  take(record: JournalRecord): void {
    const { fields } = record;
    switch (record.kind) {
      case "stream_end":
        this.#end = streamEnd(fields);
        return;
      case "step_end":
        if (OUTCOMES.has(fields.outcome)) this.#outcome = fields.outcome as StepPosition["outcome"];
        return;
      case "notice":
        // Without a stored reply the text before it is part of the reply that goes on.
        if (fields.code === "continued" && this.#stored) this.#startReply();
        return;
      case "context":
        this.#stored ||= holdsReply(fields.lines);
        return;
      case "rotate":
        // A compaction belongs to the step that it goes before.
        this.#returned ||= this.#stored;
        return;
      case "event":
        this.#takeEvent(String(fields.type), asObject(fields.payload) ?? {});
        return;
      default:
        this.#calls.take(record);
    }
  }

  /** The step as far as it was read. */
  position(): StepPosition {
    return {
      n: this.#n,
      marked: this.#marked,
      interrupted: this.#interrupted,
      ...this.#assembler.finish(),
      end: this.#end,
      statusShown: this.#statusShown,
      stored: this.#stored,
      ...(this.#returned ? { returned: true } : {}),
      outcome: this.#outcome,
      calls: this.#calls.positions,
    };
  }

  #takeEvent(type: string, payload: Record<string, unknown>): void {
    if (type === "StepRetry") this.#startReply();
    else if (type === "StepInterrupted") this.#interrupted = true;
    else if (type === "StatusUpdate") this.#statusShown ||= this.#end !== null && isStatusOf(this.#end, payload);
    else {
      const part = streamPart(type, payload);
      // Behind the end of the step it is a command that speaks, not the model.
      if (part !== null && this.#outcome === null) this.#takePart(part);
    }
  }

  #takePart(part: StreamPart): void {
    // What was said before stands in the conversation.
    if (this.#stored) this.#startReply();
    if (part.kind === "tool_call") this.#calls.open(part.call.id);
    this.#assembler.push(part);
  }

  /** Whatever was said before is void, or stands in the conversation. */
  #startReply(): void {
    this.#assembler = new MessageAssembler();
    this.#calls = new CallReader();
    this.#end = null;
    this.#statusShown = false;
    this.#stored = false;
    this.#returned = false;
    this.#outcome = null;
  }
}

/** The part of the model's stream that an event is; null for any other event. */
export function streamPart(type: string, payload: Readonly<Record<string, unknown>>): StreamPart | null {
  if (type === "ContentPart") {
    const [part] = contentParts(payload);
    return part === undefined ? null : { kind: "content", part };
  }
  if (type === "ToolCall") return { kind: "tool_call", call: toolCall(payload) };
  if (type !== "ToolCallPart") return null;
  const text = payload.arguments_part;
  return { kind: "tool_call_part", argumentsPart: typeof text === "string" ? text : null };
}

function toolCall(payload: Readonly<Record<string, unknown>>): ToolCall {
  const named = asObject(payload.function) ?? {};
  const args = typeof named.arguments === "string" ? named.arguments : null;
  return {
    type: "function",
    id: String(payload.id),
    function: { name: String(named.name), arguments: args },
    extras: asObject(payload.extras),
  };
}

/** A switch of the plan mode, or a state of the servers, may come between the end of a stream and the step's own. */
function isStatusOf(end: StreamEnd, payload: Readonly<Record<string, unknown>>): boolean {
  if (end.usage === null && end.messageId === null) return typeof payload.plan_mode === "boolean";
  return asObject(payload.token_usage) !== null || typeof payload.message_id === "string";
}

function streamEnd(fields: Readonly<Record<string, unknown>>): StreamEnd {
  const { message_id, finish_reason, usage } = fields;
  const known = FINISH_REASONS.has(finish_reason);
  return {
    usage: asObject(usage) as StreamEnd["usage"],
    messageId: typeof message_id === "string" ? message_id : null,
    finishReason: known ? (finish_reason as FinishReason) : "other",
  };
}

function holdsReply(lines: unknown): boolean {
  return (Array.isArray(lines) ? lines : []).some((line) => {
    const entry = fromContextRecord(asObject(line) ?? {});
    return entry?.kind === "message" && entry.message.role === "assistant";
  });
}
