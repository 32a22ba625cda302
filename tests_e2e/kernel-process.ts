/**
 * A kernel under test as a child process: whole lines in, whole lines out, every wait bounded. `KERNEL_E2E_CMD`
 * chooses the command (JSON array or words), so that the same suite runs against any Wire kernel.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { trafficRecord } from "./traffic-record.js";
import type { Workspace } from "./workspace.js";

export interface Message {
  jsonrpc?: string;
  id?: string | number | null;
  method?: string;
  params?: { type: string; payload: Record<string, unknown>; [key: string]: unknown };
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: unknown };
}

export interface ExitInfo {
  code: number | null;
  signal: string | null;
}

export const DEFAULT_WAIT_MS = 8_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The command under test, as an argv. */
export function kernelCommand(): string[] {
  const text = process.env.KERNEL_E2E_CMD;
  if (text === undefined || text === "") return [process.execPath, join(root, "bin", "kernel.js")];
  return text.trimStart().startsWith("[") ? (JSON.parse(text) as string[]) : text.split(/\s+/);
}

/** The environment every kernel under test gets: nothing of the developer's own models, keys or folders. */
export function kernelEnvironment(workspace: Workspace, extra: Record<string, string> = {}): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const name of ["PATH", "LANG", "TMPDIR", "SystemRoot"]) {
    const value = process.env[name];
    if (value !== undefined) inherited[name] = value;
  }
  const places = { HOME: workspace.home, USERPROFILE: workspace.home, KIMI_SHARE_DIR: workspace.share };
  return { ...inherited, ...places, ...extra };
}

export interface StartOptions {
  args?: readonly string[];
  env?: Record<string, string>;
  /** Leaves out --config-file (for tests of configuration). */
  bare?: boolean;
  /** Put before the command, e.g. ["env", "-u", "HOME"]. */
  through?: readonly string[];
}

/** Starts `kernel --wire`; the process is killed when the test ends. */
export function startKernel(workspace: Workspace, options: StartOptions = {}): KernelProcess {
  const [program, ...head] = [...(options.through ?? []), ...kernelCommand()];
  const config = options.bare ? [] : ["--config-file", workspace.configFile];
  const args = [...head, "--wire", ...config, "--work-dir", workspace.workDir, ...(options.args ?? [])];
  const child = spawn(program as string, args, {
    cwd: workspace.workDir,
    env: kernelEnvironment(workspace, options.env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const kernel = new KernelProcess(child);
  onTestFinished(() => kernel.kill());
  return kernel;
}

export class KernelProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly exited: Promise<ExitInfo>;
  /** Everything received so far, in order. */
  readonly log: Message[] = [];
  /** Lines on stdout that were not JSON objects; a clean kernel has none. */
  readonly noise: string[] = [];
  stderr = "";
  #cursor = 0;
  /** Pieces of the line that is not whole yet: joined once, so that a huge line costs linear time. */
  #partial: string[] = [];
  #nextId = 0;
  #wake: () => void = () => {};
  readonly #record = trafficRecord();

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (chunk: string) => this.#read(chunk));
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (chunk: string) => {
      this.stderr += chunk;
    });
    child.stdin.on("error", () => {});
    this.exited = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        resolve({ code, signal });
        this.#record?.save();
        this.#wake();
      });
      child.on("error", () => resolve({ code: null, signal: null }));
    });
  }

  /** Writes bytes as they are. */
  raw(data: string | Uint8Array): void {
    this.child.stdin.write(data);
  }

  send(message: Message | Record<string, unknown>): void {
    this.#record?.pass(message as Message);
    this.raw(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  /** Sends a request and returns its id without waiting. */
  request(method: string, params?: unknown, id: string | number = `c${++this.#nextId}`): string | number {
    this.send({ id, method, ...(params === undefined ? {} : { params }) } as Message);
    return id;
  }

  /** Sends a request and waits for its response; what arrives before stays in `log`. */
  async call(method: string, params?: unknown, waitMs = DEFAULT_WAIT_MS): Promise<Message> {
    return await this.response(this.request(method, params), waitMs);
  }

  async initialize(extra: Record<string, unknown> = {}): Promise<Message> {
    return await this.call("initialize", { protocol_version: "1.10", ...extra });
  }

  /** Waits for the response with this id, wherever it is in the stream. */
  async response(id: string | number | null, waitMs = DEFAULT_WAIT_MS): Promise<Message> {
    return await this.find((m) => m.method === undefined && m.id === id, `response ${id}`, waitMs);
  }

  /** Waits for the next message, from the cursor on, that matches; the cursor moves behind it. */
  async next(match: (message: Message) => boolean, what: string, waitMs = DEFAULT_WAIT_MS): Promise<Message> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      while (this.#cursor < this.log.length) {
        const message = this.log[this.#cursor++] as Message;
        if (match(message)) return message;
      }
      await this.#more(deadline, what);
    }
  }

  async event(type: string, waitMs = DEFAULT_WAIT_MS): Promise<Record<string, unknown>> {
    const match = (m: Message) => m.method === "event" && m.params?.type === type;
    return (await this.next(match, `event ${type}`, waitMs)).params?.payload as Record<string, unknown>;
  }

  /** Waits for the next request of this type; answer it with `answer`. */
  async serverRequest(type: string, waitMs = DEFAULT_WAIT_MS): Promise<Message> {
    return await this.next((m) => m.method === "request" && m.params?.type === type, `request ${type}`, waitMs);
  }

  answer(request: Message, result: unknown): void {
    this.send({ id: request.id as string, result } as Message);
  }

  approve(
    request: Message,
    response: "approve" | "approve_for_session" | "reject" = "approve",
    feedback?: string,
  ): void {
    const reason = feedback === undefined ? {} : { feedback };
    this.answer(request, { request_id: request.id, response, ...reason });
  }

  /** Closes stdin and waits for the exit. */
  async close(waitMs = DEFAULT_WAIT_MS): Promise<ExitInfo> {
    this.child.stdin.end();
    return await this.exit(waitMs);
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

  /** Waits for a message anywhere in the log. */
  async find(match: (message: Message) => boolean, what: string, waitMs = DEFAULT_WAIT_MS): Promise<Message> {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const found = this.log.find(match);
      if (found !== undefined) return found;
      await this.#more(deadline, what);
    }
  }

  #read(chunk: string): void {
    const lines = chunk.split("\n");
    const rest = lines.pop() as string;
    for (const line of lines) {
      this.#line(this.#partial.join("") + line);
      this.#partial = [];
    }
    this.#partial.push(rest);
    this.#wake();
  }

  #line(line: string): void {
    try {
      const message: unknown = JSON.parse(line);
      if (typeof message === "object" && message !== null && !Array.isArray(message)) {
        this.log.push(message as Message);
        this.#record?.pass(message as Message);
        return;
      }
    } catch {
      // Not JSON: noise, judged by the test.
    }
    this.noise.push(line);
  }

  async #more(deadline: number, what: string): Promise<void> {
    const length = this.log.length;
    if (this.child.exitCode !== null || this.child.signalCode !== null) await this.exited;
    if (this.log.length > length) return;
    const left = deadline - Date.now();
    const gone = this.child.exitCode !== null || this.child.signalCode !== null;
    if (left <= 0 || gone)
      throw new Error(`${gone ? "kernel exited" : "timeout"} waiting for ${what}\n${this.#context()}`);
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, left);
    });
    clearTimeout(timer);
  }

  #context(): string {
    const tail = this.log.slice(-12).map((m) => JSON.stringify(m).slice(0, 300));
    return `last messages:\n${tail.join("\n")}\nstderr: ${this.stderr.slice(-2000)}`;
  }
}
