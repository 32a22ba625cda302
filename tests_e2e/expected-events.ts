/** Messages that a kernel should send, written out with every key. */
import type { Message } from "./kernel-process.js";

export function event(type: string, payload: Record<string, unknown> = {}): Message {
  return { jsonrpc: "2.0", method: "event", params: { type, payload } };
}

/** The payload of a StatusUpdate after a model call without usage. */
export const PLAIN_STATUS = {
  context_usage: null,
  context_tokens: null,
  max_context_tokens: null,
  token_usage: null,
  message_id: null,
  plan_mode: false,
  mcp_status: null,
};

export const status = event("StatusUpdate", PLAIN_STATUS);

export function textPart(text: string): Message {
  return event("ContentPart", { type: "text", text });
}

export function toolCall(id: string, name: string, args: string | null): Message {
  return event("ToolCall", { type: "function", id, function: { name, arguments: args }, extras: null });
}

export function toolResult(id: string, value: Record<string, unknown>): Message {
  const base = { is_error: false, output: "", message: "", display: [], extras: null };
  return event("ToolResult", { tool_call_id: id, return_value: { ...base, ...value } });
}

/** What a tool that failed returns. */
export function failure(message: string, brief: string, output = ""): Record<string, unknown> {
  return { is_error: true, output, message, display: [{ type: "brief", text: brief }], extras: null };
}

export const REJECTED = failure(
  "The tool call is rejected by the user. Stop what you are doing and wait for the user to tell you how to proceed.",
  "Rejected by user",
);

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const HEX32 = /^[0-9a-f]{32}$/;
