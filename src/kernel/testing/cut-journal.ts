/** A session that really ran, its journal cut behind a record, as a kernel that died there leaves it. For tests. */
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeFileOperations } from "../storage/file-operations.js";
import { sessionPaths } from "../storage/share-folder.js";
import { type TempShare, tempShare } from "../storage/testing/temp-share.js";
import type { Sent } from "./recording-sink.js";

type Fields = Record<string, unknown>;

export interface RecordedSession {
  readonly records: readonly Fields[];
  /** Index of the turn's record, and of its end; the length when it has none. */
  readonly begin: number;
  readonly end: number;
  /** The session as it was when this record was the newest. The caller removes the folder. */
  cutBehind(index: number): TempShare;
  /** What the client had been sent by then. */
  sentUpTo(index: number): Pick<Sent, "type" | "payload">[];
  /** For a failing test: which record that is. */
  label(index: number): string;
}

/** Fake: a disk that is fast, since no power fails here. */
export const fastDisk = { ...nodeFileOperations, fsync: () => {}, fsyncDir: () => {} };

const pathsIn = (shareDir: string) => sessionPaths(shareDir, join(shareDir, "work"), "S1");

/** Of session S1 of a turn fixture. */
export function recordedSession(share: TempShare): RecordedSession {
  const journal = readFileSync(pathsIn(share.shareDir).journal, "utf8").split(/(?<=\n)/);
  const records = journal.map((line) => JSON.parse(line) as Fields);
  const end = records.findIndex(({ kind }) => kind === "turn_end");
  return {
    records,
    begin: records.findIndex(({ kind }) => kind === "turn"),
    end: end < 0 ? records.length : end,
    cutBehind: (index) => {
      const copy = tempShare();
      cpSync(share.shareDir, copy.shareDir, { recursive: true });
      // Its name is made of the place of the work folder.
      cpSync(pathsIn(share.shareDir).dir, pathsIn(copy.shareDir).dir, { recursive: true });
      const { lock, journal: path, context, wire } = pathsIn(copy.shareDir);
      rmSync(lock, { force: true });
      writeFileSync(path, journal.slice(0, index + 1).join(""));
      const lengths = records.slice(0, index + 1).findLast((record) => typeof record.context_length === "number");
      truncateSync(context, Number(lengths?.context_length ?? 0));
      truncateSync(wire, Number(lengths?.wire_length ?? 0));
      return copy;
    },
    sentUpTo: (index) =>
      records.slice(0, index + 1).flatMap(({ type, payload }) => {
        return payload === undefined ? [] : [{ type: String(type), payload: payload as Fields }];
      }),
    label: (index) => `behind ${index} ${records[index]?.kind} ${records[index]?.type ?? records[index]?.code ?? ""}`,
  };
}
