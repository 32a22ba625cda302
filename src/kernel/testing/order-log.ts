/** Everything a session does to the disk, to its client and to the world, in one order, and the rules of that order. For tests. */
import { basename } from "node:path";
import { type FileOperations, nodeFileOperations } from "../storage/file-operations.js";
import { RecordingSink } from "./recording-sink.js";

export type Step =
  | { do: "write"; file: string; records: JournalLine[] }
  | { do: "fsync"; file: string }
  | { do: "rename"; file: string }
  | { do: "fsyncDir"; file: string }
  | { do: "deliver"; type: string; seq: number }
  | { do: "effect"; callId: string }
  | { do: "answer"; to: string };

interface JournalLine {
  seq: number;
  kind: string;
  type?: string;
  tool_call_id?: string;
}

/** Kinds that are on the disk before anything else happens. */
const SYNCED: ReadonlySet<string> = new Set(["answer", "intent", "result", "turn_end"]);
const PUBLISHED: ReadonlySet<string> = new Set(["wire.jsonl", "context.jsonl"]);

/** Real file operations that are written down. `journal` is the base name of the session's journal. */
export function orderedOperations(log: Step[], journal: string): FileOperations {
  const names = new Map<number, string>();
  const nameOf = (fd: number) => names.get(fd) ?? "?";
  const real = nodeFileOperations;
  return {
    ...real,
    open: (path, flags, mode) => {
      const fd = real.open(path, flags, mode);
      names.set(fd, basename(path));
      return fd;
    },
    write: (fd, bytes) => {
      const written = real.write(fd, bytes);
      const file = nameOf(fd);
      log.push({ do: "write", file, records: file === journal ? linesOf(bytes) : [] });
      return written;
    },
    fsync: (fd) => {
      real.fsync(fd);
      log.push({ do: "fsync", file: nameOf(fd) });
    },
    rename: (from, to) => {
      real.rename(from, to);
      log.push({ do: "rename", file: basename(to) });
    },
    fsyncDir: (path) => {
      real.fsyncDir(path);
      log.push({ do: "fsyncDir", file: basename(path) });
    },
  };
}

/** A fake client that is written down. */
export class OrderedSink extends RecordingSink {
  readonly #log: Step[];

  constructor(log: Step[]) {
    super();
    this.#log = log;
  }

  override deliver(...args: Parameters<RecordingSink["deliver"]>): void {
    const [firstSeq, records] = args;
    for (const [index, { type }] of records.entries()) this.#log.push({ do: "deliver", type, seq: firstSeq + index });
    super.deliver(...args);
  }

  override request(...args: Parameters<RecordingSink["request"]>): Promise<unknown> {
    const [seq, { type }] = args;
    this.#log.push({ do: "deliver", type, seq });
    return super.request(...args);
  }
}

/** Every rule that the order breaks, one sentence each; [] for a good one. */
export function brokenRules(log: readonly Step[], journal: string): string[] {
  const broken = new Set<string>();
  const written = new Map<number, JournalLine>();
  const intents = new Set<string>();
  /** Records of the journal that a loss of power may take. */
  let unsafe: JournalLine[] = [];
  let unpublished = 0;
  const dirty = new Set<string>();
  let rotated = false;
  const mustBeSafe = (what: string): void => {
    const record = unsafe.find(({ kind }) => SYNCED.has(kind));
    if (record !== undefined) broken.add(`${what} before the ${record.kind} was on the disk`);
  };
  for (const step of log) {
    if (step.do === "write" && step.file === journal) {
      mustBeSafe("another record was written");
      if (rotated) broken.add("the journal went on before the rotation was on the disk");
      for (const record of step.records) {
        written.set(record.seq, record);
        unsafe.push(record);
        if (record.kind === "intent") intents.add(record.tool_call_id ?? "");
        unpublished = record.kind === "checkpoint" ? 0 : unpublished + (record.type === undefined ? 0 : 1);
      }
    } else if (step.do === "write") {
      if (PUBLISHED.has(step.file) && unsafe.length > 0)
        broken.add(`${step.file} was written before the journal was safe`);
      dirty.add(step.file);
    } else if (step.do === "fsync") {
      if (step.file === journal) unsafe = [];
      dirty.delete(step.file);
    } else if (step.do === "rename") {
      if (dirty.delete(`${step.file}.new`)) broken.add(`${step.file} was replaced by a file that was not on the disk`);
      if (step.file === journal && (unpublished > 0 || [...PUBLISHED].some((file) => dirty.has(file)))) {
        broken.add("the journal was cut before everything in it was published");
      }
      rotated ||= step.file === "context.jsonl";
    } else if (step.do === "fsyncDir") {
      rotated = false;
    } else if (step.do === "deliver") {
      if (written.get(step.seq)?.type !== step.type) broken.add(`${step.type} was delivered before it was written`);
      mustBeSafe(`${step.type} was delivered`);
    } else if (step.do === "effect") {
      if (!intents.has(step.callId)) broken.add(`${step.callId} acted without an intent`);
      mustBeSafe(`${step.callId} acted`);
    } else {
      mustBeSafe(`${step.to} was answered`);
      if (step.to === "prompt" && unpublished > 0) broken.add("the prompt was answered before the turn was published");
    }
  }
  return [...broken];
}

function linesOf(bytes: Uint8Array): JournalLine[] {
  const lines = Buffer.from(bytes).toString("utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as JournalLine);
}
