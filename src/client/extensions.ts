/** What a kernel may say beyond Wire 1.10 when it was asked to, read without trust (wire-spec/extensions.schema.json). */
import type { InitializeResult } from "../wire/generated/types.gen.js";

/** Everything that this client asks for. */
export const EXTENSIONS = ["seq/1", "resume/1", "heartbeat/1", "grants/1"] as const;

export type ExtensionName = (typeof EXTENSIONS)[number];

/** Where an event or request stands in the session's journal. */
export interface EventStamp {
  seq: number;
  epoch: number;
  prev: number;
}

/** A turn whose kernel died or was left. */
export interface OpenTurn {
  turnId: string;
  /** Of the prompt that began it. */
  clientId: string | null;
  /** Of its newest event or request. */
  seq: number;
}

export interface Heartbeat {
  turn: boolean;
  /** How long a running turn has been waiting for nothing at all, in milliseconds. */
  idleMs: number;
  /** Bytes of memory; 0 when it does not say. */
  rss: number;
}

/** The asked-for extensions that are on. */
export function readExtensions(info: InitializeResult): ReadonlySet<ExtensionName> {
  const names: unknown = fields(info.capabilities).extensions;
  return new Set(Array.isArray(names) ? EXTENSIONS.filter((name) => names.includes(name)) : []);
}

/** Null without a whole stamp. */
export function readStamp(params: unknown): EventStamp | null {
  const { seq, epoch, prev } = fields(params);
  return isCount(seq) && isCount(epoch) && isCount(prev) ? { seq, epoch, prev } : null;
}

/** The turn that waits to be resumed, or null. */
export function readOpenTurn(info: InitializeResult): OpenTurn | null {
  const { turn_id: turnId, client_id: clientId, seq } = fields(fields(info).open_turn);
  if (typeof turnId !== "string") return null;
  return { turnId, clientId: typeof clientId === "string" ? clientId : null, seq: isCount(seq) ? seq : 0 };
}

/** A heartbeat that says nothing readable is one of an idle kernel: it lives. */
export function readHeartbeat(params: unknown): Heartbeat {
  const { turn, idle_ms: idleMs, rss } = fields(params);
  return { turn: turn === true, idleMs: isCount(idleMs) ? idleMs : 0, rss: isCount(rss) ? rss : 0 };
}

/** Whether this is the error of a kernel that has left its session with the turn open, because nobody read what it said. */
export function isParked(error: unknown): boolean {
  const { code, parked } = fields(fields(error).data);
  return code === "kernel_stopped" && parked === true;
}

/** The object's keys; none for what is no object. */
export function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
