/** Lines of context.jsonl to and from what the kernel holds. Reading is tolerant: other kernels write this file too. */
import type { ContentPart, MediaUrl, Message, ToolCall } from "../messages.js";
import { asObject, lineJson, parseObject } from "./line-json.js";
import type { ContextMessage, ContextRecord } from "./session-log.js";

/** What one line holds. */
export type ContextEntry =
  | { kind: "system"; content: string }
  | { kind: "checkpoint"; id: number }
  | { kind: "usage"; tokens: number }
  | { kind: "message"; message: Message };

/** One line with its LF. */
export function contextLine(record: ContextRecord): string {
  return `${lineJson(record)}\n`;
}

/** A message as it is stored: content as a string when it is exactly one text part, null fields left out. */
export function toContextMessage(message: Message): ContextMessage {
  const [only] = message.content;
  const content =
    message.content.length === 1 && only?.type === "text" ? only.text : message.content.map((part) => storedPart(part));
  if (message.role === "tool") return { role: "tool", content, tool_call_id: message.tool_call_id };
  if (message.role === "user" || message.tool_calls.length === 0) return { role: message.role, content };
  return { role: "assistant", content, tool_calls: message.tool_calls.map((call) => storedCall(call)) };
}

/** Reads one line; null for one that holds nothing we know, which a reader skips. Never throws. */
export function fromContextLine(line: string): ContextEntry | null {
  const record = parseObject(line);
  return record === null ? null : fromContextRecord(record);
}

/** The same for a parsed line. */
export function fromContextRecord(record: Readonly<Record<string, unknown>>): ContextEntry | null {
  switch (record.role) {
    case "_system_prompt":
      return typeof record.content === "string" ? { kind: "system", content: record.content } : null;
    case "_checkpoint":
      return Number.isSafeInteger(record.id) ? { kind: "checkpoint", id: record.id as number } : null;
    case "_usage":
      return typeof record.token_count === "number" ? { kind: "usage", tokens: record.token_count } : null;
    case "user":
      return { kind: "message", message: { role: "user", content: contentParts(record.content) } };
    case "assistant":
      return { kind: "message", message: assistantMessage(record) };
    case "tool": {
      const id = record.tool_call_id;
      if (typeof id !== "string") return null;
      return { kind: "message", message: { role: "tool", tool_call_id: id, content: contentParts(record.content) } };
    }
    default:
      return null;
  }
}

/** Content in any of its stored shapes: null, a string, one part or a list of parts. Unknown parts are left out. */
export function contentParts(content: unknown): ContentPart[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  const items = Array.isArray(content) ? content : [content];
  return items.map((item) => contentPart(item)).filter((part) => part !== null);
}

function assistantMessage(record: Readonly<Record<string, unknown>>): Message {
  const content = contentParts(record.content);
  const reasoning = record.reasoning_content;
  if (typeof reasoning === "string" && reasoning !== "") {
    content.unshift({ type: "think", think: reasoning, encrypted: null });
  }
  const calls = Array.isArray(record.tool_calls) ? record.tool_calls : [];
  return {
    role: "assistant",
    content,
    tool_calls: calls.map((call) => toolCall(call)).filter((call) => call !== null),
  };
}

function contentPart(value: unknown): ContentPart | null {
  if (typeof value === "string") return { type: "text", text: value };
  const part = asObject(value);
  if (part === null) return null;
  switch (part.type) {
    case "text":
      return typeof part.text === "string" ? { type: "text", text: part.text } : null;
    case "think":
      return typeof part.think === "string"
        ? { type: "think", think: part.think, encrypted: stringOrNull(part.encrypted) }
        : null;
    case "image_url": {
      const url = mediaUrl(part.image_url);
      return url === null ? null : { type: "image_url", image_url: url };
    }
    case "audio_url": {
      const url = mediaUrl(part.audio_url);
      return url === null ? null : { type: "audio_url", audio_url: url };
    }
    case "video_url": {
      const url = mediaUrl(part.video_url);
      return url === null ? null : { type: "video_url", video_url: url };
    }
    default:
      return null;
  }
}

function mediaUrl(value: unknown): MediaUrl | null {
  if (typeof value === "string") return { url: value, id: null };
  const media = asObject(value);
  return typeof media?.url === "string" ? { url: media.url, id: stringOrNull(media.id) } : null;
}

function toolCall(value: unknown): ToolCall | null {
  const call = asObject(value);
  const named = asObject(call?.function);
  if (typeof call?.id !== "string" || typeof named?.name !== "string") return null;
  const extras = asObject(call.extras);
  return {
    type: "function",
    id: call.id,
    function: { name: named.name, arguments: stringOrNull(named.arguments) },
    extras,
  };
}

function storedPart(part: ContentPart): Record<string, unknown> {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.text };
    case "think":
      return withoutNulls({ type: "think", think: part.think, encrypted: part.encrypted });
    case "image_url":
      return { type: "image_url", image_url: withoutNulls({ ...part.image_url }) };
    case "audio_url":
      return { type: "audio_url", audio_url: withoutNulls({ ...part.audio_url }) };
    case "video_url":
      return { type: "video_url", video_url: withoutNulls({ ...part.video_url }) };
  }
}

function storedCall(call: ToolCall): Record<string, unknown> {
  const { name, arguments: text } = call.function;
  return withoutNulls({
    type: "function",
    id: call.id,
    function: withoutNulls({ name, arguments: text }),
    extras: call.extras,
  });
}

function withoutNulls(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

function stringOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
