/** Events of a kernel, for the client. Never loaded on the kernel's start path. */
import * as z from "zod/mini";
import type * as wire from "../generated/types.gen.js";
import { pin } from "../pin.js";
import { approvalDecision, hookAction } from "./client-request.js";
import { contentPart, userInputEcho } from "./common.js";
import { hookEvent } from "./hook-event.js";
import { toolReturnValue } from "./tool-value.js";

const nullableString = z.nullable(z.string());
const count = z.int().check(z.minimum(0));
const ordinal = z.int().check(z.minimum(1));
const openObject = z.record(z.string(), z.unknown());

/** An event without facts. */
const bare = pin<wire.TurnEnd>()(z.object({}));

const turnBegin = pin<wire.TurnBegin>()(z.object({ user_input: userInputEcho }));
const stepBegin = pin<wire.StepBegin>()(z.object({ n: ordinal }));
const stepRetry = pin<wire.StepRetry>()(
  z.object({
    n: ordinal,
    next_attempt: ordinal,
    max_attempts: ordinal,
    wait_s: z.number().check(z.minimum(0)),
    error_type: z.string(),
    status_code: z.nullable(z.int()),
  }),
);
const steerInput = pin<wire.SteerInput>()(z.object({ user_input: userInputEcho }));

const tokenUsage = pin<wire.TokenUsage>()(
  z.object({ input_other: count, output: count, input_cache_read: count, input_cache_creation: count }),
);
const mcpServerStatus = pin<wire.McpServerStatus>()(
  z.object({
    name: z.string(),
    status: z.enum(["pending", "connecting", "connected", "failed", "unauthorized"]),
    tools: z.array(z.string()),
  }),
);
const mcpStatus = pin<wire.McpStatus>()(
  z.object({ loading: z.boolean(), connected: count, total: count, tools: count, servers: z.array(mcpServerStatus) }),
);
const statusUpdate = pin<wire.StatusUpdate>()(
  z.object({
    context_usage: z.nullable(z.number().check(z.minimum(0))),
    context_tokens: z.nullable(count),
    max_context_tokens: z.nullable(count),
    token_usage: z.nullable(tokenUsage),
    message_id: nullableString,
    plan_mode: z.nullable(z.boolean()),
    mcp_status: z.nullable(mcpStatus),
  }),
);
const notification = pin<wire.Notification>()(
  z.object({
    id: z.string(),
    category: z.enum(["task", "agent", "system"]),
    type: z.string(),
    source_kind: z.string(),
    source_id: z.string(),
    title: z.string(),
    body: z.string(),
    severity: z.enum(["info", "success", "warning", "error"]),
    created_at: z.number(),
    payload: openObject,
  }),
);

const functionCall = pin<wire.FunctionCall>()(z.object({ name: z.string(), arguments: nullableString }));
const toolCall = pin<wire.ToolCall>()(
  z.object({
    type: z.literal("function"),
    id: z.string(),
    function: functionCall,
    extras: z.nullable(openObject),
  }),
);
const toolCallPart = pin<wire.ToolCallPart>()(z.object({ arguments_part: nullableString }));
const toolResult = pin<wire.ToolResult>()(z.object({ tool_call_id: z.string(), return_value: toolReturnValue }));
const approvalResponse = pin<wire.ApprovalResponse>()(
  z.object({ request_id: z.string(), response: approvalDecision, feedback: z.string() }),
);

const subagentEvent = pin<wire.SubagentEvent>()(
  z.object({
    parent_tool_call_id: nullableString,
    agent_id: nullableString,
    subagent_type: nullableString,
    event: z.lazy((): z.ZodMiniType<wire.Event> => eventParams),
  }),
);
const planDisplay = pin<wire.PlanDisplay>()(z.object({ content: z.string(), file_path: z.string() }));
const hookTriggered = pin<wire.HookTriggered>()(z.object({ event: hookEvent, target: z.string(), hook_count: count }));
const hookResolved = pin<wire.HookResolved>()(
  z.object({ event: hookEvent, target: z.string(), action: hookAction, reason: z.string(), duration_ms: count }),
);
const btwBegin = pin<wire.BtwBegin>()(z.object({ id: z.string(), question: z.string() }));
const btwEnd = pin<wire.BtwEnd>()(z.object({ id: z.string(), response: nullableString, error: nullableString }));

/** Payload validator of every event type. */
export const eventPayloads = {
  TurnBegin: turnBegin,
  TurnEnd: bare,
  StepBegin: stepBegin,
  StepInterrupted: bare,
  StepRetry: stepRetry,
  SteerInput: steerInput,
  CompactionBegin: bare,
  CompactionEnd: bare,
  MCPLoadingBegin: bare,
  MCPLoadingEnd: bare,
  StatusUpdate: statusUpdate,
  Notification: notification,
  ContentPart: contentPart,
  ToolCall: toolCall,
  ToolCallPart: toolCallPart,
  ToolResult: toolResult,
  ApprovalResponse: approvalResponse,
  SubagentEvent: subagentEvent,
  PlanDisplay: planDisplay,
  HookTriggered: hookTriggered,
  HookResolved: hookResolved,
  BtwBegin: btwBegin,
  BtwEnd: btwEnd,
} satisfies { [T in keyof wire.EventPayloads]: z.ZodMiniType<wire.EventPayloads[T]> };

function variant<T extends string, P extends z.ZodMiniType>(type: T, payload: P) {
  return z.object({ type: z.literal(type), payload });
}

/**
 * Params of the kernel's `event`. An unknown type fails: look `type` up in EVENT_TYPES first and ignore what is not
 * there. The result lacks keys that are not in the contract, so pass the original on, not the result.
 */
export const eventParams = pin<wire.Event>()(
  z.discriminatedUnion("type", [
    variant("TurnBegin", turnBegin),
    variant("TurnEnd", bare),
    variant("StepBegin", stepBegin),
    variant("StepInterrupted", bare),
    variant("StepRetry", stepRetry),
    variant("SteerInput", steerInput),
    variant("CompactionBegin", bare),
    variant("CompactionEnd", bare),
    variant("MCPLoadingBegin", bare),
    variant("MCPLoadingEnd", bare),
    variant("StatusUpdate", statusUpdate),
    variant("Notification", notification),
    variant("ContentPart", contentPart),
    variant("ToolCall", toolCall),
    variant("ToolCallPart", toolCallPart),
    variant("ToolResult", toolResult),
    variant("ApprovalResponse", approvalResponse),
    variant("SubagentEvent", subagentEvent),
    variant("PlanDisplay", planDisplay),
    variant("HookTriggered", hookTriggered),
    variant("HookResolved", hookResolved),
    variant("BtwBegin", btwBegin),
    variant("BtwEnd", btwEnd),
  ]),
);
