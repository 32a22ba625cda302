/** hosts/attended-host.mjs as a child process, and what it says. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onLines } from "../lf-lines.mjs";
import type { CrashFolder } from "./crash-folder.js";
import { kernelProgram } from "./supervised-run.js";

export interface HostLine {
  approval?: string;
  state?: string;
  cause?: string | null;
  mode?: string | null;
  event?: string;
  text?: string;
  openTurn?: string | null;
  outcome?: string;
  blocked?: true;
}

export interface AttendedHostOptions {
  folder: CrashFolder;
  session: string;
  prompt?: string;
  resume?: true;
  answers: boolean;
  blockMs?: number;
  blockAfterMs?: number;
  kernel?: "sidecar" | "in-process" | "auto";
  /** Added to the environment of host and kernel. */
  env?: Readonly<Record<string, string>>;
}

export class AttendedHost {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: HostLine[] = [];
  stderr = "";
  #wake: () => void = () => {};
  #over = false;

  /** The caller kills it. */
  constructor({ folder, kernel = "sidecar", env: more = {}, ...options }: AttendedHostOptions) {
    const { configFile, workDir: cwd } = folder;
    const args = ["--config-file", configFile, "--work-dir", cwd];
    const env = folder.environment(more);
    const file = fileURLToPath(new URL("../hosts/attended-host.mjs", import.meta.url));
    const all = { ...options, kernel, args, cwd, env, command: kernelProgram };
    // Its own group: what is sent to the host alone must not reach the kernel.
    this.child = spawn(process.execPath, [file, JSON.stringify(all)], { cwd, env, detached: true });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    onLines(this.child.stdout, (line) => {
      this.lines.push(JSON.parse(line) as HostLine);
      this.#wake();
    });
    this.child.on("close", () => {
      this.#over = true;
      this.#wake();
    });
  }

  /** Waits for the first line that matches; throws when there is none in time, or none any more. */
  async line(what: string, match: (line: HostLine) => boolean, waitMs = 20_000): Promise<HostLine> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const found = this.lines.find(match);
      if (found !== undefined) return found;
      const left = deadline - performance.now();
      if (left <= 0 || this.#over)
        throw new Error(`no ${what}: ${JSON.stringify(this.lines.slice(-9))} ${this.stderr}`);
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  /** Status of the turn or code of its error; the host has closed its client by then. */
  async outcome(waitMs?: number): Promise<string> {
    return (await this.line("outcome", ({ outcome }) => outcome !== undefined, waitMs)).outcome as string;
  }

  /** Kinds of the deaths that the client told of. */
  get verdicts(): string[] {
    return this.lines.flatMap(({ cause }) => (cause == null ? [] : [cause]));
  }

  get text(): string {
    return this.lines.map(({ text = "" }) => text).join("");
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}
