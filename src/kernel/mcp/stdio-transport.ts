/**
 * An MCP server as a tool process: leader of its own group, known to the watchdog, scrubbed environment. One JSON-RPC
 * message a line; anything else on its stdout is logged and skipped, because servers print there.
 */
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import { settledWithin } from "../abort.js";
import type { ProcessExit, ProcessGroups, RunningProcess } from "../processes/process-groups.js";
import { FloodGuard } from "./flood-guard.js";
import { LineSplitter } from "./line-splitter.js";
import type { ServerLog } from "./server-log.js";

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_STDERR_LINE_BYTES = 64 * 1024;
/** What may wait for a server that does not read. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
/** How long a server may take to end by itself after its stdin was closed. */
const END_GRACE_MS = 150;

export interface StdioTransportOptions {
  processes: ProcessGroups;
  argv: readonly [string, ...string[]];
  cwd: string;
  env: Readonly<Record<string, string>>;
  log: ServerLog;
  /** Of the SDK: checks one line and gives the message, or throws. */
  parse(line: string): JSONRPCMessage;
}

export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #options: StdioTransportOptions;
  readonly #flood = new FloodGuard();
  readonly #stdout = new LineSplitter(MAX_MESSAGE_BYTES, (line) => this.#line(line));
  #stderr: LineSplitter;
  #process: RunningProcess | null = null;
  #closing = false;
  #ended = false;
  /** Why there is no connection any more, for a person; null while there is one. */
  endReason: string | null = null;

  constructor(options: StdioTransportOptions) {
    this.#options = options;
    this.#stderr = this.#stderrLines();
  }

  /** Starts the process. Throws when the program cannot be started. */
  async start(): Promise<void> {
    const { processes, argv, cwd, env } = this.#options;
    const running = await processes.spawn({
      argv,
      cwd,
      env,
      stdin: "pipe",
      onOutput: (chunk, source) => this.#read(chunk, source),
    });
    this.#process = running;
    void running.exited.then((exit) => this.#end(exitReason(exit)));
    if (this.#closing) await running.kill();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#process?.stdin;
    if (!stdin?.writable || this.#ended) throw new Error(this.endReason ?? "the server is not running");
    if (stdin.writableLength > MAX_UNREAD_BYTES) this.#giveUp("it does not read its input");
    else stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Closes stdin, gives the server a moment, then ends its group. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#closing = true;
    const running = this.#process;
    if (running !== null) {
      running.stdin?.end();
      await settledWithin(running.exited, END_GRACE_MS);
      await running.kill();
    }
    this.#end("it was closed");
  }

  #read(chunk: Buffer, source: "stdout" | "stderr"): void {
    if (this.endReason !== null) return;
    if (this.#flood.isFlood(chunk.length)) this.#giveUp("it floods its output");
    else if (source === "stdout") {
      if (!this.#stdout.push(chunk)) this.#giveUp("it sent a message above 16 MiB");
    } else if (!this.#stderr.push(chunk)) this.#stderr = this.#stderrLines();
  }

  #line(line: string): void {
    if (line.trim() === "" || this.endReason !== null) return;
    let message: JSONRPCMessage;
    try {
      message = this.#options.parse(line);
    } catch {
      this.#options.log.line("stdout", line);
      return;
    }
    this.onmessage?.(message);
  }

  #stderrLines(): LineSplitter {
    return new LineSplitter(MAX_STDERR_LINE_BYTES, (line) => this.#options.log.line("stderr", line));
  }

  #giveUp(reason: string): void {
    this.endReason ??= reason;
    void this.#process?.kill();
    this.#end(reason);
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.endReason ??= reason;
    this.onclose?.();
  }
}

function exitReason({ code, signal }: ProcessExit): string {
  return signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
}
