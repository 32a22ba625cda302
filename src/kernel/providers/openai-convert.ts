/**
 * History to chat completion messages. Pure, with a fixed key order: the same history gives the same bytes, and a longer
 * one begins with the bytes of the shorter (but for reasoning, which is sent back inside the running tool loop only).
 */
import type { ContentPart, Message, ToolCall } from "../messages.js";
import { asRecord, parseJson } from "./json-values.js";
import type { ToolDefinition } from "./provider.js";

export type ChatMessage = Readonly<Record<string, unknown>> & { role: string };

export interface ConvertOptions {
  /** Field that carries reasoning back to the server; null when the server refuses it. */
  reasoningKey: string | null;
  /** What an assistant message without text says beside its calls. */
  emptyContent: null | "";
  /** Media in tool results: as parts of the tool message, or in a user message behind the results. */
  toolMedia: "inline" | "user";
  /** Audio and video as `audio_url`/`video_url`, or audio as OpenAI's `input_audio`. */
  audio: "audio_url" | "input_audio";
  /** Checked arguments of calls in the history; lets long histories be checked once. */
  checkedArguments?: WeakMap<ToolCall, string>;
}

/** All messages of a request, the system text first. */
export function toChatMessages(
  systemPrompt: string,
  history: readonly Message[],
  options: ConvertOptions,
): ChatMessage[] {
  const out: ChatMessage[] = systemPrompt === "" ? [] : [{ role: "system", content: systemPrompt }];
  const lastUser = history.findLastIndex((message) => message.role === "user");
  let media: unknown[] = [];
  history.forEach((message, index) => {
    if (message.role === "tool") {
      const parts = mediaParts(message.content, options);
      const inline = parts.length > 0 && options.toolMedia === "inline";
      const content = inline ? contentParts(message.content, options) : joinedText(message.content, "\n");
      out.push({ role: "tool", tool_call_id: message.tool_call_id, content });
      if (!inline) media.push(...parts);
      if (media.length > 0 && history[index + 1]?.role !== "tool") {
        out.push({ role: "user", content: [{ type: "text", text: "Media from the tool results above:" }, ...media] });
        media = [];
      }
    } else if (message.role === "user") {
      const hasMedia = message.content.some(isMedia);
      const content = hasMedia ? contentParts(message.content, options) : joinedText(message.content, "\n");
      out.push({ role: "user", content });
    } else {
      const converted = assistantMessage(message, index > lastUser, options);
      if (converted !== null) out.push(converted);
    }
  });
  return out;
}

/** The tool list as the API takes it, in the given order. */
export function toChatTools(tools: readonly ToolDefinition[]): readonly unknown[] {
  return tools.map(({ name, description, parameters }) => ({
    type: "function",
    function: { name, description, parameters },
  }));
}

function assistantMessage(
  message: Extract<Message, { role: "assistant" }>,
  inToolLoop: boolean,
  options: ConvertOptions,
): ChatMessage | null {
  const text = joinedText(message.content, "");
  const calls = message.tool_calls.map((call) => chatToolCall(call, options));
  if (text === "" && calls.length === 0) return null;
  const reasoning = inToolLoop ? message.content.map((part) => (part.type === "think" ? part.think : "")).join("") : "";
  return {
    role: "assistant",
    content: text === "" ? options.emptyContent : text,
    ...(reasoning !== "" && options.reasoningKey !== null ? { [options.reasoningKey]: reasoning } : {}),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
}

function chatToolCall(call: ToolCall, options: ConvertOptions): unknown {
  let args = options.checkedArguments?.get(call);
  if (args === undefined) {
    args = call.function.arguments ?? "";
    // Servers with object templates answer 500 for ever once the history holds arguments that are no JSON object.
    if (asRecord(parseJson(args)) === null) args = "{}";
    options.checkedArguments?.set(call, args);
  }
  const echo = asRecord(call.extras?.extra_content);
  return {
    id: call.id,
    type: "function",
    function: { name: call.function.name, arguments: args },
    ...(echo === null ? {} : { extra_content: echo }),
  };
}

function joinedText(content: readonly ContentPart[], separator: string): string {
  const texts: string[] = [];
  for (const part of content) if (part.type === "text") texts.push(part.text);
  return texts.join(separator);
}

function isMedia(part: ContentPart): boolean {
  return part.type !== "text" && part.type !== "think";
}

function mediaParts(content: readonly ContentPart[], options: ConvertOptions): unknown[] {
  return contentParts(content.filter(isMedia), options);
}

function contentParts(content: readonly ContentPart[], options: ConvertOptions): unknown[] {
  const parts: unknown[] = [];
  for (const part of content) {
    if (part.type === "text") parts.push({ type: "text", text: part.text });
    else if (part.type === "image_url") parts.push({ type: "image_url", image_url: { url: part.image_url.url } });
    else if (part.type === "audio_url") parts.push(audioPart(part.audio_url.url, options));
    else if (part.type === "video_url") parts.push({ type: "video_url", video_url: { url: part.video_url.url } });
  }
  return parts;
}

function audioPart(url: string, options: ConvertOptions): unknown {
  const data = options.audio === "input_audio" ? /^data:audio\/([\w.+-]+);base64,(.*)$/s.exec(url) : null;
  if (data === null) return { type: "audio_url", audio_url: { url } };
  const format = (data[1] ?? "").replace("mpeg", "mp3").replace(/^x-/, "");
  return { type: "input_audio", input_audio: { data: data[2] ?? "", format } };
}
