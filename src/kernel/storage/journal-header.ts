/** The first line of a journal: what must be known when the records before it are gone. */
import { JOURNAL_FORMAT, recordBody } from "./crc-line.js";
import { type EarlierRequest, readRequests, storedRequests } from "./earlier-requests.js";
import { asObject } from "./line-json.js";
import type { FrozenPrefix } from "./session-log.js";

/** Byte lengths of the projections at a checkpoint, and the number of the newest rotated context file. */
export interface ProjectionLengths {
  readonly wire_length: number;
  readonly context_length: number;
  readonly context_generation: number;
}

export interface JournalHeader extends ProjectionLengths {
  readonly session: string;
  readonly epoch: number;
  readonly prefix: FrozenPrefix | null;
  /** Of the turns before the one whose records follow. */
  readonly requests: readonly EarlierRequest[];
}

/** The header's line body. Its seq is that of the last record before it, so that the next record follows by one. */
export function headerBody(header: JournalHeader): string {
  return recordBody("header", { format: JOURNAL_FORMAT, ...header, requests: storedRequests(header.requests) });
}

/** The header that a record's fields hold; anything missing or of a wrong type counts as zero or null. */
export function readHeader(fields: Readonly<Record<string, unknown>>): JournalHeader {
  return {
    session: typeof fields.session === "string" ? fields.session : "",
    epoch: count(fields.epoch),
    prefix: readPrefix(fields.prefix),
    requests: readRequests(fields.requests),
    ...readLengths(fields),
  };
}

/** The lengths that a header or a checkpoint record holds. */
export function readLengths(fields: Readonly<Record<string, unknown>>): ProjectionLengths {
  return {
    wire_length: count(fields.wire_length),
    context_length: count(fields.context_length),
    context_generation: count(fields.context_generation),
  };
}

/** A frozen prefix from its JSON, or null when it is none. */
export function readPrefix(value: unknown): FrozenPrefix | null {
  const prefix = asObject(value);
  const tools = prefix?.tools;
  if (typeof prefix?.system_hash !== "string" || typeof prefix.tools_hash !== "string" || !Array.isArray(tools)) {
    return null;
  }
  return {
    system_hash: prefix.system_hash,
    tools: tools.filter((name) => typeof name === "string"),
    tools_hash: prefix.tools_hash,
  };
}

function count(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0;
}
