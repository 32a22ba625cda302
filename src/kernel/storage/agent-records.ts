/**
 * The subagents of an open turn, each read from its own records: told as if they were those of a session's turn, so that
 * the reader of turns reads them too.
 */
import type { JournalRecord } from "./crc-line.js";
import { asObject } from "./line-json.js";
import type { AgentPosition, TurnPosition } from "./turn-position.js";

/** Records of the session that may be about a call of any agent; those about other calls are ignored. */
const SHARED: ReadonlySet<string> = new Set(["answer", "hook_decided"]);

/**
 * The agents that began in the newest step of the newest turn, by the id of their call, which calls of other steps may
 * have too: one that has ended has not reported while its call has no result. `read` gives the open turn of records.
 */
export function openAgentPositions(
  records: readonly JournalRecord[],
  read: (records: readonly JournalRecord[]) => TurnPosition | null,
): Map<string, AgentPosition> {
  const step = records.slice(records.findLastIndex(beginsStep) + 1);
  const begun = new Map<string, JournalRecord>();
  for (const record of step) {
    if (record.kind === "agent_begin") begun.set(String(record.fields.agent_id), record);
  }
  const positions = new Map<string, AgentPosition>();
  for (const [agentId, { fields }] of begun) {
    const turn = read(agentRecords(step, agentId, String(fields.tool_call_id)));
    if (turn === null) continue;
    const subagentType = String(fields.subagent_type);
    const background = typeof fields.task_id === "string";
    positions.set(String(fields.tool_call_id), { agentId, subagentType, background, turn });
  }
  return positions;
}

function beginsStep({ kind, fields }: JournalRecord): boolean {
  return kind === "turn" || (kind === "event" && fields.type === "StepBegin");
}

/** What belongs to a run of the agent for this call, by whichever process it was written. */
function agentRecords(records: readonly JournalRecord[], agentId: string, callId: string): JournalRecord[] {
  const first = records.findIndex(({ kind, fields }) => {
    return kind === "agent_begin" && fields.agent_id === agentId && fields.tool_call_id === callId;
  });
  const around = { seq: 0, text: "" };
  return [
    { ...around, kind: "turn", fields: { turn_id: agentId, client_id: null, user_input: "" } },
    { ...around, kind: "event", fields: { type: "TurnBegin", payload: {} } },
    ...records.slice(first + 1).flatMap((record) => agentRecord(record, agentId)),
  ];
}

function agentRecord(record: JournalRecord, agentId: string): JournalRecord[] {
  const { kind, fields } = record;
  if (kind === "hook") return ofAgent(fields, agentId) ? [{ ...record, fields: own(fields) }] : [];
  if (SHARED.has(kind)) return [record];
  if (kind === "agent_note") {
    const note = fields.agent_id === agentId ? asObject(fields.note) : null;
    return note === null ? [] : ownNote({ ...record, kind: String(note.kind), fields: note });
  }
  const payload = asObject(fields.payload) ?? {};
  if (kind === "request") {
    if (payload.agent_id === undefined) return [record];
    return payload.agent_id === agentId ? [{ ...record, fields: { ...fields, payload: own(payload) } }] : [];
  }
  const event = kind === "event" && payload.agent_id === agentId ? asObject(payload.event) : null;
  if (event === null) return [];
  return [{ ...record, kind: event.type === "ToolResult" ? "result" : "event", fields: event }];
}

/** What the session asks of its hooks is not about the agent. Older journals do not tell whose call it is. */
function ofAgent({ event, agent_id }: Readonly<Record<string, unknown>>, agentId: string): boolean {
  return event === "PreToolUse" && (agent_id === undefined || agent_id === agentId);
}

/** Of what goes into an agent's conversation only this is told: the reply so far is in it. */
function ownNote(note: JournalRecord): JournalRecord[] {
  if (note.kind !== "notice" || note.fields.code !== "continued") return [note];
  return [{ ...note, kind: "context", fields: { lines: [{ role: "assistant", content: "" }] } }, note];
}

function own(payload: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...payload, agent_id: null };
}
