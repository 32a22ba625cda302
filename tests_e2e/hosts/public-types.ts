/** Compiled, never run: what a TypeScript host needs of the package is there, and none of it is `any`. */
import type {
  ApprovalRequest,
  ConnectOptions,
  connectKernel,
  Event,
  HookRequest,
  HostHook,
  HostTool,
  InitializeResult,
  KernelLauncher,
  KernelProcessError,
  KernelStateChange,
  PromptResult,
  QuestionRequest,
  ReplayResult,
  ToolCallRequest,
  ToolResult,
  ToolReturnValue,
  Transport,
  Turn,
  UserInput,
  WireError,
} from "wire-kernel";

type IsAny<T> = 0 extends 1 & T ? true : false;
type IsWhole<T, K extends keyof T> = IsAny<T> extends true ? false : IsAny<T[K]> extends true ? false : true;

/** Does not compile when something is missing or `any`. */
export const whole: [
  IsWhole<Event, "payload">,
  IsWhole<ApprovalRequest, "description">,
  IsWhole<QuestionRequest, "questions">,
  IsWhole<HookRequest, "event">,
  IsWhole<ToolCallRequest, "arguments">,
  IsWhole<ToolReturnValue, "output">,
  IsWhole<ToolResult, "return_value">,
  IsWhole<PromptResult, "status">,
  IsWhole<InitializeResult, "server">,
  IsWhole<ReplayResult, "status">,
  IsWhole<KernelStateChange, "cause">,
  IsWhole<KernelProcessError, "code">,
  IsWhole<WireError, "code">,
  IsWhole<Transport, "readable">,
  IsWhole<KernelLauncher, "launch">,
  IsWhole<{ input: UserInput }, "input">,
  IsWhole<Turn, "result">,
  IsWhole<Awaited<ReturnType<typeof connectKernel>>, "prompt">,
] = [
  ...([true, true, true, true, true, true, true, true, true] as const),
  ...([true, true, true, true, true, true, true, true, true] as const),
];

export const tool: HostTool = {
  name: "clock",
  description: "Tells the time.",
  parameters: { type: "object", properties: {} },
  run: async ({ arguments: given }, signal) => {
    signal.throwIfAborted();
    return { is_error: false, output: given ?? "", message: "", display: [], extras: null };
  },
};

export const hook: HostHook = {
  event: "PreToolUse",
  matcher: "Shell",
  run: async ({ event }) => (event === "PreToolUse" ? { action: "allow" } : { action: "block", reason: "no" }),
};

export const options: ConnectOptions = {
  client: { name: "host" },
  tools: [tool],
  hooks: [hook],
  handlers: {
    onEvent: (event) => void (event.type === "ToolResult" && event.payload.tool_call_id.length),
    onApproval: async ({ action }, { grant, signal }) => ({
      response: signal.aborted || grant === null || action === "" ? "reject" : "approve_for_session",
    }),
    onQuestion: async ({ questions }) => Object.fromEntries(questions.map(({ question }) => [question, "yes"])),
  },
};
