/** A host of the command (`kernel -p`, `kernel chat`) as a child process: what it wrote, bounded waits, its end. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { onTestFinished } from "vitest";
import { DEFAULT_WAIT_MS, type ExitInfo, kernelCommand, kernelEnvironment } from "./kernel-process.js";
import type { Workspace } from "./workspace.js";

export interface HostOptions {
  env?: Record<string, string>;
  /** Leaves out --config-file and --work-dir. */
  bare?: boolean;
  /** Runs it on a terminal of its own, which `script` makes; stderr comes with stdout then. */
  terminal?: boolean;
  /** What stdin holds; it is closed then. Left open when missing. */
  input?: string;
}

/** Whether a terminal can be made here: util-linux only, other systems know other flags. */
export const hasTerminal =
  spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") === true;

/** Starts the command with these words; it is killed when the test ends. */
export function startHost(workspace: Workspace, args: readonly string[], options: HostOptions = {}): HostProcess {
  const config = options.bare ? [] : ["--config-file", workspace.configFile, "--work-dir", workspace.workDir];
  const command = [...kernelCommand(), ...args, ...config];
  const line = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const [program, ...words] = options.terminal ? ["script", "-qefc", line, "/dev/null"] : command;
  const child = spawn(program as string, words, {
    cwd: workspace.workDir,
    env: kernelEnvironment(workspace, { TERM: "xterm", ...options.env }),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const host = new HostProcess(child);
  onTestFinished(() => host.kill());
  if (options.input !== undefined) child.stdin.end(options.input);
  return host;
}

/** Runs it to its end with stdin closed after `input`. */
export async function runHost(
  workspace: Workspace,
  args: readonly string[],
  options: HostOptions = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const host = startHost(workspace, args, { input: "", ...options });
  const { code } = await host.exit();
  return { code, stdout: host.stdout, stderr: host.stderr };
}

export class HostProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly exited: Promise<ExitInfo>;
  stdout = "";
  stderr = "";
  #from = 0;
  #wake: () => void = () => {};

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      this.stdout += chunk;
      this.#wake();
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      this.stderr += chunk;
      this.#wake();
    });
    child.stdin.on("error", () => {});
    this.exited = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        resolve({ code, signal });
        this.#wake();
      });
    });
  }

  write(text: string): void {
    this.child.stdin.write(text);
  }

  /** Waits until stdout holds `text` behind what was waited for before. */
  async see(text: string, waitMs = DEFAULT_WAIT_MS): Promise<void> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const at = this.stdout.indexOf(text, this.#from);
      if (at >= 0) {
        this.#from = at + text.length;
        return;
      }
      const left = deadline - Date.now();
      const isGone = this.child.exitCode !== null || this.child.signalCode !== null;
      if (left <= 0 || (isGone && this.child.stdout.readableEnded)) {
        throw new Error(
          `no ${JSON.stringify(text)} ${isGone ? "before the exit" : `in ${waitMs} ms`}\n${this.#context()}`,
        );
      }
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  async exit(waitMs = DEFAULT_WAIT_MS): Promise<ExitInfo> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no exit in ${waitMs} ms\n${this.#context()}`)), waitMs);
    });
    return await Promise.race([this.exited, late]).finally(() => clearTimeout(timer));
  }

  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.exited;
  }

  #context(): string {
    return `stdout: ${this.stdout.slice(-3000)}\nstderr: ${this.stderr.slice(-2000)}`;
  }
}
