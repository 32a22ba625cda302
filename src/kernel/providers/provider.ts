/**
 * The contract between the turn and a model driver. A driver turns one ChatRequest into a stream of parts, one array
 * per read from its source, so that the turn can record and deliver a whole read at once.
 */
import type { ContentPart, Message, TokenUsage, ToolCall } from "../messages.js";

export type Capability = "image_in" | "video_in" | "thinking" | "always_thinking";

/** A tool as it is listed to the model. `parameters` is a JSON Schema object with a fixed key order. */
export interface ToolDefinition {
  name: string;
  description: string;
  parameters: Readonly<Record<string, unknown>>;
}

export interface ChatRequest {
  systemPrompt: string;
  tools: readonly ToolDefinition[];
  messages: readonly Message[];
  /** "none" keeps the tools in the prompt (the cached prefix stays) and forbids calls. Default "auto". */
  toolChoice?: "auto" | "none";
  /** Upper bound of the reply; the driver applies its own default when absent. */
  maxTokens?: number;
  /** Called at most once a request, just before it leaves for the server; for the bench and the log. */
  onRequestSent?: () => void;
}

/**
 * What a driver yields, in the order of the stream. A `tool_call` opens a call; the `tool_call_part`s after it
 * continue the latest opened call. Ids are never empty and are unique within the stream.
 */
export type StreamPart =
  | { kind: "content"; part: ContentPart }
  | { kind: "tool_call"; call: ToolCall }
  | { kind: "tool_call_part"; argumentsPart: string | null };

export type FinishReason = "stop" | "tool_calls" | "length" | "content_filter" | "other";

export interface StreamEnd {
  usage: TokenUsage | null;
  messageId: string | null;
  finishReason: FinishReason;
}

export interface ChatProvider {
  /** The provider's model id, as error texts name it. */
  readonly modelName: string;
  readonly capabilities: ReadonlySet<Capability>;
  /** True when a request may end with an assistant message, which the model then goes on with. */
  readonly canPrefill?: boolean;
  /** Tokens; 0 when unknown. */
  readonly maxContextSize: number;
  /**
   * Runs one request. Never yields an empty array. Returns the end of a clean stream; throws ProviderError for every
   * failure, a cut stream included; throws the signal's reason when aborted. Not pulling pauses the source.
   */
  stream(request: ChatRequest, signal: AbortSignal): AsyncGenerator<readonly StreamPart[], StreamEnd, void>;
  /** Loads what the first request needs (the SDK), to be called when nothing else waits. Safe to call again. */
  warmUp?(): Promise<void>;
  /** Closes sockets and timers. Called once. */
  close?(): Promise<void>;
}

export type ProviderErrorType =
  | "APIStatusError"
  | "APIConnectionError"
  | "APITimeoutError"
  | "APIEmptyResponseError"
  | "ChatProviderError";

/** Any failure of a model call. The message is the provider's own text, shown verbatim with -32003. */
export class ProviderError extends Error {
  readonly errorType: ProviderErrorType;
  readonly statusCode: number | null;
  /** Finer string code for logs and tests, e.g. "stream_truncated", "bad_chunk", "context_overflow". */
  readonly code: string;
  readonly retryable: boolean;
  /** Milliseconds the server asked to wait (Retry-After), null when it did not. */
  readonly retryAfterMs: number | null;

  constructor(
    message: string,
    options: {
      errorType: ProviderErrorType;
      code: string;
      retryable: boolean;
      statusCode?: number | null;
      retryAfterMs?: number | null;
      cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = options.errorType;
    this.errorType = options.errorType;
    this.code = options.code;
    this.retryable = options.retryable;
    this.statusCode = options.statusCode ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** HTTP statuses that a retry may cure (wire.md 3.7). */
export const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
