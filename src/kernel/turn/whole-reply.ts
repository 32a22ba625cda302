/** The model's last words as one text, although a restart may have cut them in two. */
import type { Message } from "../messages.js";
import { isCutNote } from "./continue-reply.js";

/** null when the conversation does not end with words of the model: its calls do not count. */
export function wholeReply(messages: readonly Message[]): string | null {
  let text: string | null = null;
  for (let at = messages.length - 1; at >= 0; at -= 1) {
    const message = messages[at];
    if (message === undefined) break;
    // Behind a note there may be nothing more: the reply was complete when it was cut.
    if (isCutNote(message)) continue;
    const goesOn = text === null || isNote(messages[at + 1]);
    if (!goesOn || message.role !== "assistant" || message.tool_calls.length > 0) break;
    text = message.content.map((part) => (part.type === "text" ? part.text : "")).join("") + (text ?? "");
  }
  return text;
}

function isNote(message: Message | undefined): boolean {
  return message !== undefined && isCutNote(message);
}
