/** The files of one subagent: its conversation, what happened in it, and a log for people. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Message, ToolCall } from "../messages.js";
import { quietly, writeNewFile } from "../storage/checked-write.js";
import { rotateContextFile } from "../storage/context-file.js";
import { contextLine, fromContextLine } from "../storage/context-format.js";
import { fileLines, fileSize } from "../storage/file-lines.js";
import type { FileOperations } from "../storage/file-operations.js";
import { repairHistory } from "../storage/history-repair.js";
import type { MergedRecord } from "../storage/part-merge.js";
import { ProjectionFile } from "../storage/projection-file.js";
import type { ContextRecord } from "../storage/session-log.js";
import { WIRE_HEADER, wireLine } from "../storage/wire-file.js";
import type { ContextSink, HistorySeed } from "../turn/history.js";
import { type AgentMeta, writeAgentMeta } from "./agent-meta.js";

export class AgentFolder implements ContextSink {
  readonly dir: string;
  readonly #ops: FileOperations;
  readonly #context: ProjectionFile;
  readonly #wire: ProjectionFile;
  readonly #output: ProjectionFile;
  #meta: AgentMeta;

  /** Creates the folder when it is missing; files at their first line. Throws KernelError. The caller closes it. */
  constructor(ops: FileOperations, dir: string, meta: AgentMeta) {
    this.dir = dir;
    this.#ops = ops;
    this.#meta = meta;
    ops.mkdir(dir);
    this.#context = openLines(ops, join(dir, "context.jsonl"), "a subagent's context");
    this.#wire = openLines(ops, join(dir, "wire.jsonl"), "a subagent's wire file");
    this.#output = openLines(ops, join(dir, "output"), "a subagent's output");
  }

  get meta(): Readonly<AgentMeta> {
    return this.#meta;
  }

  /** Changes meta.json. Throws KernelError. */
  update(change: Partial<AgentMeta>): void {
    this.#meta = { ...this.#meta, ...change, updated_at: Date.now() / 1000 };
    writeAgentMeta(this.#ops, this.dir, this.#meta);
  }

  /** Keeps the newest prompt as a file of its own. */
  writePrompt(prompt: string): void {
    writeNewFile(this.#ops, join(this.dir, "prompt.txt"), Buffer.from(prompt), "a subagent's prompt");
  }

  append(records: readonly ContextRecord[]): void {
    this.#context.append(records.map((record) => contextLine(record)).join(""));
  }

  rotate(records: readonly ContextRecord[]): void {
    const text = records.map((record) => contextLine(record)).join("");
    rotateContextFile(this.#ops, join(this.dir, "context.jsonl"), text);
    this.#context.replaced(Buffer.byteLength(text));
  }

  /** Adds a message to wire.jsonl. */
  wire(record: MergedRecord): void {
    this.#wire.append(this.#wire.length === 0 ? WIRE_HEADER + wireLine(record) : wireLine(record));
  }

  /** Adds to the log for people. */
  output(text: string): void {
    this.#output.append(text);
  }

  sync(): void {
    this.#context.sync();
    this.#wire.sync();
  }

  /** Never throws. */
  close(): void {
    quietly(() => this.sync());
    for (const file of [this.#context, this.#wire, this.#output]) file.close();
  }
}

export interface AgentHistory extends HistorySeed {
  /** The messages at its end that the file lacks: results of calls that were stored without them. */
  readonly missing: readonly Message[];
}

/**
 * The stored conversation of an agent, repaired as a session's is; null when there is none. `resultOf` gives the recorded
 * result of a call, null when there is none.
 */
export function readAgentHistory(dir: string, resultOf?: (call: ToolCall) => unknown | null): AgentHistory | null {
  const path = join(dir, "context.jsonl");
  const messages = [];
  let systemPrompt: string | null = null;
  let nextCheckpoint = 0;
  let tokenCount: number | null = null;
  for (const line of fileLines(path, 0, fileSize(path))) {
    const entry = fromContextLine(line.bytes.toString("utf8"));
    if (entry?.kind === "system") systemPrompt = entry.content;
    if (entry?.kind === "checkpoint") nextCheckpoint = Math.max(nextCheckpoint, entry.id + 1);
    if (entry?.kind === "usage") tokenCount = entry.tokens;
    if (entry?.kind === "message") messages.push(entry.message);
  }
  if (systemPrompt === null) return null;
  const repaired = repairHistory(messages, resultOf);
  return { systemPrompt, messages: repaired.messages, nextCheckpoint, tokenCount, missing: repaired.trailing };
}

/** A file that a dead kernel left in mid-line gets an end of line, so that only that line is lost. */
function openLines(ops: FileOperations, path: string, what: string): ProjectionFile {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const file = new ProjectionFile(ops, path, size, what);
  if (size > 0 && lastByte(path, size) !== 0x0a) file.append("\n");
  return file;
}

function lastByte(path: string, size: number): number {
  const byte = new Uint8Array(1);
  const fd = openSync(path, "r");
  try {
    readSync(fd, byte, 0, 1, size - 1);
  } finally {
    closeSync(fd);
  }
  return byte[0] ?? 0;
}
