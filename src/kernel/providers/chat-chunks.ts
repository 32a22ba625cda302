/**
 * Normalises the chunks of one chat completion stream, in every dialect met in the field, into stream parts. The driver
 * pushes parsed chunks, takes the parts after each read and asks for the end once.
 */
import type { ContentPart, TokenUsage } from "../messages.js";
import { readUsage } from "./chat-usage.js";
import { contentPieces, finishReason, reasoningText } from "./delta-fields.js";
import { asRecord, asText, type JsonRecord } from "./json-values.js";
import { type FinishReason, ProviderError, type StreamEnd, type StreamPart, type ToolDefinition } from "./provider.js";
import { streamError } from "./server-error.js";
import { StopTokenTail } from "./stop-token-tail.js";
import { TextCallGate } from "./text-call-gate.js";
import { parseTextCalls } from "./text-calls.js";
import { ThinkSplitter } from "./think-splitter.js";
import { ToolCallAssembly } from "./tool-call-assembly.js";

export interface ChatChunksOptions {
  tools: readonly ToolDefinition[];
  /** Calls written as text: become calls, are dropped (calls were forbidden), or stay text. */
  textCalls: "recover" | "drop" | "keep";
  /** Where this server puts its reasoning, tried before the known names. */
  reasoningKey: string | null;
  /** The model is known to close thinking that it never opened. */
  assumeThinking: boolean;
  /** Makes an id that is unique in the session; takes the server's own, "" when it gave none. */
  ownId: (given: string) => string;
  /** A reply without content is no failure (a request for zero tokens). */
  mayBeEmpty: boolean;
}

export class ChatChunks {
  readonly #options: ChatChunksOptions;
  readonly #toolsByName: ReadonlyMap<string, ToolDefinition>;
  readonly #calls: ToolCallAssembly;
  readonly #splitter: ThinkSplitter;
  readonly #stopTail: StopTokenTail;
  readonly #gate: TextCallGate | null;
  #parts: StreamPart[] = [];
  #usage: TokenUsage | null = null;
  #timings: unknown = null;
  #rawUsage: unknown = null;
  #messageId: string | null = null;
  #reason: FinishReason | null = null;
  #pushed = 0;
  #sawText = false;
  #sawThinking = false;
  #dropped = 0;

  constructor(options: ChatChunksOptions) {
    this.#options = options;
    this.#toolsByName = new Map(options.tools.map((tool) => [tool.name, tool]));
    const text = (value: string): void => this.#text(value);
    const part = (value: StreamPart): void => {
      this.#parts.push(value);
    };
    this.#calls = new ToolCallAssembly(new Set(this.#toolsByName.keys()), { ownId: options.ownId, part });
    const gated = options.textCalls !== "keep" && options.tools.length > 0;
    const gate = gated ? new TextCallGate(this.#toolsByName, text, options.textCalls === "drop") : null;
    this.#gate = gate;
    const stopTail = new StopTokenTail((value) => this.#afterStopTokens(value));
    this.#stopTail = stopTail;
    this.#splitter = new ThinkSplitter(
      { text: (value) => stopTail.feed(value), think: (value) => this.#think(value) },
      options.assumeThinking,
    );
  }

  /** True once the server has said why it stopped. */
  get finished(): boolean {
    return this.#reason !== null;
  }

  /** Number of choices taken so far. */
  get pushed(): number {
    return this.#pushed;
  }

  /** True when thinking was closed that had not been opened. */
  get missedThinkOpener(): boolean {
    return this.#splitter.missedOpener;
  }

  /** Takes one parsed chunk, or a whole completion. Throws ProviderError when it is an error object. */
  push(value: unknown): void {
    const chunk = asRecord(value);
    if (chunk === null) {
      // Some servers send a bare string or a number as a keep-alive; nothing in it can be shown.
      if (typeof value === "string" && /error/i.test(value)) throw streamError(value);
      return;
    }
    const choices = chunk.choices;
    const choice = asRecord(Array.isArray(choices) ? choices[0] : choices);
    if (isError(chunk, choice)) throw streamError(chunk);
    if (this.#messageId === null && typeof chunk.id === "string" && chunk.id !== "") this.#messageId = chunk.id;
    if (chunk.usage || chunk.timings || choice?.usage) this.#count(chunk, choice);
    if (choice === null) return;
    this.#pushed++;
    const delta = asRecord(choice.delta) ?? asRecord(choice.message);
    if (delta !== null) this.#delta(delta);
    else if (typeof choice.text === "string") this.#splitter.feed(choice.text);
    const reason = choice.finish_reason;
    if (typeof reason === "string" && reason !== "") this.#reason = finishReason(reason);
  }

  /** The parts since the last call; possibly none. */
  take(): StreamPart[] {
    const parts = this.#parts;
    if (parts.length > 0) this.#parts = [];
    return parts;
  }

  /**
   * Ends a clean stream: flushes what was held back (take() gives it) and returns the end. Throws ProviderError for an
   * empty reply.
   */
  end(): StreamEnd {
    if (this.#calls.count === 0) this.#splitter.end();
    this.#flushText(this.#calls.count === 0);
    this.#calls.finish();
    if (this.#calls.count === 0 && !this.#sawText && !this.#options.mayBeEmpty) throw this.#emptyReply();
    return { usage: this.#usage, messageId: this.#messageId, finishReason: this.#finishReason() };
  }

  /** Flushes what was held back when the stream broke off; whatever it is, it is shown as text. */
  abandon(): void {
    this.#splitter.flush();
    this.#stopTail.end();
    this.#text(this.#gate?.end().text ?? "");
  }

  #delta(delta: JsonRecord): void {
    const content = delta.content;
    const reasoning = reasoningText(delta, this.#options.reasoningKey);
    if (reasoning !== "") this.#think(reasoning);
    if (typeof content === "string") {
      if (content !== "") this.#splitter.feed(content);
    } else if (content !== null && content !== undefined) {
      for (const piece of contentPieces(content)) {
        if (piece.think) this.#think(piece.text);
        else this.#splitter.feed(piece.text);
      }
    }
    if (typeof delta.refusal === "string" && delta.refusal !== "") this.#splitter.feed(delta.refusal);
    const calls = delta.tool_calls ?? delta.function_call;
    if (calls !== null && calls !== undefined && !(Array.isArray(calls) && calls.length === 0)) {
      // What was held back as a possible call in the text is text after all: there are native calls.
      if (this.#calls.count === 0) this.#flushText(false);
      this.#calls.push(calls);
    }
  }

  #count(chunk: JsonRecord, choice: JsonRecord | null): void {
    this.#rawUsage = asRecord(chunk.usage) ?? asRecord(choice?.usage) ?? this.#rawUsage;
    this.#timings = asRecord(chunk.timings) ?? this.#timings;
    this.#usage = readUsage(this.#rawUsage, this.#timings) ?? this.#usage;
  }

  #think(text: string): void {
    this.#sawThinking = true;
    this.#content({ type: "think", think: text, encrypted: null });
  }

  #afterStopTokens(text: string): void {
    if (this.#gate !== null && this.#calls.count === 0) this.#gate.feed(text);
    else this.#text(text);
  }

  #text(text: string): void {
    if (text === "") return;
    if (!this.#sawText && text.trim() !== "") this.#sawText = true;
    this.#content({ type: "text", text });
  }

  #content(part: ContentPart): void {
    this.#parts.push({ kind: "content", part });
  }

  /** Hands out all held text; with `asCalls` as calls when it is nothing else. */
  #flushText(asCalls: boolean): void {
    this.#splitter.flush();
    this.#stopTail.end();
    const held = this.#gate?.end();
    if (held === undefined || held.text === "") return;
    const calls = held.maybeCalls && asCalls ? parseTextCalls(held.text, this.#toolsByName) : null;
    if (calls === null) this.#text(held.text);
    else if (this.#options.textCalls === "drop") this.#dropped += calls.length;
    else {
      for (const call of calls) {
        this.#calls.addWhole(call.name, call.arguments, { recovered: true });
      }
    }
  }

  #finishReason(): FinishReason {
    const reason = this.#reason ?? "stop";
    if (reason === "length" || reason === "content_filter") return reason;
    if (this.#calls.count > 0) return "tool_calls";
    return reason === "tool_calls" ? "stop" : reason;
  }

  #emptyReply(): ProviderError {
    let message = "The model sent an empty reply.";
    if (this.#dropped > 0) message = "The model answered with tool calls where none were allowed.";
    else if (this.#sawThinking) message = "The model sent only thinking and no answer.";
    return new ProviderError(message, {
      errorType: "APIEmptyResponseError",
      code: this.#sawThinking ? "only_thinking" : "empty_response",
      retryable: true,
    });
  }
}

/** An error object in any dialect; a chunk with choices is one only when it says so itself. */
function isError(chunk: JsonRecord, choice: JsonRecord | null): boolean {
  if (chunk.error) return true;
  if (choice !== null || Array.isArray(chunk.choices)) return false;
  return chunk.object === "error" || asText(chunk.message) !== "" || asText(chunk.detail) !== "";
}
