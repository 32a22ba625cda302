/**
 * Lets a reply's text pass and holds back only what may be a tool call written as text. Whatever turns out not to be one
 * is passed on as soon as that is certain.
 */
import { JsonSpan } from "./json-span.js";
import type { ToolsByName } from "./text-calls.js";
import { partialTagLength } from "./think-splitter.js";

const TAGS = ["<tool_call>", "<function=", "[TOOL_CALLS]"];
const MAX_HELD = 2 * 1024 * 1024;
const MAX_UNDECIDED = 256;
const OBJECT_OPENING = /^\{\s*"(?:name|function|tool|tool_name|type|id|arguments|parameters)"/;
const OBJECT_BEGINNING = /^(?:\{\s*(?:"[a-z_]{0,10})?)?$/;
const FENCE_OPENING = /^```(?:json|tool_calls?|tool_code)?\s+(?=\S)/;
const FENCE_BEGINNING = /^```[a-z_]{0,10}\s*$/;

/** How a held opening goes on: `length` characters of it are read, and `close` ends it (null: the end of the reply). */
type Opening = "no" | "more" | { length: number; close: string | null; object: boolean };

/** What was held when the reply ended; `maybeCalls` is false when it can only be text. */
export interface HeldTail {
  text: string;
  maybeCalls: boolean;
}

export class TextCallGate {
  readonly #tools: ToolsByName;
  readonly #emit: (text: string) => void;
  readonly #tagsOnly: boolean;
  #phase: "text" | "opening" | "body" | "after" = "text";
  #carry = "";
  #held: string[] = [];
  #heldLength = 0;
  #close: string | null = null;
  #span: JsonSpan | null = null;
  #lineStart = true;

  /** `tagsOnly` looks for marked calls alone, not for fences and bare objects. */
  constructor(tools: ToolsByName, emit: (text: string) => void, tagsOnly = false) {
    this.#tools = tools;
    this.#emit = emit;
    this.#tagsOnly = tagsOnly;
  }

  feed(text: string): void {
    if (this.#phase === "text" && this.#carry === "" && !/[<[{`]/.test(text)) {
      this.#pass(text);
      return;
    }
    let rest: string | null = this.#carry + text;
    this.#carry = "";
    while (rest !== null && rest !== "") {
      if (this.#phase === "text") rest = this.#text(rest);
      else if (this.#phase === "opening") rest = this.#opening(rest);
      else if (this.#phase === "body") rest = this.#body(rest);
      else rest = this.#after(rest);
    }
  }

  /** Ends the reply and hands over what is still held, which has not been passed on. */
  end(): HeldTail {
    const maybeCalls = this.#phase === "body" || this.#phase === "after";
    const text = this.#held.join("") + this.#carry;
    this.#held = [];
    this.#carry = "";
    this.#phase = "text";
    return { text, maybeCalls };
  }

  #pass(text: string): void {
    if (text === "") return;
    const newline = text.lastIndexOf("\n");
    if (newline >= 0) this.#lineStart = true;
    if (this.#lineStart && text.slice(newline + 1).trim() !== "") this.#lineStart = false;
    this.#emit(text);
  }

  #text(text: string): string | null {
    const at = this.#findOpener(text);
    if (at >= 0) {
      this.#pass(text.slice(0, at));
      this.#phase = "opening";
      return text.slice(at);
    }
    const held = Math.max(partialTagLength(text, TAGS), this.#partialFence(text));
    this.#pass(text.slice(0, text.length - held));
    this.#carry = text.slice(text.length - held);
    return null;
  }

  /** Index of the first opener, -1 when there is none. Fences and objects count at the start of a line only. */
  #findOpener(text: string): number {
    let first = -1;
    for (const tag of TAGS) {
      const at = text.indexOf(tag);
      if (at >= 0 && (first < 0 || at < first)) first = at;
    }
    if (this.#tagsOnly) return first;
    const lines = /(^|\n)[ \t]*(?=```|\{)/g;
    for (let match = lines.exec(text); match !== null; match = lines.exec(text)) {
      const at = match.index + match[0].length;
      if (match[1] === "" && !this.#lineStart) lines.lastIndex = Math.max(at, 1);
      else return first < 0 ? at : Math.min(first, at);
    }
    return first;
  }

  #partialFence(text: string): number {
    if (this.#tagsOnly) return 0;
    const match = /(^|\n)[ \t]*(`{1,2})$/.exec(text);
    return match !== null && (match[1] !== "" || this.#lineStart) ? (match[2] ?? "").length : 0;
  }

  #opening(text: string): string | null {
    const opening = this.#readOpening(text);
    if (opening === "more" && text.length <= MAX_UNDECIDED) {
      this.#carry = text;
      return null;
    }
    if (opening === "more" || opening === "no") {
      this.#release();
      this.#pass(text.slice(0, 1));
      this.#lineStart = false;
      return text.slice(1);
    }
    this.#phase = "body";
    this.#close = opening.close;
    this.#span = opening.object ? new JsonSpan() : null;
    this.#hold(text.slice(0, opening.length));
    return text.slice(opening.length);
  }

  #readOpening(text: string): Opening {
    if (text.startsWith("<function=")) {
      const name = /^<function=([\w.-]*)(>?)/.exec(text);
      if (name === null) return "no";
      if (name[2] === ">") {
        return this.#tools.has(name[1] ?? "") ? { length: name[0].length, close: "</function>", object: false } : "no";
      }
      return name[0].length === text.length ? "more" : "no";
    }
    if (text.startsWith("<tool_call>")) {
      const next = text.slice("<tool_call>".length).trimStart().charAt(0);
      if (next === "") return "more";
      return "{[<".includes(next) ? { length: "<tool_call>".length, close: "</tool_call>", object: false } : "no";
    }
    if (text.startsWith("[TOOL_CALLS]")) return { length: text.length, close: null, object: false };
    if (text.startsWith("{")) return readObject(text, { length: 0, close: null, object: true });
    const fence = FENCE_OPENING.exec(text) ?? /^```(?=\{)/.exec(text);
    if (fence === null) return FENCE_BEGINNING.test(text) ? "more" : "no";
    return readObject(text.slice(fence[0].length), { length: fence[0].length, close: "\n```", object: false });
  }

  #body(text: string): string | null {
    let end = -1;
    let kept = 0;
    if (this.#span !== null) end = this.#span.feed(text);
    else if (this.#close !== null) {
      const at = text.indexOf(this.#close);
      if (at >= 0) end = at + this.#close.length;
      else kept = partialTagLength(text, [this.#close]);
    }
    if (end >= 0) {
      this.#phase = "after";
      this.#hold(text.slice(0, end));
      return text.slice(end);
    }
    this.#hold(text.slice(0, text.length - kept));
    this.#carry = text.slice(text.length - kept);
    if (this.#heldLength > MAX_HELD) this.#release();
    return null;
  }

  /** Behind a call only white space, closing tags or the next call may follow. */
  #after(text: string): string | null {
    const rest = text.trimStart();
    this.#hold(text.slice(0, text.length - rest.length));
    if (rest === "") return null;
    if (rest.startsWith("</tool_call>")) {
      this.#hold("</tool_call>");
      return rest.slice("</tool_call>".length);
    }
    const openers = this.#tagsOnly ? TAGS : [...TAGS, "```", "{"];
    if (openers.some((opener) => rest.startsWith(opener))) {
      this.#phase = "opening";
      return rest;
    }
    if ([...openers, "</tool_call>"].some((opener) => opener.startsWith(rest))) {
      this.#carry = rest;
      return null;
    }
    this.#release();
    return rest;
  }

  #hold(text: string): void {
    this.#held.push(text);
    this.#heldLength += text.length;
  }

  #release(): void {
    this.#phase = "text";
    const text = this.#held.join("");
    this.#held = [];
    this.#heldLength = 0;
    this.#pass(text);
  }
}

function readObject(text: string, opening: Exclude<Opening, string>): Opening {
  if (OBJECT_OPENING.test(text)) return opening;
  return OBJECT_BEGINNING.test(text) ? "more" : "no";
}
