/** The conversation of one session: append-only in memory, mirrored line by line to its context file. */
import type { ContentPart, Message, TokenUsage, ToolCall } from "../messages.js";
import { toContextMessage } from "../storage/context-format.js";
import type { ContextRecord } from "../storage/session-log.js";
import type { Recorder } from "./recorder.js";
import { inputText } from "./user-input.js";

/** Where context lines go: the session's log, or nowhere for a throw-away conversation. */
export interface ContextSink {
  /** `steerId`: the records are the message of this steer. */
  append(records: readonly ContextRecord[], steerId?: string): void;
  rotate(records: readonly ContextRecord[]): void;
}

/** For a conversation that is not stored; what it took of the client's is noted all the same. */
export function unstoredContext(recorder: Pick<Recorder, "note">): ContextSink {
  return {
    append: (_records, steerId) => {
      if (steerId !== undefined) recorder.note({ kind: "steer_consumed", steer_id: steerId }, false);
    },
    rotate: () => {},
  };
}

export interface HistorySeed {
  systemPrompt: string;
  messages: readonly Message[];
  nextCheckpoint: number;
  tokenCount: number | null;
  /** True when the model is told of each checkpoint, so that it can return to it. */
  announceCheckpoints?: boolean;
}

/** What was recorded is what is remembered: every change throws KernelError and changes nothing when it cannot be stored. */
export class History {
  readonly systemPrompt: string;
  #messages: Message[];
  #nextCheckpoint: number;
  #tokens: number;
  #uncountedChars: number;
  readonly #sink: ContextSink;
  readonly #announce: boolean;

  constructor(seed: HistorySeed, sink: ContextSink) {
    this.systemPrompt = seed.systemPrompt;
    this.#messages = [...seed.messages];
    this.#nextCheckpoint = seed.nextCheckpoint;
    this.#tokens = seed.tokenCount ?? 0;
    this.#uncountedChars = seed.tokenCount === null ? countChars(seed.messages) : 0;
    this.#sink = sink;
    this.#announce = seed.announceCheckpoints === true;
  }

  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** Tokens of the last counted state plus a quarter of the characters added since (no tokenizer at run time). */
  get estimatedTokens(): number {
    return this.#tokens + Math.floor(this.#uncountedChars / 4);
  }

  /** Newest token count that a provider reported or a compaction estimated; 0 when there is none. */
  get countedTokens(): number {
    return this.#tokens;
  }

  /** Marks a point to which the conversation could return, and puts a user message behind it. Returns its id. */
  checkpoint(content: ContentPart[] | null = null): number {
    const id = this.#nextCheckpoint;
    const messages = this.#behindCheckpoint(id, content);
    // All in one record: a turn whose mark is stored has its message too.
    this.#sink.append([{ role: "_checkpoint", id }, ...messages.map(toContextMessage)]);
    this.#nextCheckpoint += 1;
    this.#messages.push(...messages);
    this.#uncountedChars += countChars(messages);
    return id;
  }

  /** Index of the message that announced this checkpoint; -1 when it was not announced or is gone. */
  #checkpointAt(id: number): number {
    const note = checkpointNote(id);
    return this.#messages.findLastIndex(({ role, content: [part] }) => {
      return role === "user" && part?.type === "text" && part.text === note;
    });
  }

  /** True when the conversation can return to this checkpoint. */
  canRevertTo(id: number): boolean {
    return this.#checkpointAt(id) >= 0;
  }

  /**
   * Drops everything behind the checkpoint, which is the newest one then, and puts a user message there. Throws when it
   * cannot return there.
   */
  revertTo(id: number, content: ContentPart[]): void {
    const at = this.#checkpointAt(id);
    if (at < 0) throw new Error(`There is no checkpoint ${id} to return to`);
    const kept = this.#messages.slice(0, at);
    const added = this.#behindCheckpoint(id, content);
    const tokens = Math.floor(countChars(kept) / 4);
    // All in one record: nobody finds the conversation shortened and without the message that says why.
    this.#sink.rotate([
      { role: "_system_prompt", content: this.systemPrompt },
      ...kept.flatMap((message) => [...checkpointLine(message), toContextMessage(message)]),
      { role: "_usage", token_count: tokens },
      { role: "_checkpoint", id },
      ...added.map(toContextMessage),
    ]);
    this.#messages = [...kept, ...added];
    this.#tokens = tokens;
    this.#uncountedChars = countChars(added);
    this.#nextCheckpoint = id + 1;
  }

  /** True when the user has said just that before. */
  holds(content: readonly ContentPart[]): boolean {
    const text = inputText(content);
    return this.#messages.some((message) => message.role === "user" && inputText(message.content) === text);
  }

  appendUser(content: ContentPart[]): void {
    this.#push({ role: "user", content });
  }

  /** Appends the message of a steer, which is consumed by that. */
  appendSteer(content: ContentPart[], steerId: string): void {
    const message: Message = { role: "user", content };
    this.#sink.append([toContextMessage(message)], steerId);
    this.#add([message]);
  }

  /** Appends a whole step: the reply and the results of its calls, with the counts around the reply. */
  appendStep(
    reply: { content: ContentPart[]; toolCalls: ToolCall[]; usage: TokenUsage | null },
    results: readonly { toolCallId: string; content: ContentPart[] }[],
  ): void {
    const assistant: Message = { role: "assistant", content: reply.content, tool_calls: reply.toolCalls };
    const tools = results.map((r): Message => ({ role: "tool", tool_call_id: r.toolCallId, content: r.content }));
    if (reply.usage === null) {
      this.#push(assistant, ...tools);
      return;
    }
    const input = inputTokens(reply.usage);
    const total = input + reply.usage.output;
    this.#sink.append([
      { role: "_usage", token_count: input },
      toContextMessage(assistant),
      { role: "_usage", token_count: total },
      ...tools.map(toContextMessage),
    ]);
    this.#messages.push(assistant, ...tools);
    this.#tokens = total;
    this.#uncountedChars = countChars(tools);
  }

  /** Appends messages that belong together: all of them are stored, or none. */
  appendTogether(...messages: Message[]): void {
    this.#push(...messages);
  }

  /** Drops everything but the system text. */
  clear(): void {
    this.#sink.rotate([{ role: "_system_prompt", content: this.systemPrompt }]);
    this.#messages = [];
    this.#tokens = 0;
    this.#uncountedChars = 0;
    this.#nextCheckpoint = 0;
  }

  /** Puts a shorter conversation in the place of the old one; `tokens` is its estimated size. */
  replace(messages: readonly Message[], tokens: number): void {
    this.#sink.rotate([
      { role: "_system_prompt", content: this.systemPrompt },
      { role: "_checkpoint", id: 0 },
      ...messages.map(toContextMessage),
      { role: "_usage", token_count: tokens },
    ]);
    this.#messages = [...messages];
    this.#tokens = tokens;
    this.#uncountedChars = 0;
    this.#nextCheckpoint = 1;
  }

  #behindCheckpoint(id: number, content: ContentPart[] | null): Message[] {
    const messages: Message[] = [];
    if (this.#announce) messages.push({ role: "user", content: [{ type: "text", text: checkpointNote(id) }] });
    if (content !== null) messages.push({ role: "user", content });
    return messages;
  }

  #push(...messages: Message[]): void {
    this.#sink.append(messages.map(toContextMessage));
    this.#add(messages);
  }

  #add(messages: readonly Message[]): void {
    this.#messages.push(...messages);
    this.#uncountedChars += countChars(messages);
  }
}

const CHECKPOINT_NOTE = /^<system>CHECKPOINT (\d+)<\/system>$/;

function checkpointNote(id: number): string {
  return `<system>CHECKPOINT ${id}</system>`;
}

/** The line that stands before the message that announces a checkpoint. */
function checkpointLine({ role, content: [part] }: Message): ContextRecord[] {
  const id = role === "user" && part?.type === "text" ? CHECKPOINT_NOTE.exec(part.text)?.[1] : undefined;
  return id === undefined ? [] : [{ role: "_checkpoint", id: Number(id) }];
}

/** All tokens that went in: fresh, read from cache and written to it. */
export function inputTokens(usage: TokenUsage): number {
  return usage.input_other + usage.input_cache_read + usage.input_cache_creation;
}

/** Characters of all texts and call arguments, the base of every estimate. */
export function countChars(messages: readonly Message[]): number {
  let chars = 0;
  for (const message of messages) {
    for (const part of message.content) {
      if (part.type === "text") chars += part.text.length;
      else if (part.type === "think") chars += part.think.length;
    }
    if (message.role === "assistant") {
      for (const call of message.tool_calls) chars += call.function.arguments?.length ?? 0;
    }
  }
  return chars;
}
