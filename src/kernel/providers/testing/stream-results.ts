/** Runs a provider in a test and shows what came of it. */
import type { ResolvedModel } from "../../config/config.js";
import type { Message } from "../../messages.js";
import {
  type ChatProvider,
  type ChatRequest,
  ProviderError,
  type StreamEnd,
  type ToolDefinition,
} from "../provider.js";

export const SHELL: ToolDefinition = {
  name: "Shell",
  description: "Runs a command.",
  parameters: {
    type: "object",
    properties: { command: { type: "string" }, timeout: { type: "integer" } },
    required: ["command"],
  },
};

export const READ_FILE: ToolDefinition = {
  name: "ReadFile",
  description: "Reads a file.",
  parameters: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
};

export function user(text: string): Message {
  return { role: "user", content: [{ type: "text", text }] };
}

export function chatRequest(fields: Partial<ChatRequest> = {}): ChatRequest {
  return { systemPrompt: "Be brief.", tools: [SHELL, READ_FILE], messages: [user("hello")], ...fields };
}

type Overrides = Partial<Omit<ResolvedModel, "provider" | "model">> & {
  provider?: Partial<ResolvedModel["provider"]>;
  model?: Partial<ResolvedModel["model"]>;
};

/** A resolved model with defaults for all that a test does not care about. */
export function resolvedModel({ provider, model, ...rest }: Overrides = {}): ResolvedModel {
  return {
    alias: "test",
    model: {
      provider: "test",
      model: "fake",
      max_context_size: 32_768,
      capabilities: null,
      display_name: null,
      ...model,
    },
    provider: {
      type: "openai_legacy",
      base_url: "http://127.0.0.1:1/v1",
      api_key: "",
      env: {},
      custom_headers: {},
      reasoning_key: null,
      ...provider,
    },
    capabilities: new Set(),
    thinking: false,
    env: {},
    temperature: null,
    topP: null,
    maxTokens: null,
    ...rest,
  };
}

export interface StreamResult {
  text: string;
  think: string;
  /** Arguments put together as the turn does it. */
  calls: { id: string; name: string; arguments: string | null; extras: Record<string, unknown> | null }[];
  batches: number;
  end: StreamEnd | null;
  error: unknown;
}

/** Pulls a stream to its end and never throws: a failure is in `error`. */
export async function collect(
  provider: ChatProvider,
  request: ChatRequest = chatRequest(),
  signal: AbortSignal = new AbortController().signal,
): Promise<StreamResult> {
  const result: StreamResult = { text: "", think: "", calls: [], batches: 0, end: null, error: null };
  try {
    const stream = provider.stream(request, signal);
    for (;;) {
      const next = await stream.next();
      if (next.done) {
        result.end = next.value;
        return result;
      }
      if (next.value.length === 0) throw new Error("an empty batch was yielded");
      result.batches++;
      for (const part of next.value) {
        if (part.kind === "content" && part.part.type === "text") result.text += part.part.text;
        else if (part.kind === "content" && part.part.type === "think") result.think += part.part.think;
        else if (part.kind === "tool_call") {
          const { id, function: fn, extras } = part.call;
          result.calls.push({ id, name: fn.name, arguments: fn.arguments, extras });
        } else if (part.kind === "tool_call_part") {
          const last = result.calls.at(-1);
          if (last === undefined) throw new Error("arguments without a call");
          last.arguments = (last.arguments ?? "") + (part.argumentsPart ?? "");
        }
      }
    }
  } catch (error) {
    result.error = error;
    return result;
  }
}

/** The failure as a ProviderError; throws when it is none. */
export function providerError(result: StreamResult): ProviderError {
  if (result.error instanceof ProviderError) return result.error;
  throw new Error(`expected a ProviderError, got ${String(result.error)}`, { cause: result.error });
}
