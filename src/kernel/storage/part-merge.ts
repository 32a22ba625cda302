/**
 * The rules by which streamed parts become one: deltas of text and of thinking are joined, the pieces of a call's
 * arguments go to the call before them, everything else ends the run. Empty deltas vanish without ending it.
 */
import { asObject, lineJson } from "./line-json.js";

/** A message of wire.jsonl after merging. `at` is that of its first part, ms. */
export interface MergedRecord {
  readonly type: string;
  /** JSON text of the payload; the given text itself when nothing was joined to it. */
  readonly json: string;
  readonly at: number;
}

type RunKind = "text" | "think" | "call" | "call_part";

interface Run {
  readonly kind: RunKind;
  readonly type: string;
  readonly payload: Record<string, unknown>;
  readonly json: string;
  readonly at: number;
  joined: boolean;
  /** The text, the thinking or the arguments so far; null while a call has none. */
  value: string | null;
  /** Only of thinking. */
  encrypted: string | null;
}

const NOTHING: readonly MergedRecord[] = [];

/** Merges the messages of one stream. Feed it in order, take what comes out in order, flush at the end. */
export class PartMerger {
  #run: Run | null = null;

  /** Takes one message; gives the records that it completes, often none. */
  push(type: string, payload: unknown, json: string, at: number): readonly MergedRecord[] {
    const part = asObject(payload);
    const run = part === null ? null : startRun(type, part, json, at);
    if (run === null) {
      const done = this.flush();
      const record = { type, json, at };
      return done.length === 0 ? [record] : [...done, record];
    }
    if (isEmpty(run)) return NOTHING;
    if (this.#run !== null && join(this.#run, run)) return NOTHING;
    const done = this.flush();
    this.#run = run;
    return done;
  }

  /** Ends the open run. */
  flush(): readonly MergedRecord[] {
    const run = this.#run;
    if (run === null) return NOTHING;
    this.#run = null;
    return [{ type: run.type, json: run.joined ? lineJson(mergedPayload(run)) : run.json, at: run.at }];
  }
}

function startRun(type: string, payload: Record<string, unknown>, json: string, at: number): Run | null {
  const run = (kind: RunKind, value: string | null, encrypted: string | null = null): Run => {
    return { kind, type, payload, json, at, joined: false, value, encrypted };
  };
  if (type === "ContentPart") {
    if (payload.type === "text" && typeof payload.text === "string") return run("text", payload.text);
    if (payload.type !== "think" || typeof payload.think !== "string") return null;
    return run("think", payload.think, stringOrNull(payload.encrypted));
  }
  if (type === "ToolCallPart") return run("call_part", stringOrNull(payload.arguments_part));
  const call = type === "ToolCall" ? asObject(payload.function) : null;
  return call === null ? null : run("call", stringOrNull(call.arguments));
}

function isEmpty(run: Run): boolean {
  return (run.kind === "text" || run.kind === "think") && run.value === "" && run.encrypted === null;
}

/** Adds the right run to the left one where the rules allow it; false when they do not. */
function join(left: Run, right: Run): boolean {
  const sameText = left.kind === right.kind && (left.kind === "text" || left.kind === "call_part");
  const sameThought = left.kind === "think" && right.kind === "think" && left.encrypted === null;
  const argumentsOfCall = left.kind === "call" && right.kind === "call_part";
  if (!sameText && !sameThought && !argumentsOfCall) return false;
  if (right.value !== null) {
    left.value = (left.value ?? "") + right.value;
    left.joined = true;
  }
  if (right.encrypted !== null) {
    left.encrypted = right.encrypted;
    left.joined = true;
  }
  return true;
}

function mergedPayload(run: Run): Record<string, unknown> {
  switch (run.kind) {
    case "text":
      return { ...run.payload, text: run.value };
    case "think":
      return { ...run.payload, think: run.value, encrypted: run.encrypted };
    case "call_part":
      return { ...run.payload, arguments_part: run.value };
    case "call":
      return { ...run.payload, function: { ...asObject(run.payload.function), arguments: run.value } };
  }
}

function stringOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
