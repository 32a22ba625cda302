/**
 * Starts a program that stands at a gate. The child is a `sh` that waits for one line on its stdin and then becomes the
 * program by `exec`: same pid, same group, no other descriptor left over. When the kernel dies before it opened the
 * gate, the read sees the end of the pipe and the program never runs. Cost: one exec of `sh`. The program's stdin is
 * /dev/null or the input of the request.
 *
 * A `sh` hands on only variables whose names are valid in a shell.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { stat } from "node:fs/promises";
import { findProgram } from "./find-program.js";
import { openInput } from "./input-file.js";
import type { SpawnRequest } from "./process-groups.js";

const GATE = 'read -r _ && exec "$@"';
const NO_INPUT = " </dev/null";
const INPUT = " <&3 3<&-";
const DEFAULT_TEMP = "/tmp";
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
  const file = request.outlive?.outputFile;
  const merged = request.mergeOutput === true || file !== undefined;
  const piped = request.stdin === "pipe";
  const source = request.input === undefined ? NO_INPUT : INPUT;
  const gate = `${GATE}${piped ? "" : source}${merged ? " 2>&1" : ""}`;
  const opened: number[] = [];
  const open = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  let child: ChildProcess;
  try {
    const output = file === undefined ? "pipe" : open(openSync(file, "a", 0o600));
    const input =
      request.input === undefined ? [] : [open(openInput(request.input, request.env.TMPDIR ?? DEFAULT_TEMP))];
    child = spawn("/bin/sh", ["-c", gate, "sh", program, ...rest], {
      cwd: request.cwd,
      env: request.env,
      detached: true,
      stdio: ["pipe", output, merged ? "ignore" : "pipe", ...input],
    });
  } finally {
    for (const fd of opened) closeSync(fd);
  }
  // The gate may be killed before it is opened.
  child.stdin?.on("error", () => {});
  if (child.pid === undefined) throw await startError(child, request.cwd);
  child.on("error", () => {});
  return { child, pid: child.pid, open: () => void (piped ? child.stdin?.write("\n") : child.stdin?.end("\n")) };
}

/** Node reports a missing working directory as a missing program; say which it was. */
async function startError(child: ChildProcess, cwd: string): Promise<Error> {
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => child.once("error", resolve));
  const folder = await stat(cwd).catch(() => null);
  if (folder?.isDirectory()) return error;
  return Object.assign(new Error(`working directory does not exist: ${cwd}`), { code: error.code, syscall: "chdir" });
}
