/**
 * Starts a program that stands at a gate. The child is a `sh` that waits for one line on its stdin and then becomes the
 * program by `exec`: same pid, same group, no other descriptor left over. When the kernel dies before it opened the
 * gate, the read sees the end of the pipe and the program never runs. Cost: one exec of `sh`. The program's stdin is
 * /dev/null, or what follows that line on the pipe: `read` takes a pipe byte by byte, so nothing of it is lost.
 *
 * A `sh` hands on only variables whose names are valid in a shell.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { findProgram } from "./find-program.js";
import type { SpawnRequest } from "./process-groups.js";

const GATE = 'read -r _ && exec "$@"';
const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

export interface GatedProcess {
  child: ChildProcess;
  pid: number;
  /** Lets the program run. Never throws. */
  open(): void;
}

/** Throws an Error with code ENOENT, EACCES, EMFILE ... when the program or its folder cannot be used. */
export async function gatedSpawn(request: SpawnRequest): Promise<GatedProcess> {
  const [name, ...rest] = request.argv;
  const program = findProgram(name, request.env.PATH ?? DEFAULT_PATH, request.cwd);
  const merged = request.mergeOutput === true;
  const { input } = request;
  const gate = `${GATE}${input === undefined ? " </dev/null" : ""}${merged ? " 2>&1" : ""}`;
  const child = spawn("/bin/sh", ["-c", gate, "sh", program, ...rest], {
    cwd: request.cwd,
    env: request.env,
    detached: true,
    stdio: ["pipe", "pipe", merged ? "ignore" : "pipe"],
  });
  // The gate may be killed before it is opened, and a program need not read its input.
  child.stdin?.on("error", () => {});
  if (child.pid === undefined) throw await startError(child, request.cwd);
  child.on("error", () => {});
  return { child, pid: child.pid, open: () => void child.stdin?.end(`\n${input ?? ""}`) };
}

/** Node reports a missing working directory as a missing program; say which it was. */
async function startError(child: ChildProcess, cwd: string): Promise<Error> {
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => child.once("error", resolve));
  const folder = await stat(cwd).catch(() => null);
  if (folder?.isDirectory()) return error;
  return Object.assign(new Error(`working directory does not exist: ${cwd}`), { code: error.code, syscall: "chdir" });
}
