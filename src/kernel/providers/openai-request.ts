/** Builds the body of a chat completion request: fixed key order, what varies last, the same history the same bytes. */
import type { ResolvedModel } from "../config/config.js";
import type { TokenUsage, ToolCall } from "../messages.js";
import { type ChatMessage, type ConvertOptions, toChatMessages, toChatTools } from "./openai-convert.js";
import type { ChatRequest } from "./provider.js";
import { RequestFields } from "./request-fields.js";
import { isLocalHost } from "./server-host.js";

/** Characters per token before the first reply has told the real figure; low, so that the estimate errs upwards. */
const FIRST_CHARS_PER_TOKEN = 3;
const TOKENS_PER_MEDIA = 1000;
const SPARE_TOKENS = 64;

export interface BuiltRequest {
  body: Readonly<Record<string, unknown>>;
  /** Characters that count as prompt, for learning how many make a token. */
  chars: number;
}

export class OpenAiRequests {
  readonly #resolved: ResolvedModel;
  readonly #fields: RequestFields;
  readonly #convert: ConvertOptions;
  #charsPerToken = FIRST_CHARS_PER_TOKEN;

  /** One per provider and session. `hostname` is the server's. */
  constructor(resolved: ResolvedModel, hostname: string) {
    const kimi = resolved.provider.type === "kimi";
    this.#resolved = resolved;
    this.#fields = new RequestFields(resolved, hostname);
    this.#convert = {
      reasoningKey: resolved.provider.reasoning_key ?? "reasoning_content",
      emptyContent: isLocalHost(hostname) ? "" : null,
      toolMedia: kimi ? "inline" : "user",
      audio: kimi ? "audio_url" : "input_audio",
      checkedArguments: new WeakMap<ToolCall, string>(),
    };
  }

  build(request: ChatRequest): BuiltRequest {
    const key = this.#convert.reasoningKey;
    const reasoningKey = key !== null && this.#fields.accepts(key) ? key : null;
    const messages = toChatMessages(request.systemPrompt, request.messages, { ...this.#convert, reasoningKey });
    const tools = toChatTools(request.tools);
    const size = promptSize(messages, tools);
    const window = this.#resolved.model.max_context_size;
    const used = Math.ceil(size.chars / this.#charsPerToken) + size.media * TOKENS_PER_MEDIA;
    const left = window > 0 ? window - used - SPARE_TOKENS : null;
    const body = {
      model: this.#resolved.model.model,
      stream: true,
      ...(this.#fields.accepts("stream_options") ? { stream_options: { include_usage: true } } : {}),
      ...(tools.length > 0 ? { tools } : {}),
      messages,
      ...this.#fields.tail(left, request.maxTokens, request.toolChoice === "none" && tools.length > 0),
    };
    return { body, chars: size.media === 0 ? size.chars : 0 };
  }

  /** See RequestFields.refuse. */
  refuse(sent: BuiltRequest, errorText: string): string | null {
    return this.#fields.refuse(sent.body, errorText);
  }

  /** Learns from a reply how many characters this model's tokens have. */
  learn(sent: BuiltRequest, usage: TokenUsage | null): void {
    const tokens = usage === null ? 0 : usage.input_other + usage.input_cache_read;
    if (tokens >= 100 && sent.chars > 0) this.#charsPerToken = Math.min(8, Math.max(1, sent.chars / tokens));
  }
}

function promptSize(messages: readonly ChatMessage[], tools: readonly unknown[]): { chars: number; media: number } {
  let chars = tools.length > 0 ? JSON.stringify(tools).length : 0;
  let media = 0;
  for (const message of messages) {
    const content = message.content;
    chars += 16;
    if (typeof content === "string") chars += content.length;
    else if (Array.isArray(content)) {
      for (const part of content) {
        const text = (part as { text?: unknown }).text;
        if (typeof text === "string") chars += text.length;
        else media++;
      }
    }
    if (message.tool_calls !== undefined) chars += JSON.stringify(message.tool_calls).length;
  }
  return { chars, media };
}
