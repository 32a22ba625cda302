/** The published session files of one workspace, as any other program would read them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Workspace } from "./workspace.js";

/** Folders of all sessions, whatever their work dir. */
export function sessionFolders(workspace: Workspace): string[] {
  const root = join(workspace.share, "sessions");
  if (!existsSync(root)) return [];
  return readdirSync(root).flatMap((group) => readdirSync(join(root, group)).map((id) => join(root, group, id)));
}

/** The folder of the only session there is. */
export function onlySession(workspace: Workspace): string {
  const folders = sessionFolders(workspace);
  if (folders.length !== 1) throw new Error(`expected one session, found ${folders.length}: ${folders.join(", ")}`);
  return folders[0] as string;
}

/** The lines of a JSONL file; throws for a line that is not JSON. */
export function jsonLines(file: string): Record<string, unknown>[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Types of the records in wire.jsonl, without its header; [] while there is no such file. */
export function recordedTypes(folder: string): string[] {
  const file = join(folder, "wire.jsonl");
  if (!existsSync(file)) return [];
  return jsonLines(file).flatMap(({ message }) => (message === undefined ? [] : [(message as { type: string }).type]));
}
