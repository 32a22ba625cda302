/** Scripts and short forms for turns in which other agents work. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { call, say } from "./echo-scripts.js";
import type { Message } from "./kernel-process.js";
import { sessionDir } from "./session-records.js";
import type { Workspace } from "./workspace.js";

/** An answer that is long enough to be a report. */
export const REPORT = `report ${"x".repeat(200)}`;

/** A call of Agent. */
export function agent(id: string, prompt: string, more: Record<string, unknown> = {}): string {
  return call(id, "Agent", { description: "do it", prompt, ...more });
}

/** The script of an agent's last step. */
export const reports = say(REPORT);

export interface Nested {
  parent_tool_call_id: string;
  agent_id: string;
  subagent_type: string;
  event: { type: string; payload: Record<string, unknown> };
}

/** Payloads of all SubagentEvents. */
export function nested(messages: readonly Message[]): Nested[] {
  return messages.flatMap((m) =>
    m.method === "event" && m.params?.type === "SubagentEvent" ? [m.params.payload as unknown as Nested] : [],
  );
}

/** Types in order, those of a subagent with a dot before them, requests with their mark. */
export function shape(messages: readonly Message[]): string[] {
  return messages.flatMap((m) => {
    if (m.params === undefined || (m.method !== "event" && m.method !== "request")) return [];
    const { type, payload } = m.params;
    if (m.method === "request") return [`request:${type}`];
    return [type === "SubagentEvent" ? `.${(payload as unknown as Nested).event.type}` : type];
  });
}

/** The return_value of a call of the turn's own agent. */
export function resultOf(messages: readonly Message[], id: string): Record<string, unknown> {
  const found = messages.find((m) => m.params?.type === "ToolResult" && m.params.payload.tool_call_id === id);
  if (found === undefined) throw new Error(`no result of ${id}`);
  return found.params?.payload.return_value as Record<string, unknown>;
}

/** Folders of all agents of the only session. */
export function agentDirs(workspace: Workspace): string[] {
  const root = join(sessionDir(workspace), "subagents");
  return readdirSync(root)
    .sort()
    .map((name) => join(root, name));
}
