/** What tests share whose turns have subagents that really run, and are cut behind a record. */
import { AgentRunner, type AgentRunnerDeps } from "../agents/agent-runner.js";
import { silentLogger } from "../logger.js";
import type { Message } from "../messages.js";
import type { SessionLog } from "../storage/session-log.js";
import { toolOk } from "../tools/tool.js";
import type { CallableTool } from "../tools/toolset.js";
import { fastDisk } from "./cut-journal.js";
import type { FakeProvider } from "./fake-provider.js";
import { fakeTool, fakeToolset } from "./fake-tools.js";

export interface SentEvent {
  type: string;
  payload: Record<string, unknown>;
}

/** The words of a message. */
export function textOf({ content }: Message): string {
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** The events of subagents. */
export function nested(sent: readonly SentEvent[]): SentEvent[] {
  return sent.flatMap(({ type, payload }) => (type === "SubagentEvent" ? [payload.event as SentEvent] : []));
}

/** All text of the model. */
export function shown(sent: readonly SentEvent[]): string {
  return sent.map(({ type, payload }) => (type === "ContentPart" ? String(payload.text) : "")).join("");
}

/** The tool Agent: runs or goes on with an agent of the type coder. */
export function agentTool(promptOf: (args: string | null) => string, agents: () => AgentRunner): CallableTool {
  return fakeTool("Agent", {
    effect: "none",
    run: async (args, { toolCallId, signal, agent }) => {
      const prompt = promptOf(args);
      const asked = { toolCallId, description: "d", prompt, subagentType: "coder", model: null, timeoutS: null };
      const known = agent === undefined ? { resume: null } : { resume: agent.agentId, earlier: agent };
      return toolOk((await agents().run({ ...asked, ...known }, signal)).text);
    },
  });
}

/** The agents of a session; their one type is coder, whose one tool is `act`. */
export function sessionAgents(
  { recorder, hooks, workDir }: Pick<AgentRunnerDeps, "recorder" | "hooks" | "workDir">,
  act: CallableTool,
  provider: FakeProvider,
  systemPrompt: string,
): AgentRunner {
  const type = { name: "coder", description: "", systemPrompt: () => systemPrompt, tools: null, model: null };
  return new AgentRunner({
    ...{ recorder, hooks, workDir },
    gate: {} as never,
    types: [{ ...type, excluded: new Set() }],
    toolset: () => fakeToolset(act),
    provider: async () => provider,
    loop: { max_steps_per_turn: 9, max_retries_per_step: 1 } as never,
    turnSourceId: () => "f".repeat(32),
    planMode: () => false,
    random: () => 0,
    freshCallId: () => "fresh",
    logger: silentLogger,
    ops: fastDisk,
  });
}

/** What `read` gives behind each record that the log takes from now on, by its seq. */
export function watched<T>(log: SessionLog, read: () => T): Map<number, T> {
  const seen = new Map<number, T>();
  const watch = (seq: number, records: number): number => {
    const now = read();
    for (let each = seq; each < seq + records; each += 1) seen.set(each, now);
    return seq;
  };
  const { append, note } = { append: log.append.bind(log), note: log.note.bind(log) };
  log.append = (records, options) => watch(append(records, options), records.length);
  log.note = (record, options) => watch(note(record, options), 1);
  return seen;
}
