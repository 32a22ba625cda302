/** Asks the host and makes an answer of what it says. Whatever is missing, thrown or malformed is a no. */
import { toWireError, WireError, wireError } from "../wire/errors.js";
import type {
  ApprovalRequest,
  ApprovalResult,
  HookRequest,
  HookResult,
  QuestionRequest,
  QuestionResult,
  ToolCallRequest,
  ToolCallResult,
} from "../wire/generated/types.gen.js";
import { inputToolReturnValue } from "../wire/validators/tool-value.js";
import { fields } from "./extensions.js";
import type { GrantProposal, HostHandlers, HostHook, HostTool } from "./host.js";
import type { KernelRequest } from "./wire-client.js";

/** Everything of the host that a kernel can ask. Hooks are known to kernels by the keys. */
export interface HostSide {
  handlers: HostHandlers;
  tools: ReadonlyMap<string, HostTool>;
  hooks: ReadonlyMap<string, HostHook>;
}

const DECISIONS: readonly unknown[] = ["approve", "approve_for_session", "reject"];

/** The result for the kernel. Rejects with the WireError it is to get instead. `signal` is handed to the host. */
export async function askHost(
  host: HostSide,
  request: KernelRequest,
  grant: unknown,
  signal: AbortSignal,
): Promise<object> {
  const payload: unknown = request.payload;
  switch (request.type) {
    case "ApprovalRequest":
      return await approval(host, payload as ApprovalRequest, grant, signal);
    case "ToolCallRequest":
      return await toolCall(host, payload as ToolCallRequest, signal);
    case "QuestionRequest":
      return await question(host, payload as QuestionRequest, signal);
    case "HookRequest":
      return await hook(host, payload as HookRequest, signal);
    default:
      throw wireError("method_not_found", { fill: { method: request.type } });
  }
}

async function approval(
  { handlers }: HostSide,
  request: ApprovalRequest,
  grant: unknown,
  signal: AbortSignal,
): Promise<ApprovalResult> {
  const given = await attempt(() => handlers.onApproval?.(request, { signal, grant: readGrant(grant) }));
  const { response, feedback } = fields(given);
  const decided = DECISIONS.includes(response);
  return {
    request_id: request.id,
    response: decided ? (response as ApprovalResult["response"]) : "reject",
    feedback: decided && typeof feedback === "string" ? feedback : "",
  };
}

async function toolCall({ tools }: HostSide, call: ToolCallRequest, signal: AbortSignal): Promise<ToolCallResult> {
  const tool = tools.get(call.name);
  if (tool === undefined) throw wireError("method_not_found", { fill: { method: "ToolCallRequest" } });
  try {
    const value = await tool.run(call, signal);
    if (inputToolReturnValue.safeParse(value).success) {
      return { tool_call_id: call.id, return_value: value as ToolCallResult["return_value"] };
    }
  } catch (error) {
    throw toWireError(error);
  }
  throw new WireError("invalid_tool_result", `The tool ${call.name} gave no tool result`);
}

async function question({ handlers }: HostSide, asked: QuestionRequest, signal: AbortSignal): Promise<QuestionResult> {
  if (handlers.onQuestion === undefined) throw wireError("method_not_found", { fill: { method: "QuestionRequest" } });
  const answers = fields(await attempt(() => handlers.onQuestion?.(asked, { signal })));
  const isGood = Object.values(answers).every((answer) => typeof answer === "string");
  return { request_id: asked.id, answers: isGood ? (answers as Record<string, string>) : {} };
}

/** What a failing hook means is the kernel's to say: it gets the error. */
async function hook({ hooks }: HostSide, request: HookRequest, signal: AbortSignal): Promise<HookResult> {
  const subscribed = hooks.get(request.subscription_id);
  if (subscribed === undefined) throw wireError("method_not_found", { fill: { method: "HookRequest" } });
  const { action, reason } = fields(await subscribed.run(request, signal));
  if (action !== "allow" && action !== "block") throw new WireError("invalid_hook_result", "The hook decided nothing");
  return { request_id: request.id, action, ...(typeof reason === "string" ? { reason } : {}) };
}

async function attempt(ask: () => unknown): Promise<unknown> {
  try {
    return await ask();
  } catch {
    return undefined;
  }
}

function readGrant(grant: unknown): GrantProposal | null | undefined {
  if (grant === null) return null;
  const { kind, text } = fields(grant);
  return typeof kind === "string" && typeof text === "string" ? { kind, text } : undefined;
}
