/** A fake model driver: it plays scripted replies, one for each request, and remembers what it was asked. For tests. */
import type { TokenUsage, ToolCall } from "../messages.js";
import {
  type Capability,
  type ChatProvider,
  type ChatRequest,
  type FinishReason,
  ProviderError,
  type StreamEnd,
  type StreamPart,
} from "../providers/provider.js";

type Stream = AsyncGenerator<readonly StreamPart[], StreamEnd, void>;

/** Plays one request. */
export type ScriptedReply = (request: ChatRequest, signal: AbortSignal) => Stream;

/** A request beyond the script fails as a provider's error. */
export class FakeProvider implements ChatProvider {
  readonly modelName = "fake-model";
  readonly capabilities = new Set<Capability>();
  maxContextSize = 0;
  /** What was asked, with the messages as they were then. */
  readonly requests: ChatRequest[] = [];
  /** How often a stream was asked for its next parts. */
  pulls = 0;
  /** How often `close` was called. */
  closed = 0;
  readonly #replies: ScriptedReply[];

  constructor(...replies: ScriptedReply[]) {
    this.#replies = replies;
  }

  /** Adds replies behind those that are left. */
  script(...replies: ScriptedReply[]): void {
    this.#replies.push(...replies);
  }

  /** Forgets the replies that are left and takes these. */
  rescript(...replies: ScriptedReply[]): void {
    this.#replies.splice(0, Infinity, ...replies);
  }

  async *stream(request: ChatRequest, signal: AbortSignal): Stream {
    this.requests.push({ ...request, messages: structuredClone([...request.messages]) });
    const next = this.#replies.shift();
    if (next === undefined) throw providerError("The script is at its end.", { retryable: false });
    const stream = next(request, signal);
    try {
      for (;;) {
        this.pulls += 1;
        const item = await stream.next();
        if (item.done) return item.value;
        yield item.value;
      }
    } finally {
      stream.return({ usage: null, messageId: null, finishReason: "other" }).catch(() => {});
    }
  }

  async close(): Promise<void> {
    this.closed += 1;
  }
}

export interface ReplyOptions {
  usage?: TokenUsage | null;
  messageId?: string | null;
  finish?: FinishReason;
}

/** A reply of these reads: a string is text, anything else is given as it is. */
export function reply(reads: readonly (string | StreamPart | readonly StreamPart[])[], options: ReplyOptions = {}) {
  return async function* (): Stream {
    for (const read of reads) {
      if (typeof read === "string") yield [textPart(read)];
      else yield Array.isArray(read) ? read : [read as StreamPart];
    }
    return {
      usage: options.usage ?? null,
      messageId: options.messageId ?? null,
      finishReason: options.finish ?? "stop",
    };
  } satisfies ScriptedReply;
}

/** A reply that breaks off with this error after these reads. */
export function failing(error: unknown, reads: readonly string[] = []): ScriptedReply {
  return async function* (): Stream {
    for (const read of reads) yield [textPart(read)];
    throw error;
  };
}

/** A reply that hangs after these reads, whatever its signal says. */
export function stuck(reads: readonly string[] = []): ScriptedReply {
  return async function* (): Stream {
    for (const read of reads) yield [textPart(read)];
    return await new Promise<never>(() => {});
  };
}

/** One piece of text. */
export function textPart(text: string): StreamPart {
  return { kind: "content", part: { type: "text", text } };
}

/** A whole call in one part. */
export function callPart(id: string, name: string, args: unknown = {}): StreamPart {
  return { kind: "tool_call", call: toolCall(id, name, args) };
}

/** A call; `args` is JSON text, null, or a value to be written as JSON. */
export function toolCall(id: string, name: string, args: unknown = {}): ToolCall {
  const text = typeof args === "string" || args === null ? args : JSON.stringify(args);
  return { type: "function", id, function: { name, arguments: text }, extras: null };
}

/** A driver's failure. */
export function providerError(
  message: string,
  options: Partial<ConstructorParameters<typeof ProviderError>[1]> = {},
): ProviderError {
  return new ProviderError(message, { errorType: "APIConnectionError", code: "fake", retryable: true, ...options });
}

/** Token counts with nothing cached. */
export function usage(input: number, output: number): TokenUsage {
  return { input_other: input, output, input_cache_read: 0, input_cache_creation: 0 };
}
