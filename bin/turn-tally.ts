/** Adds up the events of a turn: its messages, its steps, its tokens. */
import type { Message, TokenUsage } from "../src/kernel/messages.js";
import { MessageAssembler } from "../src/kernel/storage/message-assembler.js";
import { toolMessage } from "../src/kernel/storage/tool-message.js";
import type { Event } from "../src/wire/generated/types.gen.js";

/** For one turn. `onMessage` gets each message as soon as it is whole; parts of a failed attempt belong to none. */
export class TurnTally {
  readonly usage: TokenUsage = { input_other: 0, output: 0, input_cache_read: 0, input_cache_creation: 0 };
  steps = 0;
  readonly #onMessage: (message: Message) => void;
  #assembler = new MessageAssembler();
  #finalText = "";

  constructor(onMessage: (message: Message) => void = () => {}) {
    this.#onMessage = onMessage;
  }

  /** Text of the last message of the model that has any. */
  get finalText(): string {
    return this.#finalText;
  }

  add({ type, payload }: Event): void {
    switch (type) {
      case "TurnBegin":
      case "SteerInput":
        this.#flush();
        this.#onMessage({ role: "user", content: userContent(payload.user_input) });
        return;
      case "StepBegin":
        this.#flush();
        this.steps += 1;
        return;
      case "StepRetry":
        this.#assembler = new MessageAssembler();
        return;
      case "ContentPart":
        this.#assembler.push({ kind: "content", part: payload });
        return;
      case "ToolCall":
        this.#assembler.push({ kind: "tool_call", call: payload });
        return;
      case "ToolCallPart":
        this.#assembler.push({ kind: "tool_call_part", argumentsPart: payload.arguments_part });
        return;
      case "ToolResult":
        this.#flush();
        this.#onMessage(toolMessage(payload.tool_call_id, payload.return_value));
        return;
      case "StatusUpdate":
        if (payload.token_usage !== null) this.#count(payload.token_usage);
        return;
      case "SubagentEvent":
        // Their words are not part of this conversation; their tokens were paid for all the same.
        if (payload.event.type === "StatusUpdate" && payload.event.payload.token_usage !== null) {
          this.#count(payload.event.payload.token_usage);
        }
        return;
      case "TurnEnd":
        this.#flush();
        return;
      default:
        return;
    }
  }

  /** The turn is over, also without its TurnEnd. */
  close(): void {
    this.#flush();
  }

  #count(usage: TokenUsage): void {
    for (const key of Object.keys(this.usage) as (keyof TokenUsage)[]) this.usage[key] += usage[key];
  }

  #flush(): void {
    const { content, toolCalls } = this.#assembler.finish();
    this.#assembler = new MessageAssembler();
    if (content.length === 0 && toolCalls.length === 0) return;
    const text = content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
    if (text !== "") this.#finalText = text;
    this.#onMessage({ role: "assistant", content, tool_calls: toolCalls });
  }
}

function userContent(input: string | Message["content"]): Message["content"] {
  return typeof input === "string" ? [{ type: "text", text: input }] : input;
}
