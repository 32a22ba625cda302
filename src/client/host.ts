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
  /** For the model, with a `reject`: why, or what to do instead. The turn goes on then; without it the turn ends. */
  feedback?: string;
}

/** What `approve_for_session` would allow, where the kernel says so. */
export interface GrantProposal {
  /** command, edit, fetch, mcp or read_outside. */
  kind: string;
  /** One phrase for a person. */
  text: string;
}

/** A tool that the host runs. */
export interface HostTool {
  /** None of the kernel's own; `info.external_tools` tells which were refused, and why. */
  name: string;
  /** For the model. */
  description: string;
  /** JSON Schema of the arguments; the kernel refuses what does not fit it. */
  parameters: Record<string, unknown>;
  /**
   * Called once for each request id, also when the kernel dies meanwhile. A throw is an error result. `signal` aborts when
   * nobody waits for the result any more.
   */
  run(call: ToolCallRequest, signal: AbortSignal): Promise<ToolReturnValue>;
}

/** A moment of the session at which the host is asked. */
export interface HostHook {
  /** A HookEvent; kernels ignore names that they do not know. */
  event: string;
  /** Unanchored regular expression on what the event is about (the tool's name, the prompt); all when missing. */
  matcher?: string;
  /** Whole seconds until the kernel goes on as if allowed; 30 when missing. */
  timeout?: number;
  /**
   * Called once for each request id. What a throw means is the kernel's to say; this one goes on as if allowed. `signal`
   * aborts when what it holds up is over; a hook that nothing waits for (PostToolUse, ...) may go on behind the turn.
   */
  run(request: HookRequest, signal: AbortSignal): Promise<{ action: "allow" | "block"; reason?: string }>;
}

/** Each is called once for each request id. A handler that is missing, throws or answers nonsense is a no. */
export interface HostHandlers {
  /** Every event of the session, once, in order; unknown types too. What it throws or rejects with is lost. */
  onEvent?(event: Event): void;
  /** `signal` aborts when the answer is not needed any more. `grant` is undefined when the kernel does not tell. */
  onApproval?(
    request: ApprovalRequest,
    context: { signal: AbortSignal; grant: GrantProposal | null | undefined },
  ): Promise<ApprovalAnswer>;
  /** Answers by the text of the question. Without it the kernel is told that questions are not supported. */
  onQuestion?(request: QuestionRequest, context: { signal: AbortSignal }): Promise<Record<string, string>>;
  /** Every change of the kernel behind the client. What it throws is lost. */
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
  /** Who the host is, for the User-Agent and the log of the kernel. */
  client: { name: string; version?: string };
  /** The host shows plans: the model may plan and ask for approval of its plan. Default false. */
  planMode?: boolean;
  /** Each kernel of the client is told of them. */
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
