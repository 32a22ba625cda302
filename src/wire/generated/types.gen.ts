// Generated from wire-spec/ by scripts/wire-gen.mjs. Do not edit: change the contract and run `npm run gen`.

/**
 * Any line of a Wire conversation. JSON-RPC 2.0, one JSON object per line. Objects are open for the reader: unknown keys are ignored. They are closed for the kernel: it sends no key that is not named here, unless the client asked for an extension.
 */
export type WireMessage = ClientMessage | KernelMessage;
/**
 * Any line that a client writes.
 */
export type ClientMessage = ClientRequest | ClientNotification | ClientResult | ClientError;
/**
 * Id of a call. Strings are the rule; whole numbers are accepted and echoed as numbers. `1` and `"1"` are two ids. The empty string is an id.
 */
export type RpcId = string | number;
/**
 * Any line that a kernel writes.
 */
export type KernelMessage = EventNotification | ServerRequestMessage | KernelResult | KernelError;
/**
 * Params of the `event` method. A reader ignores types that it does not know.
 */
export type Event =
  | {
      type: "TurnBegin";
      payload: TurnBegin;
    }
  | {
      type: "TurnEnd";
      payload: TurnEnd;
    }
  | {
      type: "StepBegin";
      payload: StepBegin;
    }
  | {
      type: "StepInterrupted";
      payload: StepInterrupted;
    }
  | {
      type: "StepRetry";
      payload: StepRetry;
    }
  | {
      type: "SteerInput";
      payload: SteerInput;
    }
  | {
      type: "CompactionBegin";
      payload: CompactionBegin;
    }
  | {
      type: "CompactionEnd";
      payload: CompactionEnd;
    }
  | {
      type: "MCPLoadingBegin";
      payload: MCPLoadingBegin;
    }
  | {
      type: "MCPLoadingEnd";
      payload: MCPLoadingEnd;
    }
  | {
      type: "StatusUpdate";
      payload: StatusUpdate;
    }
  | {
      type: "Notification";
      payload: Notification;
    }
  | {
      type: "ContentPart";
      payload: ContentPart;
    }
  | {
      type: "ToolCall";
      payload: ToolCall;
    }
  | {
      type: "ToolCallPart";
      payload: ToolCallPart;
    }
  | {
      type: "ToolResult";
      payload: ToolResult;
    }
  | {
      type: "ApprovalResponse";
      payload: ApprovalResponse;
    }
  | {
      type: "SubagentEvent";
      payload: SubagentEvent;
    }
  | {
      type: "PlanDisplay";
      payload: PlanDisplay;
    }
  | {
      type: "HookTriggered";
      payload: HookTriggered;
    }
  | {
      type: "HookResolved";
      payload: HookResolved;
    }
  | {
      type: "BtwBegin";
      payload: BtwBegin;
    }
  | {
      type: "BtwEnd";
      payload: BtwEnd;
    };
/**
 * User input as the kernel repeats it: same form, with `id` and `encrypted` filled in as null where the client left them out.
 */
export type UserInputEcho = string | ContentPart[];
/**
 * A piece of a message. As an event payload it is one raw delta of the model's stream, never merged with its neighbours.
 */
export type ContentPart = TextPart | ThinkPart | ImagePart | AudioPart | VideoPart;
/**
 * The turn is over, whatever the reason. Since 1.2.
 */
export type TurnEnd = Record<string, never>;
/**
 * The step died of an error. Not sent for a cancel, the step limit or an error before the first step.
 */
export type StepInterrupted = Record<string, never>;
/**
 * The history is being shortened.
 */
export type CompactionBegin = Record<string, never>;
/**
 * The history has been shortened, or that failed.
 */
export type CompactionEnd = Record<string, never>;
/**
 * The turn waits for MCP servers.
 */
export type MCPLoadingBegin = Record<string, never>;
/**
 * The wait is over.
 */
export type MCPLoadingEnd = Record<string, never>;
/**
 * Something for a UI to show beside a tool call or an approval.
 */
export type DisplayBlock = BriefBlock | DiffBlock | TodoBlock | ShellBlock | BackgroundTaskBlock | UnknownDisplayBlock;
/**
 * approve: this once. approve_for_session: also for like actions of the session. reject: do not run.
 */
export type ApprovalDecision = "approve" | "approve_for_session" | "reject";
/**
 * Moments at which hooks run, in the order in which a kernel lists them.
 */
export type HookEvent =
  | "PreToolUse"
  | "PostToolUse"
  | "PostToolUseFailure"
  | "UserPromptSubmit"
  | "Stop"
  | "StopFailure"
  | "SessionStart"
  | "SessionEnd"
  | "SubagentStart"
  | "SubagentStop"
  | "PreCompact"
  | "PostCompact"
  | "Notification";
/**
 * block is honoured by UserPromptSubmit, PreToolUse and Stop.
 */
export type HookAction = "allow" | "block";
/**
 * Params of the `request` method.
 */
export type ServerRequest =
  | {
      type: "ApprovalRequest";
      payload: ApprovalRequest;
    }
  | {
      type: "ToolCallRequest";
      payload: ToolCallRequest;
    }
  | {
      type: "QuestionRequest";
      payload: QuestionRequest;
    }
  | {
      type: "HookRequest";
      payload: HookRequest;
    };
/**
 * A piece of a message from a client. A part of an unknown type makes the params invalid.
 */
export type InputContentPart = InputTextPart | InputThinkPart | InputImagePart | InputAudioPart | InputVideoPart;
/**
 * What a client sends as the words of the user. The empty string and the empty list are allowed.
 */
export type UserInput = string | InputContentPart[];
/**
 * A display block from a client's tool.
 */
export type InputDisplayBlock =
  BriefBlock | InputDiffBlock | TodoBlock | ShellBlock | BackgroundTaskBlock | InputUnknownDisplayBlock;
/**
 * How the turn ended. Sent after all events of the turn.
 */
export type PromptResult = PromptEnded | PromptMaxSteps;
/**
 * Anything or nothing; not read.
 */
export type ReplayParams = unknown;
/**
 * Anything or nothing; not read.
 */
export type CancelParams = unknown;
/**
 * Sent at once; the prompt's own answer tells the end. A cancel that comes too late changes nothing.
 */
export type CancelResult = Record<string, never>;
/**
 * Answer to a request; which one depends on the request's type.
 */
export type ServerRequestResult = ApprovalResult | ToolCallResult | QuestionResult | HookResult;

/**
 * Every definition of the contract by its name.
 */
export interface WireDefinitions {
  WireMessage: WireMessage;
  RpcId: RpcId;
  RpcErrorObject: RpcErrorObject;
  RpcErrorData: RpcErrorData;
  ClientErrorObject: ClientErrorObject;
  ClientRequest: ClientRequest;
  ClientNotification: ClientNotification;
  ClientResult: ClientResult;
  ClientError: ClientError;
  ClientMessage: ClientMessage;
  EventNotification: EventNotification;
  ServerRequestMessage: ServerRequestMessage;
  KernelResult: KernelResult;
  KernelError: KernelError;
  KernelMessage: KernelMessage;
  TextPart: TextPart;
  ThinkPart: ThinkPart;
  MediaUrl: MediaUrl;
  ImagePart: ImagePart;
  AudioPart: AudioPart;
  VideoPart: VideoPart;
  ContentPart: ContentPart;
  InputTextPart: InputTextPart;
  InputThinkPart: InputThinkPart;
  InputMediaUrl: InputMediaUrl;
  InputImagePart: InputImagePart;
  InputAudioPart: InputAudioPart;
  InputVideoPart: InputVideoPart;
  InputContentPart: InputContentPart;
  UserInput: UserInput;
  UserInputEcho: UserInputEcho;
  FunctionCall: FunctionCall;
  ToolCall: ToolCall;
  ToolReturnValue: ToolReturnValue;
  InputToolReturnValue: InputToolReturnValue;
  BriefBlock: BriefBlock;
  DiffBlock: DiffBlock;
  InputDiffBlock: InputDiffBlock;
  TodoItem: TodoItem;
  TodoBlock: TodoBlock;
  ShellBlock: ShellBlock;
  BackgroundTaskBlock: BackgroundTaskBlock;
  UnknownDisplayBlock: UnknownDisplayBlock;
  InputUnknownDisplayBlock: InputUnknownDisplayBlock;
  DisplayBlock: DisplayBlock;
  InputDisplayBlock: InputDisplayBlock;
  TokenUsage: TokenUsage;
  McpServerStatus: McpServerStatus;
  McpStatus: McpStatus;
  HookEvent: HookEvent;
  ClientInfo: ClientInfo;
  ExternalTool: ExternalTool;
  HookSubscription: HookSubscription;
  ClientCapabilities: ClientCapabilities;
  InitializeParams: InitializeParams;
  ServerInfo: ServerInfo;
  SlashCommand: SlashCommand;
  RejectedTool: RejectedTool;
  ExternalToolsOutcome: ExternalToolsOutcome;
  HooksOutcome: HooksOutcome;
  ServerCapabilities: ServerCapabilities;
  InitializeResult: InitializeResult;
  PromptParams: PromptParams;
  PromptResult: PromptResult;
  PromptEnded: PromptEnded;
  PromptMaxSteps: PromptMaxSteps;
  SteerParams: SteerParams;
  SteerResult: SteerResult;
  SetPlanModeParams: SetPlanModeParams;
  SetPlanModeResult: SetPlanModeResult;
  ReplayParams: ReplayParams;
  ReplayResult: ReplayResult;
  CancelParams: CancelParams;
  CancelResult: CancelResult;
  TurnBegin: TurnBegin;
  TurnEnd: TurnEnd;
  StepBegin: StepBegin;
  StepInterrupted: StepInterrupted;
  StepRetry: StepRetry;
  SteerInput: SteerInput;
  CompactionBegin: CompactionBegin;
  CompactionEnd: CompactionEnd;
  MCPLoadingBegin: MCPLoadingBegin;
  MCPLoadingEnd: MCPLoadingEnd;
  StatusUpdate: StatusUpdate;
  Notification: Notification;
  ToolCallPart: ToolCallPart;
  ToolResult: ToolResult;
  ApprovalResponse: ApprovalResponse;
  SubagentEvent: SubagentEvent;
  PlanDisplay: PlanDisplay;
  HookTriggered: HookTriggered;
  HookResolved: HookResolved;
  BtwBegin: BtwBegin;
  BtwEnd: BtwEnd;
  Event: Event;
  ApprovalRequest: ApprovalRequest;
  ApprovalDecision: ApprovalDecision;
  ApprovalResult: ApprovalResult;
  ToolCallRequest: ToolCallRequest;
  ToolCallResult: ToolCallResult;
  QuestionOption: QuestionOption;
  Question: Question;
  QuestionRequest: QuestionRequest;
  QuestionResult: QuestionResult;
  HookRequest: HookRequest;
  HookAction: HookAction;
  HookResult: HookResult;
  ServerRequest: ServerRequest;
  ServerRequestResult: ServerRequestResult;
}
/**
 * A call of the client. A message that has both `method` and `result` counts as a request.
 */
export interface ClientRequest {
  /**
   * May be left out by a client; any other value is refused.
   */
  jsonrpc?: "2.0";
  id: RpcId;
  /**
   * A client_to_kernel method of methods.json; any other name gets method_not_found.
   */
  method: string;
  /**
   * As the method says. cancel and replay take anything, also nothing.
   */
  params?: unknown;
}
/**
 * A message with a method and no id. The kernel drops it without an answer, whatever the method.
 */
export interface ClientNotification {
  jsonrpc?: "2.0";
  method: string;
  /**
   * Anything.
   */
  params?: unknown;
}
/**
 * Good answer to a request of the kernel. The id alone binds it. Answers to unknown ids, late answers and second answers are dropped.
 */
export interface ClientResult {
  jsonrpc?: "2.0";
  id: RpcId;
  /**
   * As the request's type says, see ServerRequestResults.
   */
  result: unknown;
}
/**
 * Failed answer to a request of the kernel. An approval is rejected by it, a tool call fails with the message, a question is dismissed, a hook allows.
 */
export interface ClientError {
  jsonrpc?: "2.0";
  id: RpcId;
  error: ClientErrorObject;
}
/**
 * Error object of a client's answer. Only `code` and `message` are read.
 */
export interface ClientErrorObject {
  code: number;
  message: string;
  /**
   * Anything.
   */
  data?: unknown;
}
/**
 * The kernel tells what happens. Has no id and gets no answer.
 */
export interface EventNotification {
  jsonrpc: "2.0";
  method: "event";
  params: Event;
}
/**
 * A turn begins. First event of a turn; only hook events of UserPromptSubmit may come before it.
 */
export interface TurnBegin {
  user_input: UserInputEcho;
}
/**
 * Text, possibly one delta of a stream.
 */
export interface TextPart {
  type: "text";
  text: string;
}
/**
 * Reasoning of the model.
 */
export interface ThinkPart {
  type: "think";
  think: string;
  /**
   * Opaque signature of the provider.
   */
  encrypted: string | null;
}
/**
 * An image.
 */
export interface ImagePart {
  type: "image_url";
  image_url: MediaUrl;
}
/**
 * Where the bytes are: an https or data URL.
 */
export interface MediaUrl {
  url: string;
  /**
   * Name of the medium at the provider.
   */
  id: string | null;
}
/**
 * A sound.
 */
export interface AudioPart {
  type: "audio_url";
  audio_url: MediaUrl;
}
/**
 * A video.
 */
export interface VideoPart {
  type: "video_url";
  video_url: MediaUrl;
}
/**
 * One call of the model begins.
 */
export interface StepBegin {
  /**
   * Counts from 1 in each inner turn.
   */
  n: number;
}
/**
 * The model call failed and is tried again in the same step. Parts of the failed attempt are void: the reader drops them. Since 1.10.
 */
export interface StepRetry {
  /**
   * The step.
   */
  n: number;
  /**
   * Counts from 1.
   */
  next_attempt: number;
  max_attempts: number;
  /**
   * Seconds until then.
   */
  wait_s: number;
  /**
   * Class of the failure, e.g. APIStatusError.
   */
  error_type: string;
  /**
   * HTTP status, when there was one.
   */
  status_code: number | null;
}
/**
 * Words of a steer have been added to the conversation. Since 1.5.
 */
export interface SteerInput {
  user_input: UserInputEcho;
}
/**
 * State of the session. null means unchanged or unknown. Every key is present.
 */
export interface StatusUpdate {
  /**
   * Share of the window in use, 0 to 1.
   */
  context_usage: number | null;
  /**
   * Tokens in the window.
   */
  context_tokens: number | null;
  /**
   * Size of the window.
   */
  max_context_tokens: number | null;
  token_usage: TokenUsage | null;
  /**
   * The provider's id of the reply.
   */
  message_id: string | null;
  plan_mode: boolean | null;
  mcp_status: McpStatus | null;
}
/**
 * Tokens of one model call. The input is the sum of input_other and the two cache numbers.
 */
export interface TokenUsage {
  input_other: number;
  output: number;
  input_cache_read: number;
  input_cache_creation: number;
}
/**
 * All MCP servers.
 */
export interface McpStatus {
  /**
   * true while a server is still connecting.
   */
  loading: boolean;
  /**
   * Servers that are connected.
   */
  connected: number;
  /**
   * Servers that are configured.
   */
  total: number;
  /**
   * Tools of all servers together.
   */
  tools: number;
  servers: McpServerStatus[];
}
/**
 * One MCP server.
 */
export interface McpServerStatus {
  name: string;
  status: "pending" | "connecting" | "connected" | "failed" | "unauthorized";
  /**
   * Names of its tools.
   */
  tools: string[];
}
/**
 * Something happened beside the turn, e.g. a background task ended. Sent only inside turns.
 */
export interface Notification {
  id: string;
  category: "task" | "agent" | "system";
  /**
   * e.g. task.completed
   */
  type: string;
  source_kind: string;
  source_id: string;
  title: string;
  /**
   * May have several lines.
   */
  body: string;
  severity: "info" | "success" | "warning" | "error";
  /**
   * Unix time in seconds.
   */
  created_at: number;
  /**
   * Facts for programs.
   */
  payload: {
    [k: string]: unknown;
  };
}
/**
 * The model calls a tool. As an event it may carry only the beginning of the arguments.
 */
export interface ToolCall {
  type: "function";
  /**
   * Unique among the live calls of the session.
   */
  id: string;
  function: FunctionCall;
  /**
   * Extra data of the provider.
   */
  extras: {
    [k: string]: unknown;
  } | null;
}
/**
 * Which tool, with what.
 */
export interface FunctionCall {
  name: string;
  /**
   * JSON text, not an object. null or unfinished while ToolCallParts continue it.
   */
  arguments: string | null;
}
/**
 * More of the arguments of the latest ToolCall.
 */
export interface ToolCallPart {
  /**
   * Text to append; null appends nothing.
   */
  arguments_part: string | null;
}
/**
 * A tool call is done. Results come in the order of completion and all before the next StepBegin.
 */
export interface ToolResult {
  tool_call_id: string;
  return_value: ToolReturnValue;
}
/**
 * What a tool gave back.
 */
export interface ToolReturnValue {
  is_error: boolean;
  /**
   * What the model reads.
   */
  output: string | ContentPart[];
  /**
   * One line about the outcome, for the model and the user. May be empty.
   */
  message: string;
  /**
   * What a UI may show instead of the output.
   */
  display: DisplayBlock[];
  /**
   * Data for programs.
   */
  extras: {
    [k: string]: unknown;
  } | null;
}
/**
 * One short line.
 */
export interface BriefBlock {
  type: "brief";
  text: string;
}
/**
 * One hunk of a file change, three lines of context around it. Lines are joined by \n, the last newline is dropped.
 */
export interface DiffBlock {
  type: "diff";
  path: string;
  old_text: string;
  new_text: string;
  /**
   * First line in the old file, from 1.
   */
  old_start: number;
  /**
   * First line in the new file, from 1.
   */
  new_start: number;
  /**
   * true when the texts only count the lines of a change too large to show.
   */
  is_summary: boolean;
}
/**
 * The whole task list.
 */
export interface TodoBlock {
  type: "todo";
  items: TodoItem[];
}
/**
 * One task of the list.
 */
export interface TodoItem {
  title: string;
  status: "pending" | "in_progress" | "done";
}
/**
 * A command.
 */
export interface ShellBlock {
  type: "shell";
  /**
   * For highlighting, e.g. bash.
   */
  language: string;
  command: string;
}
/**
 * A task that runs beside the conversation.
 */
export interface BackgroundTaskBlock {
  type: "background_task";
  task_id: string;
  kind: string;
  status: string;
  description: string;
}
/**
 * A block of a type this version does not know. It came from a client's tool; all its keys but the type are inside `data`.
 */
export interface UnknownDisplayBlock {
  type: string;
  data: {
    [k: string]: unknown;
  };
}
/**
 * An approval is settled, by whomever. Not sent for actions that needed no request. Since 1.1; feedback since 1.6.
 */
export interface ApprovalResponse {
  request_id: string;
  response: ApprovalDecision;
  /**
   * Empty when none was given.
   */
  feedback: string;
}
/**
 * An event of a subagent. Its approvals and hooks are not wrapped.
 */
export interface SubagentEvent {
  /**
   * The Agent call that started it.
   */
  parent_tool_call_id: string | null;
  agent_id: string | null;
  subagent_type: string | null;
  event: Event;
}
/**
 * The plan that the user is about to be asked about. Since 1.7.
 */
export interface PlanDisplay {
  /**
   * Markdown.
   */
  content: string;
  file_path: string;
}
/**
 * Hooks start. Since 1.7.
 */
export interface HookTriggered {
  event: HookEvent;
  /**
   * What the matcher was held against.
   */
  target: string;
  /**
   * Hooks that run.
   */
  hook_count: number;
}
/**
 * The hooks of one event are done. Since 1.7.
 */
export interface HookResolved {
  event: HookEvent;
  target: string;
  action: HookAction;
  /**
   * Empty unless blocked.
   */
  reason: string;
  duration_ms: number;
}
/**
 * A side question begins. Since 1.9; a kernel on the wire never sends it by itself.
 */
export interface BtwBegin {
  /**
   * 12 hex digits.
   */
  id: string;
  question: string;
}
/**
 * A side question is answered or failed. Since 1.9.
 */
export interface BtwEnd {
  id: string;
  response: string | null;
  error: string | null;
}
/**
 * The kernel asks the client. `id` is always a string and always equals `params.payload.id`.
 */
export interface ServerRequestMessage {
  jsonrpc: "2.0";
  method: "request";
  id: string;
  params: ServerRequest;
}
/**
 * May this action run? Open until it is answered or its turn ends. Any answer but a well-formed approve is a no.
 */
export interface ApprovalRequest {
  /**
   * UUID; also the JSON-RPC id.
   */
  id: string;
  tool_call_id: string;
  /**
   * Name of the tool.
   */
  sender: string;
  /**
   * Kind of action, e.g. `run command`.
   */
  action: string;
  /**
   * One line for a person: exactly what would run.
   */
  description: string;
  source_kind: "foreground_turn" | "background_agent";
  /**
   * Shared by all approvals of one turn, or the id of the background task.
   */
  source_id: string;
  /**
   * Set when a subagent asks.
   */
  agent_id: string | null;
  subagent_type: string | null;
  source_description: string | null;
  display: DisplayBlock[];
}
/**
 * Run one of the client's own tools. The arguments already fit the tool's schema.
 */
export interface ToolCallRequest {
  /**
   * The tool call's id; also the JSON-RPC id.
   */
  id: string;
  name: string;
  /**
   * JSON text.
   */
  arguments: string | null;
}
/**
 * Ask the user. Sent only to a client with supports_question. Has no timeout.
 */
export interface QuestionRequest {
  /**
   * UUID; also the JSON-RPC id.
   */
  id: string;
  tool_call_id: string;
  questions: Question[];
}
/**
 * One question with choices. The user may also write an answer of their own.
 */
export interface Question {
  /**
   * Key of the answer.
   */
  question: string;
  header: string;
  options: QuestionOption[];
  multi_select: boolean;
  /**
   * Longer text to show; may be empty.
   */
  body: string;
  /**
   * Label of the free answer; empty for the client's own.
   */
  other_label: string;
  other_description: string;
}
/**
 * One choice.
 */
export interface QuestionOption {
  label: string;
  description: string;
}
/**
 * A subscribed hook fires. Answer within the subscription's timeout.
 */
export interface HookRequest {
  /**
   * 12 hex digits; also the JSON-RPC id.
   */
  id: string;
  subscription_id: string;
  event: HookEvent;
  /**
   * What the matcher was held against, e.g. the tool's name.
   */
  target: string;
  /**
   * hook_event_name, session_id, cwd and what the event adds.
   */
  input_data: {
    [k: string]: unknown;
  };
}
/**
 * Good answer to a call of the client.
 */
export interface KernelResult {
  jsonrpc: "2.0";
  id: RpcId;
  /**
   * As the method says.
   */
  result: {
    [k: string]: unknown;
  };
}
/**
 * Failed answer to a call of the client.
 */
export interface KernelError {
  jsonrpc: "2.0";
  /**
   * null when the line could not be tied to a call.
   */
  id: RpcId | null;
  error: RpcErrorObject;
}
/**
 * Why a call failed. Numbers and sentences are listed in errors.json.
 */
export interface RpcErrorObject {
  /**
   * Number of the error class.
   */
  code: number;
  /**
   * One sentence for a person.
   */
  message: string;
  /**
   * null, absent, or an object whose `code` is the string code of errors.json. Other keys may stand beside it.
   */
  data?: RpcErrorData | null;
}
/**
 * Machine-readable side of an error.
 */
export interface RpcErrorData {
  /**
   * String code of errors.json.
   */
  code?: string;
  [k: string]: unknown;
}
/**
 * Text from a client.
 */
export interface InputTextPart {
  type: "text";
  text: string;
}
/**
 * Reasoning handed back by a client. A missing `encrypted` means null.
 */
export interface InputThinkPart {
  type: "think";
  think: string;
  encrypted?: string | null;
}
/**
 * A medium from a client. A missing `id` means null.
 */
export interface InputMediaUrl {
  url: string;
  id?: string | null;
}
/**
 * An image from a client. Needs the model capability image_in.
 */
export interface InputImagePart {
  type: "image_url";
  image_url: InputMediaUrl;
}
/**
 * A sound from a client. Needs no capability.
 */
export interface InputAudioPart {
  type: "audio_url";
  audio_url: InputMediaUrl;
}
/**
 * A video from a client. Needs the model capability video_in.
 */
export interface InputVideoPart {
  type: "video_url";
  video_url: InputMediaUrl;
}
/**
 * What a tool of the client gave back.
 */
export interface InputToolReturnValue {
  is_error: boolean;
  output: string | InputContentPart[];
  message: string;
  display: InputDisplayBlock[];
  extras?: {
    [k: string]: unknown;
  } | null;
}
/**
 * A diff from a client. Missing starts mean 1, a missing is_summary means false.
 */
export interface InputDiffBlock {
  type: "diff";
  path: string;
  old_text: string;
  new_text: string;
  old_start?: number;
  new_start?: number;
  is_summary?: boolean;
}
/**
 * Any other block of a client's tool. The kernel moves the extra keys into `data` before it passes the block on.
 */
export interface InputUnknownDisplayBlock {
  type: string;
  [k: string]: unknown;
}
/**
 * Who speaks. Never decides behaviour.
 */
export interface ClientInfo {
  name: string;
  version?: string | null;
}
/**
 * A tool that the client runs. Offering a name again replaces the former definition.
 */
export interface ExternalTool {
  name: string;
  /**
   * For the model.
   */
  description: string;
  /**
   * JSON Schema of the arguments. A bad schema rejects the tool, not the call.
   */
  parameters: {
    [k: string]: unknown;
  };
}
/**
 * Ask to be called at a hook event. Subscriptions add up over several initialize calls.
 */
export interface HookSubscription {
  /**
   * Comes back as subscription_id.
   */
  id: string;
  /**
   * A HookEvent. Unknown names are ignored without an error.
   */
  event: string;
  /**
   * Unanchored regular expression on the event's target; empty or missing matches all, an invalid one nothing.
   */
  matcher?: string;
  /**
   * Whole seconds until the kernel goes on as if allowed; 30 when missing.
   */
  timeout?: number;
}
/**
 * What the client can do. Keys that are missing mean false, unknown keys are ignored. When given, it replaces what an earlier call said.
 */
export interface ClientCapabilities {
  /**
   * QuestionRequest may be sent.
   */
  supports_question?: boolean;
  /**
   * The plan tools may be listed to the model.
   */
  supports_plan_mode?: boolean;
  /**
   * Names of additions beyond this version that the client wants. Unknown names are ignored. Missing means pure Wire.
   */
  extensions?: string[];
}
/**
 * May be sent any number of times while no turn and no replay runs. Versions are not negotiated: the kernel answers its own and the client decides.
 */
export interface InitializeParams {
  /**
   * Version the client speaks. Any string is taken.
   */
  protocol_version: string;
  client?: ClientInfo | null;
  external_tools?: ExternalTool[] | null;
  hooks?: HookSubscription[] | null;
  capabilities?: ClientCapabilities | null;
}
/**
 * Which kernel answers.
 */
export interface ServerInfo {
  name: string;
  version: string;
}
/**
 * A command that the user may type as the start of a prompt.
 */
export interface SlashCommand {
  /**
   * Without the slash.
   */
  name: string;
  description: string;
  /**
   * Present also when empty.
   */
  aliases: string[];
}
/**
 * A tool that cannot be used, and why in one text.
 */
export interface RejectedTool {
  name: string;
  /**
   * `conflicts with builtin tool`, or what is wrong with the schema.
   */
  reason: string;
}
/**
 * What became of the offered tools. A name offered twice is listed twice.
 */
export interface ExternalToolsOutcome {
  accepted: string[];
  rejected: RejectedTool[];
}
/**
 * Which hook events exist and how many hooks wait for each.
 */
export interface HooksOutcome {
  supported_events: HookEvent[];
  /**
   * Event name to number of hooks; events without a hook are left out.
   */
  configured: {
    [k: string]: number;
  };
}
/**
 * What the kernel can do.
 */
export interface ServerCapabilities {
  supports_question: boolean;
  /**
   * The asked-for extensions that are on. Left out unless the client asked.
   */
  extensions?: string[];
}
/**
 * external_tools, hooks and capabilities are left out when there is nothing to say. They are never null.
 */
export interface InitializeResult {
  /**
   * Version the kernel speaks.
   */
  protocol_version: string;
  server: ServerInfo;
  slash_commands: SlashCommand[];
  external_tools?: ExternalToolsOutcome;
  hooks?: HooksOutcome;
  capabilities?: ServerCapabilities;
}
/**
 * Starts a turn. Refused while a turn or a replay runs; prompts are not queued.
 */
export interface PromptParams {
  user_input: UserInput;
}
/**
 * finished: the model or a rejection ended the turn. cancelled: a cancel did.
 */
export interface PromptEnded {
  status: "finished" | "cancelled";
}
/**
 * The turn used up its steps.
 */
export interface PromptMaxSteps {
  status: "max_steps_reached";
  /**
   * The limit.
   */
  steps: number;
}
/**
 * Adds words of the user to the running turn. They are read after the step that runs now.
 */
export interface SteerParams {
  user_input: UserInput;
}
/**
 * Sent at once; the SteerInput event tells when the words are read.
 */
export interface SteerResult {
  status: "steered";
}
/**
 * Allowed at any time, also during a turn.
 */
export interface SetPlanModeParams {
  enabled: boolean;
}
/**
 * Sent after a StatusUpdate with the new state.
 */
export interface SetPlanModeResult {
  status: "ok";
  plan_mode: boolean;
}
/**
 * Sent after all records of the session. Requests among them expect no answer.
 */
export interface ReplayResult {
  status: "finished" | "cancelled";
  /**
   * Events sent.
   */
  events: number;
  /**
   * Requests sent.
   */
  requests: number;
}
/**
 * Answer to an ApprovalRequest.
 */
export interface ApprovalResult {
  /**
   * Only compared for the log; the JSON-RPC id binds.
   */
  request_id: string;
  response: ApprovalDecision;
  /**
   * With a rejection: what to do instead; the turn then goes on. Missing means empty.
   */
  feedback?: string;
}
/**
 * Answer to a ToolCallRequest.
 */
export interface ToolCallResult {
  /**
   * Only compared for the log.
   */
  tool_call_id: string;
  return_value: InputToolReturnValue;
}
/**
 * Answer to a QuestionRequest. No answers at all means dismissed.
 */
export interface QuestionResult {
  request_id: string;
  /**
   * Question to chosen label; several labels are joined by comma and space.
   */
  answers: {
    [k: string]: string;
  };
}
/**
 * Answer to a HookRequest. A missing action means allow.
 */
export interface HookResult {
  request_id: string;
  action?: HookAction;
  /**
   * Why blocked.
   */
  reason?: string;
}

/** Event type -> payload. */
export interface EventPayloads {
  TurnBegin: TurnBegin;
  TurnEnd: TurnEnd;
  StepBegin: StepBegin;
  StepInterrupted: StepInterrupted;
  StepRetry: StepRetry;
  SteerInput: SteerInput;
  CompactionBegin: CompactionBegin;
  CompactionEnd: CompactionEnd;
  MCPLoadingBegin: MCPLoadingBegin;
  MCPLoadingEnd: MCPLoadingEnd;
  StatusUpdate: StatusUpdate;
  Notification: Notification;
  ContentPart: ContentPart;
  ToolCall: ToolCall;
  ToolCallPart: ToolCallPart;
  ToolResult: ToolResult;
  ApprovalResponse: ApprovalResponse;
  SubagentEvent: SubagentEvent;
  PlanDisplay: PlanDisplay;
  HookTriggered: HookTriggered;
  HookResolved: HookResolved;
  BtwBegin: BtwBegin;
  BtwEnd: BtwEnd;
}

/** Request type -> payload. */
export interface ServerRequestPayloads {
  ApprovalRequest: ApprovalRequest;
  ToolCallRequest: ToolCallRequest;
  QuestionRequest: QuestionRequest;
  HookRequest: HookRequest;
}

/** Request type -> the client's answer. */
export interface ServerRequestResults {
  ApprovalRequest: ApprovalResult;
  ToolCallRequest: ToolCallResult;
  QuestionRequest: QuestionResult;
  HookRequest: HookResult;
}

/** Methods that a client calls. */
export interface ClientMethods {
  initialize: { params: InitializeParams; result: InitializeResult };
  prompt: { params: PromptParams; result: PromptResult };
  steer: { params: SteerParams; result: SteerResult };
  set_plan_mode: { params: SetPlanModeParams; result: SetPlanModeResult };
  replay: { params: ReplayParams; result: ReplayResult };
  cancel: { params: CancelParams; result: CancelResult };
}

/** Methods that a kernel calls; a null result means a notification. */
export interface KernelMethods {
  event: { params: Event; result: null };
  request: { params: ServerRequest; result: ServerRequestResult };
}
