/**
 * What a tool is. A tool is a value with one async `prepare`: it checks the arguments and everything that can be
 * checked without acting, and says what has to be asked and how to act. The tool runner asks, records the intent and
 * then calls `execute`. Tools know nothing of the wire, of approvals or of the journal.
 */
import type * as z from "zod/mini";
import type { ContentPart } from "../messages.js";
import type { ProcessGroups } from "../processes/process-groups.js";
import type { Capability } from "../providers/provider.js";
import type { AgentPosition } from "../storage/turn-position.js";
import type { Agents } from "./services/agents.js";
import type { DmailSender } from "./services/dmail.js";
import type { PlanMode } from "./services/plan-mode.js";
import type { Questions } from "./services/questions.js";
import type { Tasks } from "./services/tasks.js";

export type DisplayBlock =
  | { type: "brief"; text: string }
  | {
      type: "diff";
      path: string;
      old_text: string;
      new_text: string;
      old_start: number;
      new_start: number;
      is_summary: boolean;
    }
  | { type: "todo"; items: TodoItem[] }
  | { type: "shell"; language: string; command: string }
  | { type: "background_task"; task_id: string; kind: string; status: string; description: string }
  | { type: "unknown"; wireType: string; data: Record<string, unknown> };

export interface TodoItem {
  title: string;
  status: "pending" | "in_progress" | "done";
}

export interface ToolReturn {
  isError: boolean;
  output: string | ContentPart[];
  message: string;
  display: DisplayBlock[];
  extras?: Record<string, unknown> | null;
  /** Set when a person said no in the tool's own question: counts as a rejected call; "" is a no without a reason. */
  rejection?: string;
}

/** read: may run again after a crash. write: file edits. exec: processes. net: leaves the machine. none: kernel state. */
export type EffectClass = "read" | "write" | "exec" | "net" | "none";

/** What a session grant would have to cover; `approval/grants.ts` decides whether one does. */
export type GrantSubject =
  | { kind: "command"; command: string; cwd: string; background: boolean }
  | { kind: "edit"; path: string; insideWorkspace: boolean }
  | { kind: "read_outside"; path: string }
  | { kind: "fetch"; host: string }
  | { kind: "mcp"; server: string; tool: string }
  | { kind: "task"; taskId: string };

/** What a person is asked before the call may act. Texts as wire.md 8.1. */
export interface ApprovalAsk {
  action: string;
  description: string;
  display: DisplayBlock[];
  subject: GrantSubject;
  /** True when neither a grant nor a mode may answer: a person must, each time. */
  byPersonOnly?: boolean;
}

export interface FileState {
  path: string;
  /** sha256 of the content in hex; null when the file does not exist. */
  sha256: string | null;
}

export interface PreparedCall {
  /** null when nothing has to be asked. */
  ask: ApprovalAsk | null;
  effect: EffectClass;
  /** Files the call will change, as they were when it was prepared, and as they will be. Empty for other calls. */
  before?: FileState[];
  after?: FileState[];
  /** The client runs it under the id of the call, at most once: asking it again is safe. */
  byClient?: boolean;
  /** Acts. May throw: the runner turns it into `Error running tool: <e>`. Rejects with the signal's reason on abort. */
  execute(run: ExecuteContext): Promise<ToolReturn>;
}

export interface ExecuteContext {
  /** Aborted on cancel; a tool ends at once and leaves no process behind. */
  signal: AbortSignal;
  toolCallId: string;
  effectId: string;
  /** What an earlier process asked the client for this call: asked again under the same id, an answer is used. */
  earlier?: EarlierRequest;
  /** What the tool had decided by itself for this very call in an earlier process; it may have acted on it. */
  decided?: string;
  /** Records on disk what the tool decides by itself for this call, before it acts on it. Throws KernelError. */
  decide?: (decision: string) => void;
  /** The subagent that the call had begun in an earlier process and waited for. */
  agent?: AgentPosition;
  /** The runner records pid and start time in the intent; called at most once, before the process can act. */
  onProcess?: (process: { pgid: number; startTime: string }) => void;
}

export interface EarlierRequest {
  requestId: string;
  /** The client's raw answer; null when there is none. */
  answer: { raw: unknown } | null;
  /** Hash of what was shown with it; absent when nothing was. */
  shown?: string;
}

/** The surroundings of every call of a session. Read-only for tools, but for the todo list. */
export interface ToolContext {
  /** Absolute; relative paths resolve against it. */
  workDir: string;
  /** Extra folders that count as the workspace. Absolute. */
  additionalDirs: readonly string[];
  shareDir: string;
  /** Environment for tool processes, secrets and injectors already removed. */
  env: Readonly<Record<string, string>>;
  processes: ProcessGroups;
  capabilities: ReadonlySet<Capability>;
  /** Hosts that FetchURL may reach although their address is loopback, private or link-local. */
  allowedPrivateHosts: ReadonlySet<string>;
  todos: { get(): readonly TodoItem[]; set(items: readonly TodoItem[]): void };
  services: ToolServices;
}

/** What the kernel does for single tools. null where it is not there: the tool then says so. */
export interface ToolServices {
  questions: Questions | null;
  planMode: PlanMode | null;
  agents: Agents | null;
  tasks: Tasks | null;
  dmail: DmailSender | null;
}

export const NO_SERVICES: ToolServices = { questions: null, planMode: null, agents: null, tasks: null, dmail: null };

export interface Tool {
  readonly name: string;
  /** One terse line for the model. */
  readonly description: string;
  /** Added to the description when the session has something to say there; must not change while it lives. */
  describe?(services: ToolServices): string;
  /** All accepted parameters. Unknown keys are ignored, as the reference does. */
  readonly parameters: z.ZodMiniType;
  /** Parameters that are listed to the model, in this order; the rest are accepted but cost no prompt. */
  readonly listed: readonly string[];
  /** Listed only when it returns true; a call of an unlisted tool still executes. Default: always. */
  visible?(capabilities: ReadonlySet<Capability>, services: ToolServices): boolean;
  /**
   * Calls of one step with the same key run one after the other (two edits of one file); null or absent: beside all
   * others.
   */
  exclusiveKey?(args: never, context: ToolContext): string | null;
  /**
   * Checks and plans one call with arguments that passed `parameters`. Returns a ToolReturn when the call ends here
   * (an error that needs no question). May throw; must not act.
   */
  prepare(args: never, context: ToolContext, signal: AbortSignal): Promise<PreparedCall | ToolReturn>;
}

/** Declares a tool with typed arguments. */
export function defineTool<S extends z.ZodMiniType>(
  tool: Omit<Tool, "prepare" | "parameters" | "exclusiveKey"> & {
    parameters: S;
    exclusiveKey?(args: z.output<S>, context: ToolContext): string | null;
    prepare(args: z.output<S>, context: ToolContext, signal: AbortSignal): Promise<PreparedCall | ToolReturn>;
  },
): Tool {
  return tool as unknown as Tool;
}

/** An error result with its one-line brief, the shape that every failing tool returns. */
export function toolError(message: string, brief: string, output: string | ContentPart[] = ""): ToolReturn {
  return { isError: true, output, message, display: [{ type: "brief", text: brief }] };
}

/** A success. `message` is for the model and the user, `output` is the payload. */
export function toolOk(output: string | ContentPart[], message = "", display: DisplayBlock[] = []): ToolReturn {
  return { isError: false, output, message, display };
}
