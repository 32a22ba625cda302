/**
 * Puts streamed tool calls together. Servers disagree on almost everything: indexes may be missing or all alike, ids
 * missing, late or repeated, names in pieces, arguments an object or encoded twice. One call is passed on at a time, so
 * that every part continues the call opened last; calls that are streamed interleaved wait for their turn.
 */
import { JsonSpan } from "./json-span.js";
import { asNumber, asRecord, asText, type JsonRecord, parseJson } from "./json-values.js";
import { ProviderError, type StreamPart } from "./provider.js";

interface OpenCall {
  givenId: string;
  name: string;
  /** All arguments so far. */
  text: string;
  /** How much of `text` has been passed on. */
  passed: number;
  span: JsonSpan;
  opened: boolean;
  extras: Record<string, unknown> | null;
}

export interface ToolCallSink {
  /** Turns the server's id, "" when it gave none, into one that is unique in the stream and never empty. */
  ownId(given: string): string;
  part(part: StreamPart): void;
}

export class ToolCallAssembly {
  readonly #names: ReadonlySet<string>;
  readonly #sink: ToolCallSink;
  readonly #calls: OpenCall[] = [];
  readonly #byIndex = new Map<number, OpenCall>();
  readonly #byId = new Map<string, OpenCall>();
  /** Position in `#calls` of the one that is being passed on. */
  #live = 0;

  /** `names` are the offered tools. */
  constructor(names: ReadonlySet<string>, sink: ToolCallSink) {
    this.#names = names;
    this.#sink = sink;
  }

  /** Number of calls seen. */
  get count(): number {
    return this.#calls.length;
  }

  /** Takes `delta.tool_calls`, or one call of it, or a `function_call`. */
  push(deltas: unknown): void {
    for (const delta of Array.isArray(deltas) ? deltas : [deltas]) {
      const record = asRecord(delta);
      if (record !== null) this.#pushOne(record);
    }
  }

  /** Adds a call that is known as a whole. */
  addWhole(name: string, args: string, extras: Record<string, unknown>): void {
    const call = this.#open(null, "");
    call.name = name;
    call.text = args;
    call.extras = extras;
    call.span.feed(args);
    this.#advance();
  }

  /** Ends the stream: passes on everything that waited. Throws ProviderError `bad_tool_call` for a call without a name. */
  finish(): void {
    for (; this.#live < this.#calls.length; this.#live++) {
      const call = this.#calls[this.#live];
      if (call !== undefined) this.#closeCall(call);
    }
  }

  #pushOne(delta: JsonRecord): void {
    const inner = asRecord(delta.function) ?? delta;
    const id = asText(delta.id);
    const name = asText(inner.name);
    const piece = argumentText(inner.arguments ?? inner.parameters);
    const call = this.#find(asNumber(delta.index), id, name, piece);
    if (call === null) return;
    const echo = asRecord(delta.extra_content);
    if (echo !== null && !call.opened) call.extras = { ...call.extras, extra_content: echo };
    this.#addName(call, name);
    call.text += piece;
    call.span.feed(piece);
    this.#advance();
  }

  /** The call that a delta belongs to; null when it only repeats one. */
  #find(index: number | null, id: string, name: string, piece: string): OpenCall | null {
    const last = this.#calls.at(-1);
    const known = id === "" ? undefined : this.#byId.get(id);
    const current = known ?? (index === null ? last : this.#byIndex.get(index));
    if (current === undefined) return this.#open(index, id);
    if (known === undefined && id !== "" && (current.givenId !== "" || (name !== "" && current.name !== ""))) {
      return this.#open(index, id);
    }
    if (name !== "" && current.span.complete) {
      if (name === current.name && piece === current.text) {
        // Without any id two equal calls in one message are two calls; with one it is the same call sent again.
        return id === "" && index === null ? this.#open(index, id) : null;
      }
      if (name !== current.name || piece.trim() !== "") return this.#open(index, id);
    }
    if (id !== "" && current.givenId === "" && !current.opened) {
      current.givenId = id;
      this.#byId.set(id, current);
    }
    return current;
  }

  #open(index: number | null, id: string): OpenCall {
    const call: OpenCall = {
      givenId: id,
      name: "",
      text: "",
      passed: 0,
      span: new JsonSpan(),
      opened: false,
      extras: null,
    };
    this.#calls.push(call);
    if (index !== null) this.#byIndex.set(index, call);
    if (id !== "") this.#byId.set(id, call);
    return call;
  }

  #addName(call: OpenCall, name: string): void {
    if (name === "" || call.opened || name === call.name) return;
    if (!this.#names.has(call.name) || this.#names.has(call.name + name)) call.name += name;
  }

  /** Passes on what the live call has, and moves to the next one when it is complete and another waits. */
  #advance(): void {
    for (let call = this.#calls[this.#live]; call !== undefined; call = this.#calls[this.#live]) {
      if (call.opened || this.#nameIsComplete(call)) this.#pass(call);
      if (!call.span.complete || this.#live === this.#calls.length - 1) return;
      this.#closeCall(call);
      this.#live++;
    }
  }

  /** A name may still grow until arguments come, unless it is a tool and no other tool begins with it. */
  #nameIsComplete(call: OpenCall): boolean {
    if (call.name === "") return false;
    if (call.text !== "") return true;
    if (!this.#names.has(call.name)) return false;
    for (const name of this.#names) if (name !== call.name && name.startsWith(call.name)) return false;
    return true;
  }

  #pass(call: OpenCall): void {
    // Text that begins with a quote is JSON inside a JSON string: it can be opened only when it is whole.
    const piece = call.text.trimStart().startsWith('"') ? "" : call.text.slice(call.passed);
    if (piece !== "") call.passed = call.text.length;
    this.#emit(call, piece);
  }

  #emit(call: OpenCall, piece: string): void {
    if (call.opened) {
      if (piece !== "") this.#sink.part({ kind: "tool_call_part", argumentsPart: piece });
      return;
    }
    call.opened = true;
    const fn = { name: call.name, arguments: piece === "" ? null : piece };
    const id = this.#sink.ownId(call.givenId);
    this.#sink.part({ kind: "tool_call", call: { type: "function", id, function: fn, extras: call.extras } });
  }

  #closeCall(call: OpenCall): void {
    if (call.name === "") {
      throw new ProviderError("The model server sent a tool call without a name.", {
        errorType: "APIConnectionError",
        code: "bad_tool_call",
        retryable: true,
      });
    }
    if (call.text.trim() === "") this.#emit(call, "{}");
    else if (call.text.trimStart().startsWith('"')) this.#emit(call, decodedOnce(call.text));
    else this.#emit(call, call.text.slice(call.passed));
    call.passed = call.text.length;
  }
}

/** Arguments as text: an object is written out, an empty one counts as none (pieces may follow it). */
function argumentText(value: unknown): string {
  if (typeof value === "string") return value;
  const record = asRecord(value);
  return record === null || Object.keys(record).length === 0 ? "" : JSON.stringify(record);
}

function decodedOnce(text: string): string {
  const value = parseJson(text);
  return typeof value === "string" ? value.trim() || "{}" : text;
}
