/**
 * Fake, for faults and orders that a real kernel does not give on demand: a session with a journal, and kernels over
 * memory transports that serve it by a script. Knows Wire and its extensions as wire-spec has them, and no more.
 */
import { memoryTransportPair, type Transport } from "../../wire/transport.js";
import { KernelProcessError } from "../errors.js";
import type { ExitInfo, KernelLauncher, KernelMode, Launched } from "../launcher.js";

export interface FakeLine {
  id?: string;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { code: number; message: string };
}

/** One started kernel, spoken for by the test. */
export interface FakeKernel {
  readonly args: readonly string[];
  readonly mode: KernelMode;
  /** Every line of the client. */
  readonly lines: FakeLine[];
  readonly isDead: boolean;
  send(value: unknown): void;
  raw(text: string): void;
  /** The next line of the client that was not taken yet and has this method; answers when the method is null. */
  next(method: string | null): Promise<FakeLine>;
  /** The next call of the client, whatever it asks. */
  nextCall(): Promise<FakeLine>;
  event(type: string, payload?: unknown, stamp?: object): void;
  ask(type: string, payload: { id: string }, more?: object): void;
  answer(line: FakeLine, result: unknown): void;
  refuse(line: FakeLine, code: number, message: string, data?: unknown): void;
  /** Answers initialize with these extensions. */
  greet(extensions?: readonly string[], openTurn?: object): Promise<FakeLine>;
  /** Set to end only when told, after its output has closed, once `stop` was called. */
  lingers: boolean;
  die(exit?: Partial<ExitInfo>): void;
  /** Ends its output and lives on. */
  closeOutput(): void;
}

export const ALL_EXTENSIONS = ["seq/1", "resume/1", "heartbeat/1", "grants/1"];

/** Hands out a fake kernel for each launch, in order; `failures` makes launches of this launcher fail, first ones first. */
export class FakeLaunches {
  readonly all: FakeKernel[] = [];
  /** How many lived at the same time at most. */
  maxAlive = 0;
  #taken = 0;
  #wake: () => void = () => {};
  #alive = 0;

  launcher(mode: KernelMode = "sidecar", failures: KernelProcessError[] = []): KernelLauncher {
    return {
      mode,
      launch: async ({ args, signal }) => {
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
        if (signal.aborted) throw new KernelProcessError("aborted", "The start was given up");
        this.#alive += 1;
        this.maxAlive = Math.max(this.maxAlive, this.#alive);
        const { kernel, launched } = startFake(mode, args, () => {
          this.#alive -= 1;
        });
        this.all.push(kernel);
        this.#wake();
        return launched;
      },
    };
  }

  /** The next kernel that is started. */
  async next(): Promise<FakeKernel> {
    while (this.all.length <= this.#taken) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#taken += 1;
    return this.all[this.#taken - 1] as FakeKernel;
  }
}

function startFake(mode: KernelMode, args: readonly string[], onDead: () => void) {
  const [kernelSide, clientSide] = memoryTransportPair();
  let settleExit: (exit: ExitInfo) => void = () => {};
  const exited = new Promise<ExitInfo>((resolve) => {
    settleExit = resolve;
  });
  const kernel = new ScriptedPeer(mode, args, kernelSide, (exit) => {
    onDead();
    settleExit(exit);
  });
  const end = (signal: string | null): Promise<ExitInfo> => {
    kernel.die({ code: signal === null ? 0 : null, signal });
    return exited;
  };
  const launched: Launched = {
    transport: clientSide,
    pid: null,
    exited,
    stop: () => {
      if (!kernel.lingers) return end(null);
      kernel.closeOutput();
      return exited;
    },
    kill: () => end("SIGKILL"),
  };
  return { kernel, launched };
}

class ScriptedPeer implements FakeKernel {
  readonly lines: FakeLine[] = [];
  readonly args: readonly string[];
  readonly mode: KernelMode;
  isDead = false;
  lingers = false;
  readonly #transport: Transport;
  readonly #onDead: (exit: ExitInfo) => void;
  readonly #untaken: FakeLine[] = [];
  #wakers: (() => void)[] = [];

  constructor(mode: KernelMode, args: readonly string[], transport: Transport, onDead: (exit: ExitInfo) => void) {
    this.mode = mode;
    this.args = args;
    this.#transport = transport;
    this.#onDead = onDead;
    let rest = "";
    transport.readable.setEncoding("utf8");
    transport.readable.on("error", () => {});
    transport.writable.on("error", () => {});
    transport.readable.on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) this.#take(JSON.parse(part) as FakeLine);
    });
  }

  send(value: unknown): void {
    this.raw(`${JSON.stringify(value)}\n`);
  }

  raw(text: string): void {
    if (!this.isDead) this.#transport.writable.write(text);
  }

  next(method: string | null): Promise<FakeLine> {
    return this.#find((line) => (line.method ?? null) === method);
  }

  nextCall(): Promise<FakeLine> {
    return this.#find(({ method }) => method !== undefined);
  }

  async #find(wanted: (line: FakeLine) => boolean): Promise<FakeLine> {
    for (;;) {
      const at = this.#untaken.findIndex(wanted);
      const [line] = at === -1 ? [] : this.#untaken.splice(at, 1);
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => this.#wakers.push(resolve));
    }
  }

  event(type: string, payload: unknown = {}, stamp: object = {}): void {
    this.send({ jsonrpc: "2.0", method: "event", params: { type, payload, ...stamp } });
  }

  ask(type: string, payload: { id: string }, more: object = {}): void {
    this.send({ jsonrpc: "2.0", id: payload.id, method: "request", params: { type, payload, ...more } });
  }

  answer({ id }: FakeLine, result: unknown): void {
    this.send({ jsonrpc: "2.0", id, result });
  }

  refuse({ id }: FakeLine, code: number, message: string, data: unknown = null): void {
    this.send({ jsonrpc: "2.0", id, error: { code, message, data } });
  }

  async greet(extensions: readonly string[] = [], openTurn?: object): Promise<FakeLine> {
    const line = await this.next("initialize");
    const capabilities = { supports_question: true, ...(extensions.length > 0 ? { extensions } : {}) };
    const result = {
      protocol_version: "1.10",
      server: { name: "fake", version: "0" },
      slash_commands: [],
      capabilities,
    };
    this.answer(line, openTurn === undefined ? result : { ...result, open_turn: openTurn });
    return line;
  }

  die(exit: Partial<ExitInfo> = { signal: "SIGKILL" }): void {
    if (this.isDead) return;
    this.isDead = true;
    this.#transport.writable.end();
    this.#transport.readable.destroy();
    this.#onDead({ code: null, signal: null, stderrTail: "", outOfMemory: false, ...exit });
  }

  closeOutput(): void {
    this.#transport.writable.end();
  }

  #take(line: FakeLine): void {
    this.lines.push(line);
    this.#untaken.push(line);
    for (const wake of this.#wakers.splice(0)) wake();
  }
}
