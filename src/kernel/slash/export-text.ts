/** A conversation as a Markdown document for people, and as the text that another session imports. */
import type { ContentPart, Message } from "../messages.js";

/** Pure. Media are named, not contained. */
export function exportText(sessionId: string, messages: readonly Message[]): string {
  return `# Session ${sessionId}\n\n${messages.map(section).join("\n\n")}\n`;
}

function section(message: Message): string {
  if (message.role === "tool") return `## Tool result ${message.tool_call_id}\n\n${fenced(textOf(message.content))}`;
  const title = message.role === "user" ? "User" : "Assistant";
  const calls =
    message.role === "user"
      ? []
      : message.tool_calls.map((call) => {
          const args = fenced(call.function.arguments ?? "{}", "json");
          return `### Tool call ${call.id}: ${call.function.name}\n\n${args}`;
        });
  return [`## ${title}`, textOf(message.content), ...calls].filter((text) => text !== "").join("\n\n");
}

function textOf(content: readonly ContentPart[]): string {
  return content
    .map((part) => {
      if (part.type === "text") return part.text;
      return part.type === "think" ? `> ${part.think.replaceAll("\n", "\n> ")}` : `[${part.type.replace("_url", "")}]`;
    })
    .join("\n\n")
    .trim();
}

/** A fence that is longer than any in the text. */
function fenced(text: string, language = ""): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map(([marks]) => marks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}
