/**
 * What a turn of the crash tests does, told in its prompt: `plan 7: text 40, shell | text 10, read, edit | text 5`.
 * Each part between bars is one step: words the model says, then the calls it makes; the last one makes none. All words,
 * ids and arguments follow from the number and the place, so that model and judge need nothing but the prompt.
 */
import { createHash } from "node:crypto";

export type CallKind = "shell" | "slow" | "append" | "edit" | "read" | "client" | "ask" | "agent" | "mcp";

export interface PlannedCall {
  kind: CallKind;
  id: string;
  /** One line of the effects file, or the new content of a slot; "" for a call without an effect. */
  effect: string;
  name: string;
  arguments: Record<string, unknown>;
  /** What the subagent does that it starts. */
  nested?: TurnPlan;
}

export interface PlannedStep {
  /** What is said, piece by piece as it is streamed. */
  words: string[];
  calls: PlannedCall[];
}

export interface TurnPlan {
  seed: number;
  /** The line that makes it. */
  text: string;
  steps: PlannedStep[];
}

/** Files in the work dir that calls act on. */
export const EFFECTS_FILE = "effects";
/** What the client's tool and the MCP server's tool append to: they run beside calls that change the other file. */
export const CLIENT_EFFECTS_FILE = "client-effects";
export const MCP_EFFECTS_FILE = "mcp-effects";
export const SLOTS_FILE = "slots.txt";
export const INPUT_FILE = "input.txt";
/** The tool of the client, and that of the MCP server: each appends a line to its effects file. */
export const CLIENT_TOOL = "client_effect";
export const MCP_TOOL = "mcp_effect";

const WITHOUT_EFFECT: ReadonlySet<CallKind> = new Set(["read", "ask", "agent"]);
/** What a subagent does; its last words are long enough to be a report. */
const AGENT_STEPS = "text 12, shell | text 24";
const PLAN = /^plan (\d+): (.+)$/m;
const KINDS: ReadonlySet<string> = new Set([
  "shell",
  "slow",
  "append",
  "edit",
  "read",
  "client",
  "ask",
  "agent",
  "mcp",
]);

/** The plan in a user message, wherever its line stands; null when there is none. Throws for a plan that is none. */
export function planIn(message: string): TurnPlan | null {
  const [text, seed, steps] = PLAN.exec(message) ?? [];
  if (text === undefined || seed === undefined || steps === undefined) return null;
  return { seed: Number(seed), text, steps: steps.split("|").map((step, n) => stepOf(step.trim(), Number(seed), n)) };
}

/** What a steer `steer 20` makes the model say behind all else; null for other messages. */
export function steerIn(message: string, plan: TurnPlan): PlannedStep | null {
  const count = /^steer (\d+)$/m.exec(message)?.[1];
  return count === undefined ? null : { words: words(plan.seed, plan.steps.length, Number(count)), calls: [] };
}

/** Everything the model says in a step. */
export function stepText(step: PlannedStep): string {
  return step.words.join("");
}

/** All calls, those of subagents too. */
export function plannedCalls(plan: TurnPlan): PlannedCall[] {
  const own = plan.steps.flatMap(({ calls }) => calls);
  return own.flatMap((call) => [call, ...(call.nested === undefined ? [] : plannedCalls(call.nested))]);
}

/** What the slots file holds before anything was done. */
export function emptySlots(plan: TurnPlan): string {
  const edits = plannedCalls(plan).filter(({ kind }) => kind === "edit");
  return edits.map(({ id }) => `${id} is empty\n`).join("");
}

function stepOf(text: string, seed: number, n: number): PlannedStep {
  const step: PlannedStep = { words: [], calls: [] };
  for (const [index, item] of text.split(",").entries()) {
    const [kind = "", count] = item.trim().split(" ");
    if (kind === "text") step.words = words(seed, n, Number(count));
    else if (KINDS.has(kind)) step.calls.push(callOf(kind as CallKind, seed, n, index));
    else throw new Error(`no such thing in a plan: ${item}`);
  }
  return step;
}

/** Each word is there once, and none is plain ASCII for long. */
function words(seed: number, step: number, count: number): string[] {
  const endings = ["", "", "é", "", "\u2028", "😀", "\n"];
  return Array.from({ length: count }, (_, n) => {
    const hash = createHash("sha256").update(`${seed} ${step} ${n}`).digest("hex").slice(0, 6);
    return `${step}.${n}-${hash}${endings[n % endings.length]} `;
  });
}

function callOf(kind: CallKind, seed: number, step: number, index: number): PlannedCall {
  const id = `call_${seed}_${step}_${index}`;
  const effect = WITHOUT_EFFECT.has(kind) ? "" : `effect_${seed}_${step}_${index}`;
  if (kind !== "agent") return { kind, id, effect, ...toolCall(kind, id, effect) };
  const nested = planIn(`plan ${seed}${step}${index}: ${AGENT_STEPS}`) as TurnPlan;
  return { kind, id, effect, name: "Agent", arguments: { description: "do it", prompt: nested.text }, nested };
}

function toolCall(
  kind: Exclude<CallKind, "agent">,
  id: string,
  effect: string,
): Pick<PlannedCall, "name" | "arguments"> {
  switch (kind) {
    case "shell":
      return { name: "Shell", arguments: { command: `echo ${effect} >> ${EFFECTS_FILE}` } };
    case "slow":
      return { name: "Shell", arguments: { command: `sleep 0.3; echo ${effect} >> ${EFFECTS_FILE}` } };
    case "append":
      return { name: "WriteFile", arguments: { path: EFFECTS_FILE, content: `${effect}\n`, mode: "append" } };
    case "edit":
      return {
        name: "StrReplaceFile",
        arguments: { path: SLOTS_FILE, edit: { old: `${id} is empty`, new: `${id} is ${effect}` } },
      };
    case "read":
      return { name: "ReadFile", arguments: { path: INPUT_FILE, line_offset: Number(id.split("_").at(-1)) + 1 } };
    case "mcp":
      return { name: MCP_TOOL, arguments: { effect } };
    case "client":
      return { name: CLIENT_TOOL, arguments: { effect } };
    case "ask":
      return {
        name: "AskUserQuestion",
        arguments: { questions: [{ question: `${id}?`, options: [{ label: "A" }, { label: "B" }] }] },
      };
  }
}
