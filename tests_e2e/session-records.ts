/** Reads what a kernel left in its share folder. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Workspace } from "./workspace.js";

export type Line = Record<string, unknown>;

export interface WireRecord {
  timestamp: number;
  message: { type: string; payload: Record<string, unknown> };
}

/** Where the sessions of the work dir are. */
export function sessionsDir(workspace: Workspace): string {
  return join(workspace.share, "sessions", createHash("md5").update(workspace.workDir).digest("hex"));
}

export function sessionIds(workspace: Workspace): string[] {
  const dir = sessionsDir(workspace);
  return existsSync(dir) ? readdirSync(dir).sort() : [];
}

/** The folder of the one session there is, or of the named one. */
export function sessionDir(workspace: Workspace, id?: string): string {
  const ids = id === undefined ? sessionIds(workspace) : [id];
  if (ids.length !== 1) throw new Error(`expected one session, found ${JSON.stringify(ids)}`);
  return join(sessionsDir(workspace), ids[0] as string);
}

export function readLines(file: string): Line[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

export function contextLines(workspace: Workspace, name = "context.jsonl", id?: string): Line[] {
  return readLines(join(sessionDir(workspace, id), name));
}

/** Context lines behind the system text. */
export function conversation(workspace: Workspace, id?: string): Line[] {
  return contextLines(workspace, "context.jsonl", id).filter((line) => line.role !== "_system_prompt");
}

/** Records of wire.jsonl, the header left out. */
export function wireRecords(workspace: Workspace, id?: string): WireRecord[] {
  return readLines(join(sessionDir(workspace, id), "wire.jsonl")).slice(1) as unknown as WireRecord[];
}

export function wireTypes(workspace: Workspace, id?: string): string[] {
  return wireRecords(workspace, id).map((record) => record.message.type);
}

export function readState(workspace: Workspace, id?: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(sessionDir(workspace, id), "state.json"), "utf8")) as Record<string, unknown>;
}

/** The title in state.json; null when there is none, or no such file yet. */
export function storedTitle(workspace: Workspace): unknown {
  const file = join(sessionDir(workspace), "state.json");
  return existsSync(file) ? (readState(workspace).custom_title ?? null) : null;
}

/** Puts files of a session of another kernel in place: names to texts. */
export function seedSession(workspace: Workspace, id: string, files: Record<string, string>): void {
  const dir = join(sessionsDir(workspace), id);
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
}

export function jsonLines(lines: readonly unknown[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
