/** A command in the background: its process, its output file, and what is left of it when the kernel was another one. */

import type { ProcessExit, ProcessGroups, RunningProcess } from "../processes/process-groups.js";
import { processStartTime } from "../processes/process-start-time.js";
import { OutputLog } from "./output-log.js";
import type { TaskRecord } from "./task-record.js";
import type { TaskStore } from "./task-store.js";

/** Leaves the exit code of a command behind for a kernel that was not there when it ended. */
const KEEP_EXIT = 'f=$1; shift; "$@"; c=$?; echo "$c" >"$f.new" && mv -f "$f.new" "$f"; exit "$c"';

export interface CommandStart {
  record: TaskRecord & { command: string };
  store: TaskStore;
  processes: ProcessGroups;
  cwd: string;
  env: Readonly<Record<string, string>>;
  onStarted: (process: { pgid: number; startTime: string }) => void;
}

export interface RunningCommand {
  /** Settles when the command has ended and its output is in the file. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  kill(graceMs: number): Promise<void>;
}

/** Starts the command with bash, or sh where there is none. Throws when neither can be started. */
export async function startCommand(start: CommandStart): Promise<RunningCommand> {
  try {
    return await startWith("bash", start);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return await startWith("sh", start);
  }
}

async function startWith(shell: string, start: CommandStart): Promise<RunningCommand> {
  const { record, store, processes, cwd, env, onStarted } = start;
  const outputFile = store.outputFile(record.task_id);
  const argv = [shell, "-c", record.command] as const;
  if (record.keep_alive) {
    const kept = ["sh", "-c", KEEP_EXIT, "sh", store.exitFile(record.task_id), ...argv] as const;
    const outlive = { outputFile };
    return await processes.spawn({ argv: [...kept], cwd, env, outlive, onOutput: () => {}, onStarted });
  }
  const log = new OutputLog(outputFile);
  let running: RunningProcess;
  try {
    const onOutput = (chunk: Buffer) => log.append(chunk);
    running = await processes.spawn({ argv: [...argv], cwd, env, mergeOutput: true, onOutput, onStarted });
  } catch (error) {
    log.close();
    throw error;
  }
  const exited = running.exited.finally(() => log.close());
  return { exited, kill: (graceMs) => running.kill(graceMs) };
}

/** True while the process of a record lives: the same pid with the same start time. */
export function isProcessAlive({ process }: TaskRecord): boolean {
  if (process === null || process.start_time === "") return false;
  return processStartTime(process.pgid) === process.start_time;
}
