/** One thread for one kernel, made before it is known which kernel that will be. */
import { type MessagePort, Worker } from "node:worker_threads";
import { fields } from "../client/extensions.js";
import type { ExitInfo } from "../client/launcher.js";
import { secretValues } from "../client/redact.js";
import { StderrTail } from "../client/stderr-tail.js";
import type { InProcessOptions } from "./in-process-launcher.js";

/** Enough for a session of any length; a tool result above it is cut long before. */
const DEFAULT_LIMITS = { maxOldGenerationSizeMb: 512 };

/** What the thread is given when it is made. */
export interface ThreadData {
  /** It loads everything that a kernel needs, because one may be started in it soon. */
  standby: boolean;
}

/** The kernel that it is to run; told once. */
export interface ThreadStart {
  port: MessagePort;
  args: readonly string[];
  cwd: string;
}

/** What the thread says beside the wire. */
export type ThreadMessage = { kind: "ready" } | { kind: "said"; text: string };

/** A thread that nobody has started keeps no process alive. Whoever makes it starts or ends it. */
export class KernelThread {
  /** Resolves when it can be started; not at all when it is gone before. */
  readonly ready: Promise<void>;
  /** Never rejects. */
  readonly exited: Promise<ExitInfo>;
  readonly #worker: Worker;
  readonly #tail: StderrTail;
  #terminated = false;
  #isReady = false;
  #isGone = false;

  constructor(options: InProcessOptions, data: ThreadData) {
    const worker = new Worker(new URL("./kernel-worker.js", import.meta.url), {
      workerData: data,
      name: "kernel",
      env: threadEnvironment(options.env),
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { ...DEFAULT_LIMITS, ...options.resourceLimits },
    });
    this.#worker = worker;
    const tail = new StderrTail(secretValues(options.env));
    this.#tail = tail;
    const note = (text: string): void => tail.add(Buffer.from(text));
    let outOfMemory = false;
    this.exited = new Promise<ExitInfo>((resolve) => {
      worker.on("error", (error: unknown) => {
        // Whatever was thrown there, also what is no error at all.
        const { code, message } = fields(error);
        outOfMemory ||= code === "ERR_WORKER_OUT_OF_MEMORY";
        note(`${typeof message === "string" ? message : String(error)}\n`);
      });
      worker.once("exit", (given) => {
        this.#isGone = true;
        const code = this.#terminated || outOfMemory ? null : given;
        resolve({ code, signal: null, stderrTail: tail.text(), outOfMemory });
      });
    });
    this.ready = new Promise((resolve) => {
      worker.on("message", (message: ThreadMessage) => {
        if (message.kind === "said") return note(`${message.text}\n`);
        this.#isReady = true;
        resolve();
      });
    });
    // Behind the listeners, each of which would hold the host again.
    if (data.standby) worker.unref();
  }

  /** True once `ready` has resolved, also when it is gone since. */
  get isReady(): boolean {
    return this.#isReady;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Runs a kernel in it. To be called once. */
  start(start: ThreadStart): void {
    const { stdout, stderr } = this.#worker;
    // Nothing may be written to the host's own streams, and an unread pipe would stop the thread. One that is read keeps
    // the host alive, so not before.
    stdout.resume();
    stderr.on("data", (chunk: Buffer) => this.#tail.add(chunk));
    this.#worker.ref();
    this.#worker.postMessage(start, [start.port]);
  }

  /** Ends it at once. Resolves when it is gone. Idempotent. */
  kill(): Promise<ExitInfo> {
    this.#terminated = true;
    void this.#worker.terminate();
    return this.exited;
  }
}

/** A copy. What would change how Node runs the thread is not passed on. */
function threadEnvironment(env: InProcessOptions["env"]): Record<string, string> {
  const { NODE_OPTIONS: _dropped, ...kept } = env;
  return Object.fromEntries(
    Object.entries(kept).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
