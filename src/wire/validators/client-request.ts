/** What a kernel asks and what a client answers: the kernel checks the answers, the client checks the questions. */
import * as z from "zod/mini";
import type {
  ApprovalDecision,
  ApprovalRequest,
  ApprovalResult,
  HookAction,
  HookRequest,
  HookResult,
  Question,
  QuestionOption,
  QuestionRequest,
  QuestionResult,
  ServerRequest,
  ToolCallRequest,
  ToolCallResult,
} from "../generated/types.gen.js";
import { pin } from "../pin.js";
import { hookEvent } from "./hook-event.js";
import { displayBlock, inputToolReturnValue } from "./tool-value.js";

const nullableString = z.nullable(z.string());

/** What a person may decide. */
export const approvalDecision = pin<ApprovalDecision>()(z.enum(["approve", "approve_for_session", "reject"]));

/** What a hook may decide. */
export const hookAction = pin<HookAction>()(z.enum(["allow", "block"]));

/** Answer to an ApprovalRequest; `feedback` may be missing. Whatever fails here counts as reject. */
export const approvalResult = pin<ApprovalResult>()(
  z.object({ request_id: z.string(), response: approvalDecision, feedback: z.exactOptional(z.string()) }),
);

/** Answer to a ToolCallRequest. */
export const toolCallResult = pin<ToolCallResult>()(
  z.object({ tool_call_id: z.string(), return_value: inputToolReturnValue }),
);

/** Answer to a QuestionRequest. Whatever fails here counts as dismissed. */
export const questionResult = pin<QuestionResult>()(
  z.object({ request_id: z.string(), answers: z.record(z.string(), z.string()) }),
);

/** Answer to a HookRequest; a missing action means allow. */
export const hookResult = pin<HookResult>()(
  z.object({
    request_id: z.string(),
    action: z.exactOptional(hookAction),
    reason: z.exactOptional(z.string()),
  }),
);

/** Payload of an ApprovalRequest. */
export const approvalRequest = pin<ApprovalRequest>()(
  z.object({
    id: z.string(),
    tool_call_id: z.string(),
    sender: z.string(),
    action: z.string(),
    description: z.string(),
    source_kind: z.enum(["foreground_turn", "background_agent"]),
    source_id: z.string(),
    agent_id: nullableString,
    subagent_type: nullableString,
    source_description: nullableString,
    display: z.array(displayBlock),
  }),
);

/** Payload of a ToolCallRequest. */
export const toolCallRequest = pin<ToolCallRequest>()(
  z.object({ id: z.string(), name: z.string(), arguments: nullableString }),
);

const questionOption = pin<QuestionOption>()(z.object({ label: z.string(), description: z.string() }));
const question = pin<Question>()(
  z.object({
    question: z.string(),
    header: z.string(),
    options: z.array(questionOption),
    multi_select: z.boolean(),
    body: z.string(),
    other_label: z.string(),
    other_description: z.string(),
  }),
);

/** Payload of a QuestionRequest. */
export const questionRequest = pin<QuestionRequest>()(
  z.object({ id: z.string(), tool_call_id: z.string(), questions: z.array(question) }),
);

/** Payload of a HookRequest. */
export const hookRequest = pin<HookRequest>()(
  z.object({
    id: z.string(),
    subscription_id: z.string(),
    event: hookEvent,
    target: z.string(),
    input_data: z.record(z.string(), z.unknown()),
  }),
);

/** Params of the kernel's `request`. */
export const requestParams = pin<ServerRequest>()(
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("ApprovalRequest"), payload: approvalRequest }),
    z.object({ type: z.literal("ToolCallRequest"), payload: toolCallRequest }),
    z.object({ type: z.literal("QuestionRequest"), payload: questionRequest }),
    z.object({ type: z.literal("HookRequest"), payload: hookRequest }),
  ]),
);
