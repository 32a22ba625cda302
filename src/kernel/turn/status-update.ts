/** StatusUpdate payloads: all seven keys, null where nothing changed. */
import type { TokenUsage } from "../messages.js";
import { inputTokens } from "./history.js";

export interface McpStatus {
  loading: boolean;
  connected: number;
  total: number;
  tools: number;
  servers: {
    name: string;
    status: "pending" | "connecting" | "connected" | "failed" | "unauthorized";
    /** Names under which its tools are listed. */
    tools: string[];
  }[];
}

interface StatusUpdatePayload {
  context_usage: number | null;
  context_tokens: number | null;
  max_context_tokens: number | null;
  token_usage: TokenUsage | null;
  message_id: string | null;
  plan_mode: boolean | null;
  mcp_status: McpStatus | null;
}

const UNCHANGED: StatusUpdatePayload = {
  context_usage: null,
  context_tokens: null,
  max_context_tokens: null,
  token_usage: null,
  message_id: null,
  plan_mode: null,
  mcp_status: null,
};

/** After a model call. Context figures only when the provider reported usage. */
export function statusUpdate(
  reply: { usage: TokenUsage | null; messageId: string | null },
  maxContextTokens: number,
  planMode: boolean,
): StatusUpdatePayload {
  const base = { ...UNCHANGED, message_id: reply.messageId, plan_mode: planMode };
  if (reply.usage === null) return base;
  const tokens = inputTokens(reply.usage);
  return { ...base, ...contextFigures(tokens, maxContextTokens), token_usage: { ...reply.usage } };
}

/** After the conversation was cleared or compacted: only the context figures. */
export function contextUpdate(tokens: number, maxContextTokens: number): StatusUpdatePayload {
  return { ...UNCHANGED, ...contextFigures(tokens, maxContextTokens) };
}

/** Before a turn asks the model, when the state of a server has changed. */
export function mcpUpdate(status: McpStatus): StatusUpdatePayload {
  return { ...UNCHANGED, mcp_status: status };
}

/** After plan mode was switched: nothing but that. */
export function planModeUpdate(planMode: boolean): StatusUpdatePayload {
  return { ...UNCHANGED, plan_mode: planMode };
}

function contextFigures(tokens: number, max: number) {
  return { context_usage: max > 0 ? tokens / max : 0, context_tokens: tokens, max_context_tokens: max };
}
