/**
 * What a subagent shows and records. Its events, merged, become SubagentEvents of the session; its requests travel as
 * they are; what only the journal keeps goes there under the agent's id. An agent in the background shows nothing.
 */
import type { StreamPart } from "../providers/provider.js";
import { asObject } from "../storage/line-json.js";
import { type MergedRecord, PartMerger } from "../storage/part-merge.js";
import type { DeliverableRecord, NoteRecord } from "../storage/session-log.js";
import { eventRecord, partRecord } from "../turn/encode-events.js";
import type { Recorder, RequestExtras } from "../turn/recorder.js";
import type { WaitKind } from "../waits.js";
import type { AgentFolder } from "./agent-folder.js";

export interface AgentRecorderDeps {
  session: Recorder;
  folder: AgentFolder;
  agentId: string;
  subagentType: string;
  /** Id of the Agent call whose client sees the events; null shows nothing. */
  shownTo: string | null;
  /** True once the turn of that call is over: nothing may follow its TurnEnd. */
  silenced: () => boolean;
  /** Told what goes into the log for people. */
  onOutput: (text: string) => void;
}

export class AgentRecorder implements Recorder {
  readonly #deps: AgentRecorderDeps;
  readonly #merger = new PartMerger();

  constructor(deps: AgentRecorderDeps) {
    this.#deps = deps;
  }

  event(type: string, payload: unknown, sync = false): void {
    this.#push(eventRecord(type, payload), sync);
  }

  parts(parts: readonly StreamPart[]): void {
    for (const part of parts) this.#push(partRecord(part), false);
  }

  result(payload: { tool_call_id: string; return_value: unknown }): void {
    this.#push(eventRecord("ToolResult", payload), true);
  }

  request(type: string, payload: { id: string }, signal: AbortSignal, extras?: RequestExtras): Promise<unknown> {
    return this.#deps.session.request(type, payload, signal, extras);
  }

  /** What an agent in the background waits for does not hold up a turn. */
  waiting<T>(kind: WaitKind, work: Promise<T>): Promise<T> {
    return this.#deps.shownTo === null ? work : this.#deps.session.waiting(kind, work);
  }

  note(record: NoteRecord, sync: boolean): void {
    // Behind its end nothing of the stream may be missing.
    if (record.kind === "stream_end") for (const merged of this.#merger.flush()) this.#take(merged, false);
    this.#deps.session.note({ kind: "agent_note", agent_id: this.#deps.agentId, note: record }, sync);
  }

  checkpoint(): void {
    this.#deps.folder.sync();
  }

  ready(): Promise<void> | null {
    return this.#deps.shownTo === null ? null : this.#deps.session.ready();
  }

  isIdTaken(id: string): boolean {
    return this.#deps.session.isIdTaken(id);
  }

  #push(record: DeliverableRecord, sync: boolean): void {
    const done = this.#merger.push(record.type, record.payload, record.json, Date.now());
    for (const [index, merged] of done.entries()) this.#take(merged, sync && index === done.length - 1);
  }

  #take(record: MergedRecord, sync: boolean): void {
    const { session, folder, agentId, subagentType, shownTo, silenced } = this.#deps;
    const payload = asObject(JSON.parse(record.json)) ?? {};
    if (shownTo !== null && !silenced()) {
      const event = { type: record.type, payload };
      const parent = { parent_tool_call_id: shownTo, agent_id: agentId, subagent_type: subagentType };
      session.event("SubagentEvent", { ...parent, event }, sync);
    }
    folder.wire(record);
    const text = outputText(record.type, payload);
    if (text === "") return;
    folder.output(text);
    this.#deps.onOutput(text);
  }
}

function outputText(type: string, payload: Record<string, unknown>): string {
  switch (type) {
    case "ContentPart":
      return payload.type === "text" ? `${payload.text}\n` : "";
    case "ToolCall":
      return `[tool] ${asObject(payload.function)?.name}\n`;
    case "ToolResult":
      return `[tool_result] ${asObject(payload.return_value)?.is_error === true ? "error" : "success"}\n`;
    default:
      return "";
  }
}
