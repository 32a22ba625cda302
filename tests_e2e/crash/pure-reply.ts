/**
 * What the model of the crash tests says: a pure function of the conversation. However often it is asked, after however
 * many deaths of the kernel, it goes on exactly where the conversation stands.
 */
import { isDeepStrictEqual } from "node:util";
import { type PlannedCall, type PlannedStep, planIn, steerIn, stepText, type TurnPlan } from "./turn-plan.js";

export interface ChatMessage {
  role: string;
  content?: unknown;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

export interface PureReply {
  /** The step it belongs to, from 0. */
  step: number;
  /** What is still to be said, piece by piece. */
  words: string[];
  calls: PlannedCall[];
  /** What is wrong with the conversation: nothing a kernel may ever send. */
  violations: string[];
}

const SUMMARY = /conversation state: (plan .*) at step (\d+)/;
const ASKS_SUMMARY = /^Summarise the conversation/;
/** A call that surely did not run is made again; one whose outcome is unknown is not. */
const DID_NOT_RUN = /interrupted before it began/;

interface Open {
  index: number;
  whole: boolean;
}

/** Where a conversation stands. */
class Position {
  readonly plan: TurnPlan;
  readonly #steps: PlannedStep[];
  readonly violations: string[] = [];
  step: number;
  said = "";
  /** Calls of the step that were made and have no result yet, by id. */
  readonly open = new Map<string, Open>();
  readonly done = new Set<number>();
  /** How often each call of the step was made. */
  readonly made = new Map<number, number>();

  constructor(plan: TurnPlan, step: number) {
    this.plan = plan;
    this.#steps = [...plan.steps];
    this.step = step;
  }

  get planned(): PlannedStep {
    return this.#steps[this.step] ?? { words: [], calls: [] };
  }

  steer(message: string): void {
    const more = steerIn(message, this.plan);
    const last = this.#steps.at(-1);
    if (more === null || last === undefined) return;
    // A step without a call ends the turn, so what is to be said more belongs to the last one.
    if (this.step >= this.#steps.length) this.#steps.push(more);
    else this.#steps.splice(-1, 1, { ...last, words: [...last.words, ...more.words] });
  }

  assistant(message: ChatMessage): void {
    this.said += contentText(message.content);
    const whole = stepText(this.planned);
    if (!whole.startsWith(this.said))
      this.violations.push(`step ${this.step}: the model is told it said something else`);
    for (const call of message.tool_calls ?? []) this.#call(call);
    this.#finish();
  }

  result(message: ChatMessage): void {
    const id = message.tool_call_id ?? "";
    const call = this.open.get(id);
    if (call === undefined) {
      this.violations.push(`step ${this.step}: a result for ${id}, which was not called or has one`);
      return;
    }
    this.open.delete(id);
    if (call.whole && !DID_NOT_RUN.test(contentText(message.content))) this.done.add(call.index);
    this.#finish();
  }

  /** Calls without a result may only be followed by their results. */
  checkClosed(): void {
    for (const id of this.open.keys()) this.violations.push(`step ${this.step}: ${id} has no result`);
    this.open.clear();
  }

  reply(): PureReply {
    const { step, planned, violations } = this;
    let from = 0;
    let words = planned.words;
    while (words.length > 0 && from + (words[0]?.length ?? 0) <= this.said.length) {
      from += words[0]?.length ?? 0;
      words = words.slice(1);
    }
    const begun = this.said.length - from;
    if (begun > 0) words = [words[0]?.slice(begun) ?? "", ...words.slice(1)];
    const calls = planned.calls.filter((_, index) => !this.done.has(index));
    return { step, words, calls: calls.map((call) => this.#again(call)), violations };
  }

  #call({ id, function: { name, arguments: args } }: NonNullable<ChatMessage["tool_calls"]>[number]): void {
    const index = this.planned.calls.findIndex((call) => id === call.id || id.startsWith(`${call.id}_again`));
    const planned = this.planned.calls[index];
    if (planned === undefined || planned.name !== name || this.open.has(id)) {
      this.violations.push(`step ${this.step}: the model is told it called ${name} as ${id}`);
      return;
    }
    this.made.set(index, (this.made.get(index) ?? 0) + 1);
    this.open.set(id, { index, whole: isDeepStrictEqual(parsed(args), planned.arguments) });
  }

  #again(call: PlannedCall): PlannedCall {
    const made = this.made.get(this.planned.calls.indexOf(call)) ?? 0;
    return made === 0 ? call : { ...call, id: `${call.id}_again${made}` };
  }

  #finish(): void {
    if (this.step >= this.#steps.length || this.said !== stepText(this.planned)) return;
    if (this.done.size < this.planned.calls.length) return;
    this.step += 1;
    this.said = "";
    this.done.clear();
    this.made.clear();
  }
}

/** The reply to these messages. Without a plan in them it is a violation and one word. */
export function pureReply(messages: readonly ChatMessage[]): PureReply {
  let at: Position | null = null;
  const earlier: string[] = [];
  for (const message of messages) {
    if (message.role === "tool") at?.result(message);
    else at?.checkClosed();
    if (message.role === "assistant") at?.assistant(message);
    if (message.role !== "user") continue;
    const text = contentText(message.content);
    const summary = SUMMARY.exec(text);
    const plan = planIn(summary?.[1] ?? text);
    if (plan === null) at?.steer(text);
    else {
      earlier.push(...(at?.violations ?? []));
      at = new Position(plan, Number(summary?.[2] ?? 0));
    }
  }
  at?.checkClosed();
  if (at === null) return { step: 0, words: ["?"], calls: [], violations: ["there is no plan in the conversation"] };
  const reply = at.reply();
  const violations = [...earlier, ...reply.violations];
  const last = messages.at(-1);
  if (last?.role === "user" && ASKS_SUMMARY.test(contentText(last.content))) {
    return { step: at.step, words: [`conversation state: ${at.plan.text} at step ${at.step}`], calls: [], violations };
  }
  return { ...reply, violations };
}

function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: { text?: unknown }) => (typeof part.text === "string" ? part.text : "")).join("");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
