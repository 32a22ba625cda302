/** What a host gives a client: who it is, what it can do, and who answers. */
import type {
  ApprovalDecision,
  ApprovalRequest,
  Event,
  HookRequest,
  QuestionRequest,
  ToolCallRequest,
  ToolReturnValue,
} from "../wire/generated/types.gen.js";
import type { KernelStateChange } from "./kernel-state.js";
import type { KernelLauncher } from "./launcher.js";

export interface ApprovalAnswer {
  response: ApprovalDecision;
  feedback?: string;
}

/** What a session grant would allow, where the kernel says so. */
export interface GrantProposal {
  kind: string;
  text: string;
}

/** A tool that the host runs. */
export interface HostTool {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
  /** Called once for each request id, also when the kernel dies meanwhile. A throw is an error result. */
  run(call: ToolCallRequest, signal: AbortSignal): Promise<ToolReturnValue>;
}

/** A moment of the session at which the host is asked. */
export interface HostHook {
  event: string;
  matcher?: string;
  timeout?: number;
  run(request: HookRequest, signal: AbortSignal): Promise<{ action: "allow" | "block"; reason?: string }>;
}

/** Each is called once for each request id. A handler that is missing, throws or answers nonsense is a no. */
export interface HostHandlers {
  /** Every event of the session, once, in order; unknown types too. Must not throw. */
  onEvent?(event: Event): void;
  /** `signal` aborts when the answer is not needed any more. `grant` is undefined when the kernel does not tell. */
  onApproval?(
    request: ApprovalRequest,
    context: { signal: AbortSignal; grant: GrantProposal | null | undefined },
  ): Promise<ApprovalAnswer>;
  /** Answers by the text of the question. Without it the kernel is told that questions are not supported. */
  onQuestion?(request: QuestionRequest, context: { signal: AbortSignal }): Promise<Record<string, string>>;
  onState?(change: KernelStateChange): void;
  /** Every `event` and `request` envelope's params as they reach the host, extension fields removed. For scripts that want the wire. */
  onEnvelope?(method: "event" | "request", params: { type: string; payload: unknown }): void;
}

export interface KernelClientOptions {
  /** The ladder, first choice first: at most one of each mode. */
  launchers: readonly [KernelLauncher, ...KernelLauncher[]];
  /** UUID; a new one when missing. Every start gets it by `--session`. */
  session?: string;
  /** Flags of every start, without `--wire` and `--session`. */
  args?: readonly string[];
  /** Flags of the very first start only (`--plan`, `--continue`): a kernel that takes over must not do it again. */
  firstArgs?: readonly string[];
  client: { name: string; version?: string };
  planMode?: boolean;
  tools?: readonly HostTool[];
  hooks?: readonly HostHook[];
  handlers?: HostHandlers;
  /** The host's own cursor, when it outlived an earlier client: events up to it are not shown again. */
  since?: number;
  /** How long a kernel may take from its start to the answer to initialize. Default 30,000 ms. */
  handshakeMs?: number;
  /** Aborting it closes the client. */
  signal?: AbortSignal;
}
