/** `wire-kernel/client`: a host's way to a kernel. */

export { type ErrorCode, WireError } from "../wire/errors.js";
export type {
  ApprovalDecision,
  ApprovalRequest,
  ContentPart,
  DisplayBlock,
  Event,
  HookEvent,
  HookRequest,
  InitializeResult,
  PromptResult,
  Question,
  QuestionRequest,
  ReplayResult,
  StatusUpdate,
  SubagentEvent,
  TokenUsage,
  ToolCall,
  ToolCallRequest,
  ToolResult,
  ToolReturnValue,
  UserInput,
} from "../wire/generated/types.gen.js";
export type { Transport } from "../wire/transport.js";
export { KernelProcessError, type KernelProcessErrorCode } from "./errors.js";
export type { OpenTurn } from "./extensions.js";
export type { CallOptions } from "./give-up.js";
export type {
  ApprovalAnswer,
  GrantProposal,
  HostHandlers,
  HostHook,
  HostTool,
  KernelClientOptions,
} from "./host.js";
export type { KernelChoice } from "./kernel-choice.js";
export { KernelClient } from "./kernel-client.js";
export type { DeathCause, Guarantees, KernelStateChange, SupervisorState } from "./kernel-state.js";
export type { ExitInfo, KernelLauncher, KernelMode, Launched, LaunchRequest } from "./launcher.js";
export { type LocatedKernel, type LocateKernelOptions, locateKernel } from "./locate-kernel.js";
export { type SidecarOptions, sidecarLauncher } from "./sidecar-launcher.js";
export type { Turn } from "./turn-handle.js";
