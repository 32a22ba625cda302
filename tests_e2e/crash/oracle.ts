/** Judges what one run left behind: what the host saw, what was done in the world, and what is on the disk. */
import { isDeepStrictEqual } from "node:util";
import type { CrashEnvelope } from "./crash-client.js";
import type { CrashFolder } from "./crash-folder.js";
import { type PlannedCall, plannedCalls, stepText, type TurnPlan } from "./turn-plan.js";

/** What the table expects of a run. */
export interface ExpectedRow {
  /** Status of the prompt, or "error". */
  outcome: "finished" | "cancelled" | "error";
  /** Calls whose outcome may be unknown: they run at most once, and the model and the user are told. All others run once. */
  unknown: "none" | "at_most_one" | "exactly_one";
  /** Failures that must have happened, as the marker file names them. */
  marks: readonly string[];
}

export interface CrashRun {
  plan: TurnPlan;
  session: string;
  folder: CrashFolder;
  /** Everything that reached the host, in order. */
  seen: readonly CrashEnvelope[];
  outcome: string;
  /** How often each handler was called, by "kind id". */
  asked: ReadonlyMap<string, number>;
  /** What the model objected to. */
  violations: readonly string[];
  /** Processes that were still there after the client had closed. */
  left: readonly string[];
}

/** Everything that is wrong, one sentence each; [] for a good run. */
export function judge(run: CrashRun, expected: ExpectedRow): string[] {
  const problems = [...run.violations.map((text) => `the model: ${text}`)];
  if (run.outcome !== expected.outcome) problems.push(`the prompt ended as ${run.outcome}, not ${expected.outcome}`);
  for (const text of expected.marks) {
    if (!run.folder.marks.some((line) => line.split(" ")[3] === text)) problems.push(`${text} did not happen`);
  }
  if (run.left.length > 0) problems.push(`left over: ${run.left.join("; ")}`);
  for (const [what, times] of run.asked)
    if (times !== 1) problems.push(`the host was asked ${times} times for ${what}`);
  const finished = expected.outcome === "finished";
  return [
    ...problems,
    ...(finished ? judgeText(run) : []),
    ...judgeEvents(run.seen, finished),
    ...judgeEffects(run, expected, finished),
    ...judgeJournal(run),
    ...judgeWireFile(run),
    ...judgeContext(run, finished),
  ];
}

function judgeText({ plan, seen }: CrashRun): string[] {
  const shown = textOf(seen);
  const said = plan.steps.map(stepText).join("");
  if (shown === said) return [];
  let at = 0;
  while (shown[at] === said[at]) at += 1;
  const here = (text: string) => JSON.stringify(text.slice(at, at + 40));
  return [`the host's text differs at ${at}: ${here(shown)} instead of ${here(said)}`];
}

const BRACKETS: readonly (readonly [string, string])[] = [
  ["TurnBegin", "TurnEnd"],
  ["CompactionBegin", "CompactionEnd"],
  ["MCPLoadingBegin", "MCPLoadingEnd"],
  ["HookTriggered", "HookResolved"],
];

/** Every event once; brackets are closed; calls and results belong together, in a whole turn all; TurnEnd is the last. */
export function judgeEvents(seen: readonly CrashEnvelope[], whole: boolean): string[] {
  const problems: string[] = [];
  const of = (type: string) => seen.filter((envelope) => envelope.type === type);
  for (const [begin, end] of BRACKETS) {
    if (of(begin).length !== of(end).length) problems.push(`${of(begin).length} ${begin}, ${of(end).length} ${end}`);
  }
  if (of("TurnEnd").length !== 1) problems.push(`${of("TurnEnd").length} TurnEnd`);
  if (seen.findLast(({ method }) => method === "event")?.type !== "TurnEnd")
    problems.push("TurnEnd is not the last event");
  const steps = of("StepBegin").map(({ payload }) => Number(payload.n));
  if (steps.some((n, index) => n !== index + 1)) problems.push(`steps ${steps.join(", ")}`);
  if (of("StepRetry").length > 0) problems.push("a StepRetry");
  const calls = of("ToolCall").map(({ payload }) => String(payload.id));
  const results = of("ToolResult").map(({ payload }) => String(payload.tool_call_id));
  if (new Set(calls).size !== calls.length) problems.push(`a call twice: ${calls.join(", ")}`);
  const expected = whole ? calls : calls.filter((id) => results.includes(id));
  if (!isDeepStrictEqual(expected.toSorted(), results.toSorted())) {
    problems.push(`calls ${calls.join(", ")}, results ${results.join(", ")}`);
  }
  const requests = seen.filter(({ method }) => method === "request").map(({ payload }) => String(payload.id));
  if (new Set(requests).size !== requests.length) problems.push(`a request twice: ${requests.join(", ")}`);
  return problems;
}

function judgeEffects({ plan, seen, folder }: CrashRun, expected: ExpectedRow, finished: boolean): string[] {
  const problems: string[] = [];
  const unknown = unknownCalls(seen);
  const [least, most] = { none: [0, 0], at_most_one: [0, 1], exactly_one: [1, 1] }[expected.unknown] as [
    number,
    number,
  ];
  if (unknown.size < least || unknown.size > most) problems.push(`${unknown.size} calls with an unknown outcome`);
  const lines = folder.effects.split("\n").filter((line) => line !== "");
  const planned = plannedCalls(plan).filter(({ effect }) => effect !== "");
  for (const { call, times } of effectsOf(plan, folder)) {
    const optional = !finished || unknown.has(call.id);
    if (times > 1 || (times === 0 && !optional)) problems.push(`${call.effect} was done ${times} times`);
  }
  const foreign = lines.filter((line) => !planned.some(({ effect }) => effect === line));
  if (foreign.length > 0) problems.push(`effects that nobody planned: ${foreign.join(", ")}`);
  return problems;
}

/** How often each call of the plan took effect. */
export function effectsOf(plan: TurnPlan, folder: CrashFolder): { call: PlannedCall; times: number }[] {
  const lines = folder.effects.split("\n");
  const planned = plannedCalls(plan).filter(({ effect }) => effect !== "");
  return planned.map((call) => ({ call, times: timesDone(call, lines, folder.slots) }));
}

function timesDone({ kind, id, effect }: PlannedCall, lines: readonly string[], slots: string): number {
  if (kind === "edit") return slots.split(`${id} is ${effect}\n`).length - 1;
  return lines.filter((line) => line === effect).length;
}

function unknownCalls(seen: readonly CrashEnvelope[]): Set<string> {
  const isUnknown = ({ type, payload }: CrashEnvelope) => {
    const value = payload.return_value as { extras?: { code?: unknown } | null } | undefined;
    return type === "ToolResult" && value?.extras?.code === "unknown_outcome";
  };
  return new Set(
    seen
      .map(innermost)
      .filter(isUnknown)
      .map(({ payload }) => String(payload.tool_call_id)),
  );
}

/** What a subagent shows comes in an envelope of its own. */
function innermost(envelope: CrashEnvelope): CrashEnvelope {
  return envelope.type === "SubagentEvent" ? innermost(envelope.payload.event as CrashEnvelope) : envelope;
}

/** What the host saw is what the journal holds, record for record. */
function judgeJournal({ folder, session, seen }: CrashRun): string[] {
  const recorded = recordedEvents(folder, session);
  const shown = seen.filter(({ method }) => method === "event").map(({ type, payload }) => ({ type, payload }));
  const at = shown.findIndex((event, index) => !isDeepStrictEqual(event, recorded[index]));
  if (at < 0 && shown.length === recorded.length) return [];
  const index = at < 0 ? Math.min(shown.length, recorded.length) : at;
  const name = (list: { type: unknown }[]) => String(list[index]?.type ?? "nothing");
  return [`event ${index} of the host is ${name(shown)}, of the journal ${name(recorded)}`];
}

/** The events of the journal, in order. */
export function recordedEvents(folder: CrashFolder, session: string): { type: unknown; payload: unknown }[] {
  const records = folder.journal(session);
  const events = records.filter(({ kind }) => kind === "event" || kind === "result" || kind === "turn_end");
  return events.map(({ type, payload }) => ({ type, payload }));
}

/** wire.jsonl has the same, deltas merged. */
function judgeWireFile({ folder, session, seen }: CrashRun): string[] {
  const lines = folder.sessionFile(session, "wire.jsonl").flatMap(({ message }) => {
    const { type, payload } = (message ?? {}) as CrashEnvelope;
    return message === undefined ? [] : [{ method: "event" as const, type, payload }];
  });
  const problems: string[] = [];
  if (textOf(lines) !== textOf(seen)) problems.push("the text of wire.jsonl is not that of the host");
  const [written, shown] = [merged(lines), merged(seen)];
  if (!isDeepStrictEqual(written, shown)) {
    problems.push(`wire.jsonl has ${written.join(" ")}, the host ${shown.join(" ")}`);
  }
  return problems;
}

/** Types that are never in wire.jsonl, and pieces of calls, which are in their call there. */
const NOT_IN_FILE: ReadonlySet<string> = new Set([
  "ApprovalRequest",
  "ApprovalResponse",
  "HookRequest",
  "ToolCallPart",
]);

/** What is merged: deltas of a text, and what a subagent shows of its own. */
const RUNS: ReadonlySet<string> = new Set(["ContentPart", "SubagentEvent"]);

/** Types in order; a row of deltas counts once. */
function merged(envelopes: readonly CrashEnvelope[]): string[] {
  const types = envelopes.map(({ type }) => type).filter((type) => !NOT_IN_FILE.has(type));
  return types.filter((type, index) => !RUNS.has(type) || types[index - 1] !== type);
}

/** The next prompt can be asked: every call has its result, and all that was said is there. */
function judgeContext({ folder, session, plan }: CrashRun, finished: boolean): string[] {
  const lines = folder.sessionFile(session, "context.jsonl");
  const ids = lines.flatMap(({ tool_calls }) => ((tool_calls as { id: string }[] | null) ?? []).map(({ id }) => id));
  const results = lines.filter(({ role }) => role === "tool").map(({ tool_call_id }) => String(tool_call_id));
  const problems: string[] = [];
  if (!isDeepStrictEqual(ids.toSorted(), results.toSorted())) {
    problems.push(`context.jsonl: calls ${ids.join(", ")}, results ${results.join(", ")}`);
  }
  const isWhole = !lines.some(({ content }) =>
    contentText(content).includes("<system>The earlier conversation was replaced"),
  );
  if (!finished || !isWhole) return problems;
  const said = lines
    .filter(({ role }) => role === "assistant")
    .map(({ content }) => contentText(content))
    .join("");
  if (said !== plan.steps.map(stepText).join("")) problems.push("context.jsonl does not hold what the model said");
  return problems;
}

/** The words that the envelopes show, without those of subagents. */
export function textOf(envelopes: readonly CrashEnvelope[]): string {
  const parts = envelopes.filter(({ type, payload }) => type === "ContentPart" && payload.type === "text");
  return parts.map(({ payload }) => String(payload.text)).join("");
}

function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  return (Array.isArray(content) ? content : []).map(({ text }: { text?: string }) => text ?? "").join("");
}
