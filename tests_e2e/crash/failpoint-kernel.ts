/** A kernel that is told to fail at one place, and what it leaves behind: its marker and the end of its journal. */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type KernelProcess, type StartOptions, startKernel } from "../kernel-process.js";
import { readLines } from "../session-records.js";
import type { Workspace } from "../workspace.js";

export interface FailingRun {
  kernel: KernelProcess;
  session: string;
  marker: string;
}

/** Starts a kernel with this plan, on a session of its own or on the one that is named. */
export function startFailing(
  workspace: Workspace,
  plan: string,
  { session = randomUUID(), args = [], env = {}, ...rest }: StartOptions & { session?: string } = {},
): FailingRun {
  const marker = join(workspace.home, "marker");
  const kernel = startKernel(workspace, {
    ...rest,
    args: ["--session", session, ...args],
    env: { KERNEL_FAILPOINT: plan, KERNEL_FAILPOINT_MARKER: marker, ...env },
  });
  return { kernel, session, marker };
}

export interface Mark {
  name: string;
  epoch: number;
  pid: number;
  text: string;
}

/** The failures that have happened, in order. */
export function marks(file: string): Mark[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => {
    const [name = "", epoch, pid, text = ""] = line.split(" ");
    return { name, epoch: Number(epoch), pid: Number(pid), text };
  });
}

/** The records of a journal since it was cut, without its header; [] when there is none. A torn last line is left out. */
export function journalOf(workspace: Workspace, session: string): Record<string, unknown>[] {
  const file = join(workspace.share, "journal", `${session}.jsonl`);
  return existsSync(file) ? readLines(file).slice(1) : [];
}

/** A record in one word: the type of what is delivered or answered, else the kind. */
export function recordName({ kind, type }: Record<string, unknown>): string {
  if (kind === "answer") return `answer ${type}`;
  return kind === "event" || kind === "request" ? String(type) : String(kind);
}
