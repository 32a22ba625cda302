/** Runs the kernel as a child process of the host. */
import { execa } from "execa";
import { stdioTransport } from "../wire/transport.js";
import { KernelProcessError } from "./errors.js";
import type { ExitInfo, KernelLauncher, Launched, LaunchRequest } from "./launcher.js";

const STDERR_TAIL = 4096;
const EOF_GRACE_MS = 2_000;
const TERM_GRACE_MS = 1_000;

export interface SidecarOptions {
  /** Program and arguments of the kernel, without `--wire` and its flags. */
  command: readonly [string, ...string[]];
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** A launcher for this command. The kernel leads its own process group; what would change how Node runs it is not passed on. */
export function sidecarLauncher(options: SidecarOptions): KernelLauncher {
  return { mode: "sidecar", launch: (request) => launch(options, request) };
}

async function launch({ command, cwd, env }: SidecarOptions, request: LaunchRequest): Promise<Launched> {
  const [program, ...args] = [...command, "--wire", ...request.args] as const;
  const { NODE_OPTIONS: _dropped, ...childEnv } = env;
  const child = execa(program, args, {
    cwd,
    env: childEnv,
    extendEnv: false,
    detached: process.platform !== "win32",
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: false,
    reject: false,
    cleanup: true,
  });
  let stderrTail = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (chunk: string) => {
    stderrTail = (stderrTail + chunk).slice(-STDERR_TAIL);
  });
  const exited = new Promise<ExitInfo>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal, stderrTail, outOfMemory: false }));
  });
  await started(child, program);
  const pid = child.pid as number;
  return {
    pid,
    transport: stdioTransport(child.stdout, child.stdin),
    exited,
    stop: () => stop(pid, () => child.stdin.end(), exited),
    kill: () => {
      signalGroup(pid, "SIGKILL");
      return exited;
    },
  };
}

function started(
  child: { once: NodeJS.EventEmitter["once"]; pid?: number | undefined },
  program: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error: Error) => {
      reject(new KernelProcessError("spawn_failed", `Cannot start ${program}: ${error.message}`, { cause: error }));
    });
  });
}

async function stop(pid: number, closeInput: () => void, exited: Promise<ExitInfo>): Promise<ExitInfo> {
  closeInput();
  const quietly = await within(exited, EOF_GRACE_MS);
  if (quietly !== null) return quietly;
  signalGroup(pid, "SIGTERM");
  const terminated = await within(exited, TERM_GRACE_MS);
  if (terminated !== null) return terminated;
  signalGroup(pid, "SIGKILL");
  return await exited;
}

function within<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    // Already gone.
  }
}
