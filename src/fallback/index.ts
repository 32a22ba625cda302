/** The public API of `wire-kernel`: a client whose kernel may die, and all of `wire-kernel/client`. */
export { KernelProcessError, type KernelProcessErrorCode } from "../client/errors.js";
export type { OpenTurn } from "../client/extensions.js";
export type { CallOptions } from "../client/give-up.js";
export type {
  ApprovalAnswer,
  GrantProposal,
  HostHandlers,
  HostHook,
  HostTool,
  KernelClientOptions,
} from "../client/host.js";
export type { KernelChoice } from "../client/kernel-choice.js";
export { KernelClient } from "../client/kernel-client.js";
export type { DeathCause, Guarantees, KernelStateChange, SupervisorState } from "../client/kernel-state.js";
export type { ExitInfo, KernelLauncher, KernelMode, Launched, LaunchRequest } from "../client/launcher.js";
export { type LocatedKernel, type LocateKernelOptions, locateKernel } from "../client/locate-kernel.js";
export { type SidecarOptions, sidecarLauncher } from "../client/sidecar-launcher.js";
export type { Turn } from "../client/turn-handle.js";
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
export { type InProcessOptions, inProcessLauncher } from "./in-process-launcher.js";
export type { LadderOptions } from "./kernel-ladder.js";
export { type ConnectOptions, connectKernel } from "./resilient-client.js";
