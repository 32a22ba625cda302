/**
 * What a running agent records and shows. The turn of the session implements it on the journal (turn-recorder.ts); a
 * subagent wraps its parent's.
 */
import type { StreamPart } from "../providers/provider.js";
import type { NoteRecord } from "../storage/session-log.js";
import type { WaitKind } from "../waits.js";
import type { BesideRequest } from "./event-sink.js";

/** What a request carries besides its payload. */
export interface RequestExtras {
  /** For the journal only. */
  extra?: Readonly<Record<string, unknown>>;
  /** For clients that asked for it only. */
  beside?: BesideRequest;
}

export interface Recorder {
  /**
   * Records and delivers one event; `sync` writes it to the disk first. Throws KernelError when it cannot be recorded;
   * then nothing was delivered.
   */
  event(type: string, payload: unknown, sync?: boolean): void;
  /** Records one read of the model's stream in one write and delivers it part by part. */
  parts(parts: readonly StreamPart[]): void;
  /** Records a tool's result with fsync, then delivers it. `extra` is for the journal only. */
  result(payload: { tool_call_id: string; return_value: unknown }, extra?: Readonly<Record<string, unknown>>): void;
  /** Records a request and sends it. The promise is the client's raw answer; rejects with ClientRequestError. */
  request(type: string, payload: { id: string }, signal: AbortSignal, extras?: RequestExtras): Promise<unknown>;
  /** Tells what the agent waits for as long as the work has not settled; settles as it does. */
  waiting<T>(kind: WaitKind, work: Promise<T>): Promise<T>;
  /** Records something that no client sees; fsynced when an effect depends on it. */
  note(record: NoteRecord, sync: boolean): void;
  /** Brings the published files up to date at the end of a step. */
  checkpoint(): void;
  /** null while the client keeps up; else settles when it has read on or is gone. */
  ready(): Promise<void> | null;
  /** True when a request with this id is open or may still get its one late answer. */
  isIdTaken(id: string): boolean;
}
