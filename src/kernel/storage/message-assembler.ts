/** Builds the message that a stream adds up to, part by part, so that a long reply need not be kept twice. */
import type { ContentPart, ToolCall } from "../messages.js";
import type { StreamPart } from "../providers/provider.js";

export interface AssembledMessage {
  content: ContentPart[];
  toolCalls: ToolCall[];
}

/**
 * Content parts in order, calls apart. Empty text and thinking are dropped, and so is a piece of arguments with no
 * call before it. A call that interrupts a text leaves two text parts.
 */
export class MessageAssembler {
  readonly #content: ContentPart[] = [];
  readonly #toolCalls: ToolCall[] = [];
  #openText = false;

  push(item: StreamPart): void {
    if (item.kind === "tool_call") {
      this.#toolCalls.push({ ...item.call, function: { ...item.call.function } });
      this.#openText = false;
    } else if (item.kind === "tool_call_part") {
      const call = this.#toolCalls.at(-1);
      if (call === undefined || item.argumentsPart === null) return;
      call.function.arguments = (call.function.arguments ?? "") + item.argumentsPart;
    } else if (!isEmptyPart(item.part)) {
      const last = this.#openText ? this.#content.at(-1) : undefined;
      const merged = last === undefined ? null : joinContent(last, item.part);
      if (merged === null) this.#content.push(item.part);
      else this.#content[this.#content.length - 1] = merged;
      this.#openText = true;
    }
  }

  /** The message so far. */
  finish(): AssembledMessage {
    return { content: this.#content, toolCalls: this.#toolCalls };
  }
}

/** The message of a whole list of parts. */
export function assembleMessage(parts: readonly StreamPart[]): AssembledMessage {
  const assembler = new MessageAssembler();
  for (const part of parts) assembler.push(part);
  return assembler.finish();
}

function isEmptyPart(part: ContentPart): boolean {
  if (part.type === "text") return part.text === "";
  return part.type === "think" && part.think === "" && part.encrypted === null;
}

function joinContent(left: ContentPart, right: ContentPart): ContentPart | null {
  if (left.type === "text" && right.type === "text") return { type: "text", text: left.text + right.text };
  if (left.type === "think" && right.type === "think" && left.encrypted === null) {
    return { type: "think", think: left.think + right.think, encrypted: right.encrypted };
  }
  return null;
}
