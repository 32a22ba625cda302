/**
 * What a turn of the crash tests does, told in its prompt: `plan 7: text 40, shell | text 10, read, edit | text 5`.
 * Each part between bars is one step: words the model says, then the calls it makes; the last one makes none. All words,
 * ids and arguments follow from the number and the place, so that model and judge need nothing but the prompt.
 */
import { createHash } from "node:crypto";

export type CallKind = "shell" | "slow" | "append" | "edit" | "read" | "client" | "ask";

export interface PlannedCall {
  kind: CallKind;
  id: string;
  /** One line of the effects file, or the new content of a slot; "" for a call without an effect. */
  effect: string;
  name: string;
  arguments: Record<string, unknown>;
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
export const SLOTS_FILE = "slots.txt";
export const INPUT_FILE = "input.txt";
/** The tool of the client; its handler appends a line to the effects file. */
export const CLIENT_TOOL = "client_effect";

const PLAN = /^plan (\d+): (.+)$/m;
const KINDS: ReadonlySet<string> = new Set(["shell", "slow", "append", "edit", "read", "client", "ask"]);

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

/** What the slots file holds before anything was done. */
export function emptySlots(plan: TurnPlan): string {
  const edits = plan.steps.flatMap(({ calls }) => calls).filter(({ kind }) => kind === "edit");
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
  const effect = kind === "read" || kind === "ask" ? "" : `effect_${seed}_${step}_${index}`;
  return { kind, id, effect, ...toolCall(kind, id, effect) };
}

function toolCall(kind: CallKind, id: string, effect: string): Pick<PlannedCall, "name" | "arguments"> {
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
    case "client":
      return { name: CLIENT_TOOL, arguments: { effect } };
    case "ask":
      return {
        name: "AskUserQuestion",
        arguments: { questions: [{ question: `${id}?`, options: [{ label: "A" }, { label: "B" }] }] },
      };
  }
}
