/** Runs the kernel as a child process of the host. */
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { stdioTransport } from "../wire/transport.js";
import { type ChildOutput, childOutput } from "./child-output.js";
import { KernelProcessError } from "./errors.js";
import type { ExitInfo, KernelLauncher, Launched, LaunchRequest } from "./launcher.js";
import { guardAgainstOrphans } from "./orphan-guard.js";
import { oomKills, ranOutOfMemory } from "./out-of-memory.js";
import { ProcessGroup } from "./process-group.js";
import { secretValues } from "./redact.js";
import { sidecarEnvironment } from "./sidecar-environment.js";
import { refuseForeignProgram, startFailure } from "./start-failure.js";
import { StderrTail } from "./stderr-tail.js";

const EOF_GRACE_MS = 2_000;
const TERM_GRACE_MS = 1_000;
/** For what is still in the pipe when the kernel has gone; a process that escaped may hold it open. */
const STDERR_DRAIN_MS = 100;

export interface SidecarOptions {
  /** Program and arguments of the kernel, without `--wire` and its flags. */
  command: readonly [string, ...string[]];
  /** Where the kernel runs. */
  cwd: string;
  /** All of its environment: nothing of the host's is added. */
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * A launcher for this command. The kernel leads its own process group, which is killed with it; what would change how
 * Node runs it is not passed on. The caller stops or kills what was launched; when the host dies before, the kernel
 * ends by the end of its input, and a guard kills it some seconds later if it did not.
 */
export function sidecarLauncher(options: SidecarOptions): KernelLauncher {
  return { mode: "sidecar", launch: (request) => launch(options, request) };
}

async function launch({ command, cwd, env }: SidecarOptions, request: LaunchRequest): Promise<Launched> {
  const [program, ...args] = [...command, "--wire", ...request.args] as const;
  const { execa } = await import("execa");
  // From here to the return nothing waits, so there is no kernel that an abort could miss.
  if (request.signal.aborted) {
    throw new KernelProcessError("aborted", "The start of the kernel was given up.", { cause: request.signal.reason });
  }
  refuseForeignProgram({ program, cwd });
  const oomKillsBefore = oomKills();
  const spawnChild = () =>
    execa(program, args, {
      cwd,
      env: sidecarEnvironment(env, program),
      extendEnv: false,
      detached: process.platform !== "win32",
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      buffer: false,
      reject: false,
    });
  let child: ReturnType<typeof spawnChild>;
  try {
    child = spawnChild();
  } catch (error) {
    // What no system call could take: a NUL in a flag.
    throw startFailure(error, { program, cwd });
  }
  for (const emitter of [child, child.stdin, child.stderr]) emitter.on("error", () => {});
  const { pid } = child;
  if (pid === undefined) throw startFailure((await child).cause, { program, cwd });

  const group = new ProcessGroup(pid);
  const output = childOutput(child.stdout);
  const exited = watchEnd(child, child.stderr, { pid, group, output, secrets: secretValues(env), oomKillsBefore });
  let stopping: Promise<ExitInfo> | null = null;
  return {
    pid,
    transport: stdioTransport(output.readable, child.stdin),
    exited,
    stop: () => {
      stopping ??= stop(group, () => child.stdin.end(), exited);
      return stopping;
    },
    kill: () => {
      group.signal("SIGKILL");
      return exited;
    },
  };
}

interface Watched {
  pid: number;
  group: ProcessGroup;
  output: ChildOutput;
  secrets: readonly string[];
  oomKillsBefore: number | null;
}

/** Guards the kernel, listens to its stderr, and settles when it and all of its group are gone. */
function watchEnd(child: ChildProcess, stderr: Readable, watched: Watched): Promise<ExitInfo> {
  const { group, oomKillsBefore } = watched;
  const releaseGuard = guardAgainstOrphans(watched.pid);
  const tail = new StderrTail(watched.secrets);
  stderr.on("data", (chunk: Buffer) => tail.add(chunk));
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      releaseGuard();
      watched.output.childGone();
      void Promise.all([group.sweep(), drained(stderr)]).then(() => {
        const memory = { saysNoMemory: tail.saysNoMemory(), killedByUs: group.killed };
        const counts = { oomKillsBefore, oomKillsAfter: oomKills() };
        const outOfMemory = ranOutOfMemory({ code, signal, ...memory, ...counts });
        resolve({ code, signal, stderrTail: tail.text(), outOfMemory });
      });
    });
  });
}

async function stop(group: ProcessGroup, closeInput: () => void, exited: Promise<ExitInfo>): Promise<ExitInfo> {
  closeInput();
  if (await within(exited, EOF_GRACE_MS)) return await exited;
  group.signal("SIGTERM");
  if (await within(exited, TERM_GRACE_MS)) return await exited;
  group.signal("SIGKILL");
  return await exited;
}

/** Reads a flowing pipe to its end, or for as long as it may take; it is closed then. */
async function drained(pipe: Readable): Promise<void> {
  if (!pipe.closed) await within(new Promise((resolve) => pipe.once("close", resolve)), STDERR_DRAIN_MS);
  pipe.destroy();
}

/** Whether it settled in time. */
function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, false);
    void promise.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
