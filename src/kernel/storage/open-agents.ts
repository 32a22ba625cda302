/** The subagents of a turn that has no end: what of theirs the client saw begin and not end. */
import type { JournalRecord } from "./crc-line.js";
import { asObject } from "./line-json.js";
import type { DeliverableRecord } from "./session-log.js";
import { agentInterrupted, interruptedCall, type ReturnValue, unknownOutcome } from "./tool-message.js";

interface OpenAgent {
  readonly agentId: string;
  readonly subagentType: string;
  /** The Agent call that asked. */
  readonly callId: string;
  /** TurnBegin events without a TurnEnd. */
  openTurns: number;
  /** Calls that the client saw and whose result it did not see. */
  readonly openCalls: Set<string>;
  /** Calls that may have acted. */
  readonly touched: Set<string>;
}

export class OpenAgents {
  readonly #agents = new Map<string, OpenAgent>();
  /** By the id of their call, those of the newest step: the calls of another one may have the same ids. */
  readonly #ofStep = new Map<string, OpenAgent>();

  /** Takes `agent_begin`, `agent_note`, SubagentEvent and StepBegin records; ignores all others. */
  take(record: JournalRecord): void {
    const { fields } = record;
    const agentId = String(fields.agent_id);
    if (record.kind === "agent_begin") {
      const subagentType = String(fields.subagent_type);
      const callId = String(fields.tool_call_id);
      const nothing = { openTurns: 0, openCalls: new Set<string>(), touched: new Set<string>() };
      const agent = { agentId, subagentType, callId, ...nothing };
      this.#agents.set(agentId, agent);
      this.#ofStep.set(callId, agent);
    } else if (record.kind === "agent_note") {
      const note = asObject(fields.note);
      if (note?.kind === "intent") this.#agents.get(agentId)?.touched.add(String(note.tool_call_id));
    } else if (record.kind === "event" && fields.type === "SubagentEvent") {
      this.#takeEvent(asObject(fields.payload) ?? {});
    } else if (record.kind === "event" && fields.type === "StepBegin") this.#ofStep.clear();
  }

  /** The result of a call that started an agent; null for any other call. */
  resultOf(callId: string): ReturnValue | null {
    const agent = this.#ofStep.get(callId);
    return agent === undefined ? null : agentInterrupted(agent.agentId);
  }

  /** The nested events that are missing: a result for each open call, an end for each open turn. */
  closingEvents(): DeliverableRecord["payload"][] {
    return [...this.#agents.values()].flatMap((agent) => {
      const results = [...agent.openCalls].map((id) => {
        const return_value = agent.touched.has(id) ? unknownOutcome() : interruptedCall();
        return nested(agent, "ToolResult", { tool_call_id: id, return_value });
      });
      const ends = Array.from({ length: agent.openTurns }, () => nested(agent, "TurnEnd", {}));
      return [...results, ...ends];
    });
  }

  #takeEvent(outer: Record<string, unknown>): void {
    const agent = this.#agents.get(String(outer.agent_id));
    const event = asObject(outer.event);
    const payload = asObject(event?.payload) ?? {};
    if (agent === undefined) return;
    if (event?.type === "TurnBegin") agent.openTurns += 1;
    else if (event?.type === "TurnEnd") agent.openTurns -= 1;
    else if (event?.type === "StepBegin" || event?.type === "StepRetry") agent.openCalls.clear();
    else if (event?.type === "ToolCall") agent.openCalls.add(String(payload.id));
    else if (event?.type === "ToolResult") agent.openCalls.delete(String(payload.tool_call_id));
  }
}

function nested({ agentId, subagentType, callId }: OpenAgent, type: string, payload: unknown) {
  return {
    parent_tool_call_id: callId,
    agent_id: agentId,
    subagent_type: subagentType,
    event: { type, payload },
  };
}
