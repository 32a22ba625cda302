/** What a client of Wire 1.2 understands, and the order in which it can take it. */
import { jsonLine } from "../../wire/json-line.js";
import type { DeliverableRecord } from "../storage/session-log.js";

/** One event; `json` is the JSON text of `payload`, safe for a line. */
export interface OldEvent {
  type: string;
  payload: unknown;
  json: string;
}

const EVENTS: ReadonlySet<string> = new Set([
  ...["TurnBegin", "TurnEnd", "StepBegin", "StepInterrupted", "CompactionBegin", "CompactionEnd", "StatusUpdate"],
  ...["ContentPart", "ToolCall", "ToolCallPart", "ToolResult", "ApprovalResponse", "SubagentEvent"],
]);

const REQUESTS: ReadonlySet<string> = new Set(["ApprovalRequest", "ToolCallRequest"]);

/** Worth a step of their own when a turn shows them without one, as slash commands do. */
const SHOWN: ReadonlySet<string> = new Set(["ContentPart", "CompactionBegin"]);

const STEP: DeliverableRecord = { kind: "event", type: "StepBegin", payload: { n: 1 }, json: '{"n":1}' };

/** True for the requests that Wire 1.2 has. */
export function isOldRequest(type: string): boolean {
  return REQUESTS.has(type);
}

/** The event in its old shape; null when Wire 1.2 has no such type, or none of that type inside. */
export function asOldEvent(event: OldEvent): OldEvent | null {
  if (event.type !== "SubagentEvent") return EVENTS.has(event.type) ? event : null;
  const payload = event.payload as { parent_tool_call_id?: unknown; event?: OldEvent };
  const inner = payload.event === undefined ? null : asOldEvent(payload.event);
  if (inner === null) return null;
  const old = { ...payload, task_tool_call_id: payload.parent_tool_call_id, event: shape(inner) };
  return { type: event.type, payload: old, json: jsonLine(old) };
}

function shape({ type, payload }: OldEvent): { type: string; payload: unknown } {
  return { type, payload };
}

/**
 * Follows the events of one connection and says what leaves in place of each: nothing outside a turn, no turn within a
 * turn, nothing of a turn before its first step.
 */
export class OldTurnOrder {
  #inTurn = false;
  #inStep = false;

  /** A `turn_end` is the TurnEnd of the prompt, not of a turn within it. */
  take(event: DeliverableRecord): readonly DeliverableRecord[] {
    if (event.type === "TurnBegin") return this.#begin(event);
    if (event.type === "TurnEnd") return this.#end(event);
    const old = this.#inTurn ? asOldEvent(event) : null;
    if (old === null) return [];
    if (old.type === "StepBegin") this.#inStep = true;
    const record = { ...event, payload: old.payload, json: old.json };
    if (this.#inStep) return [record];
    return SHOWN.has(old.type) ? [...this.step(), record] : [];
  }

  /** The step that has to begin before something can be asked; nothing when one has begun or no turn runs. */
  step(): readonly DeliverableRecord[] {
    if (!this.#inTurn || this.#inStep) return [];
    this.#inStep = true;
    return [STEP];
  }

  #begin(event: DeliverableRecord): readonly DeliverableRecord[] {
    if (this.#inTurn) return [];
    this.#inTurn = true;
    this.#inStep = false;
    return [event];
  }

  #end(event: DeliverableRecord): readonly DeliverableRecord[] {
    if (!this.#inTurn || event.kind !== "turn_end") return [];
    this.#inTurn = false;
    return [event];
  }
}
