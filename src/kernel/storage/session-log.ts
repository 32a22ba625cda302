/**
 * The contract of a session's storage. One journal per session is the authority; wire.jsonl and context.jsonl are its
 * projections (durability: one authority, one writer). Everything here is synchronous but `acquire`, so that
 * "write, then act, then deliver" is the order of the statements that call it.
 */
import type { Message, TokenUsage } from "../messages.js";
import type { FinishReason } from "../providers/provider.js";
import type { DeliveredRecord } from "./delivered-records.js";
import type { RecordedRequest, RecordedTurn } from "./recorded-requests.js";
import type { SessionState } from "./session-state.js";
import type { TurnPosition } from "./turn-position.js";

/** One line of context.jsonl, keys as wire.md 4.3 has them, null fields left out. */
export type ContextRecord =
  | { role: "_system_prompt"; content: string }
  | { role: "_checkpoint"; id: number }
  | { role: "_usage"; token_count: number }
  | ContextMessage;

/** A message as stored: `content` is a string when it is exactly one text part, else the list of parts. */
export type ContextMessage = { role: "user" | "assistant" | "tool"; content: unknown } & Record<string, unknown>;

/**
 * A record that a client receives: it is written to the journal first and then delivered with the seq it got there.
 * `json` is the JSON text of `payload`, already escaped for a line (U+2028, U+2029, U+0085); it is spliced into the
 * journal line and the wire line as it is. `extra` goes to the journal only: of an ApprovalRequest `action_hash`, of a
 * ToolResult `rejection` (a person said no; "" without a reason), of a turn_end its outcome, of a request that is sent once more
 * `again`.
 */
export interface DeliverableRecord {
  kind: "event" | "request" | "result" | "turn_end";
  type: string;
  payload: unknown;
  json: string;
  /** JSON-RPC id of a request, equal to payload.id. */
  id?: string;
  extra?: Readonly<Record<string, unknown>>;
}

/** A record that only the journal keeps. */
export type NoteRecord =
  | { kind: "turn"; turn_id: string; client_id: string | null; user_input: unknown }
  | { kind: "answer"; id: string; type: string; answer: unknown; decided: unknown }
  | {
      kind: "intent";
      effect_id: string;
      tool_call_id: string;
      name: string;
      arguments: string;
      class: string;
      action_hash: string;
      before: unknown;
      after: unknown;
    }
  /** What a tool decided by itself for this call, in its own words, before it acted on that. */
  | { kind: "decided"; tool_call_id: string; decision: string }
  /** Hooks were asked; without a hook_decided behind it a blocking batch is undecided. `input` is what they were given. */
  | {
      kind: "hook";
      batch_id: string;
      event: string;
      blocking: boolean;
      tool_call_id: string | null;
      /** The subagent whose call that is. */
      agent_id?: string | null;
      input: unknown;
      hooks: unknown;
    }
  | { kind: "hook_decided"; batch_id: string; action: "allow" | "block"; reason: string }
  | { kind: "process"; effect_id: string; pgid: number; start_time: string }
  | { kind: "steer"; steer_id: string; client_id: string | null; user_input: unknown }
  /** It entered a conversation that is not stored; else the record of its message says so. */
  | { kind: "steer_consumed"; steer_id: string }
  | { kind: "cancel"; client_id: string | null }
  | { kind: "step"; n: number; checkpoint: number }
  | {
      kind: "stream_end";
      n: number;
      usage: TokenUsage | null;
      message_id: string | null;
      finish_reason: FinishReason;
    }
  /** How a step ended; written before its reply and results go into the conversation. */
  | { kind: "step_end"; n: number; outcome: "again" | "end" | "stop" }
  | { kind: "notice"; code: string; data: unknown }
  | {
      kind: "agent_begin";
      agent_id: string;
      /** The Agent call that asked. */
      tool_call_id: string;
      /** Set for an agent in the background. */
      task_id: string | null;
      subagent_type: string;
      resumed: boolean;
    }
  /** A record of a subagent's own turn: its steps, intents and processes. */
  | { kind: "agent_note"; agent_id: string; note: NoteRecord }
  | { kind: "agent_end"; agent_id: string; outcome: string }
  | { kind: "task_begin"; task_id: string; task_kind: string; effect_id: string; description: string }
  | { kind: "task_end"; task_id: string; status: string; exit_code: number | null };

/** What the model is shown before the first message; frozen for the life of the session. */
export interface FrozenPrefix {
  system_hash: string;
  tools: string[];
  tools_hash: string;
}

export interface SessionLog {
  readonly sessionId: string;
  /** Session folder (context.jsonl, wire.jsonl, state.json). */
  readonly dir: string;
  /** Grows with every owner; 0 before the first acquire. */
  readonly epoch: number;
  /** Seq of the newest record; 0 for an empty journal. */
  readonly lastSeq: number;
  readonly state: SessionState;
  /** True when this process is the writer. */
  readonly held: boolean;

  /**
   * Becomes the writer: takes the lock (waiting up to 3 s), creates the folder, opens and repairs journal and
   * projections, closes an open turn. With `keepOpenTurn` a turn that can be gone on with stays as it is. Resolves at
   * once when already held. Throws KernelError `session_locked`, `storage_full`, `storage_failed`. After the first
   * success `loaded` is up to date.
   */
  acquire(signal?: AbortSignal, how?: { keepOpenTurn?: boolean }): Promise<void>;
  /** The session as it is on disk; reads without the lock before acquire (so that initialize can report it). */
  load(): LoadedSession;

  /** The turn that a dead kernel left open, as it stands; null when there is none or it was settled. Reads. */
  openTurn(): TurnPosition | null;
  /**
   * Takes up the turn that `acquire` kept; from then on it is the turn that runs. Throws KernelError `no_turn` when
   * none was kept, and `storage_full` when its end could not be written.
   */
  continueTurn(): TurnPosition;
  /** Ends the turn that `acquire` kept; gives what has to be delivered, once; null when there is nothing. */
  settleOpenTurn(): SettledTurn | null;
  /** The current or last turn; null before the first. Reads the journal when it is not held. */
  lastTurn(): RecordedTurn | null;
  /**
   * What is recorded under an id of the client: in the current or last turn, or among the newest requests of turns
   * before; null for nothing. A prompt of a turn before has an outcome.
   */
  outcomeOf(clientId: string): RecordedRequest | null;
  /** What was delivered behind `since` in the current or last turn. Lazy. */
  delivered(since: number): Iterable<DeliveredRecord>;

  /** Cuts the journal to its header and appends the turn record. A turn that was kept is settled before. */
  beginTurn(turn: Extract<NoteRecord, { kind: "turn" }>): void;
  /** Appends deliverable records in one write. Returns the seq of the first; the others follow by one. */
  append(records: readonly DeliverableRecord[], options?: { sync?: boolean }): number;
  /** Appends one record of the journal's own. Returns its seq. */
  note(record: NoteRecord, options?: { sync?: boolean }): number;
  /**
   * Appends lines of context.jsonl; they reach the file at the next checkpoint, all in one write. `steerId`: they are
   * the message of this steer, which is consumed by the same record.
   */
  context(records: readonly ContextRecord[], steerId?: string): void;
  /** Brings both projections up to date and fsyncs them, then records their lengths in the journal. */
  checkpoint(): void;
  /** Replaces context.jsonl with these lines; the old file stays as context_<n>.jsonl. Implies checkpoint. */
  rotateContext(records: readonly ContextRecord[]): void;
  /** Stores the frozen prefix in the header. */
  freeze(prefix: FrozenPrefix): void;

  /**
   * Leaves the session as it is, with its turn open: the files are closed and every write throws KernelError
   * `kernel_stopped`. `close` then only lets go. Idempotent.
   */
  park(): void;
  /** Writes what is pending, releases the lock, closes the files, deletes an empty session's folder. Idempotent. Never throws. */
  close(options: { clean: boolean }): void;
}

/** The end of a turn that was settled, already recorded. */
export interface SettledTurn {
  /** Seq of the first record; the others follow by one. */
  readonly firstSeq: number;
  /** In the order of delivery; the last one is the turn_end. */
  readonly records: readonly DeliverableRecord[];
  /** Seq of what the client had been sent of it before; 0 for nothing. */
  readonly deliveredSeq: number;
}

export interface LoadedSession {
  /** null for a session without a context file. */
  systemPrompt: string | null;
  messages: Message[];
  /** Next free checkpoint id. */
  nextCheckpoint: number;
  /** Newest `_usage` token count; null when there is none. */
  tokenCount: number | null;
  prefix: FrozenPrefix | null;
  /** True when there is neither a wire record, a context message nor a title. */
  empty: boolean;
  /** What had to be repaired or was lost, one plain sentence each, to be logged and reported once. */
  repairs: string[];
}
