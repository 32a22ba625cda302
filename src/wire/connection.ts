import { createMessageConnection, type MessageConnection } from "vscode-jsonrpc";
import { type CloseReason, ConnectionLife } from "./connection-life.js";
import type { ConnectionOptions } from "./connection-options.js";
import { dispatch, type Handlers, type MethodTable } from "./dispatch.js";
import { WireError } from "./errors.js";
import type { Frame, FrameDecoder } from "./frame.js";
import { createFraming, MAX_MESSAGE_BYTES } from "./framing.js";
import { OrderedWriter } from "./ordered-writer.js";
import { cancelled, PendingCalls } from "./pending-calls.js";
import { failCall, type IgnoreReason, RpcAdapter, toResponseError } from "./rpc-adapter.js";

const FLUSH_MS = 1000;
const WRITE_FAILURE_GRACE_MS = 500;

/** One end of a JSON-RPC conversation; both ends can serve and ask. */
export interface Connection<T extends MethodTable = MethodTable> {
  /** Starts reading and serving. To be called once. */
  serve(handlers: Handlers<T>): void;
  /**
   * Asks the peer and gives its result, unchecked. `id` is the id on the wire, else a fresh one. Rejects with a
   * WireError: the peer's own, `closed` on any death of the peer, `cancelled` when `signal` aborts (a late answer is
   * then ignored), `invalid_response`, `duplicate_id`, `not_serving`, `unserialisable`, `line_too_long`.
   */
  request(method: string, params?: object, options?: { id?: string; signal?: AbortSignal }): Promise<unknown>;
  /** Whether a new request may have this id: no other one has it or may still get its one late answer. */
  isIdFree(id: string): boolean;
  /** Writes lines made by `jsonLine` or `escapeLine`, in order with everything else. False when they were dropped. */
  writeLines(lines: string | readonly string[]): boolean;
  /** Null while little is unread; otherwise resolves when the peer has caught up or the output has closed. */
  ready(): Promise<void> | null;
  readonly queuedBytes: number;
  /** As OrderedWriter has it: it only grows, so that whoever looks again knows whether the peer has read. */
  readonly takenBytes: number;
  readonly droppedLines: number;
  /** How often input had no effect, by reason. */
  readonly ignored: Readonly<Partial<Record<IgnoreReason, number>>>;
  /** Aborts when the connection is over. */
  readonly signal: AbortSignal;
  /** Resolves when no more calls or answers can come. What is written until `close` still goes out if the peer reads. */
  readonly closed: Promise<CloseReason>;
  /** Resolves once nothing can be written any more, with the error of the stream or null. Never rejects. */
  readonly outputClosed: Promise<Error | null>;
  /** Rejects what is pending, flushes for at most `flushMs`, closes the transport. True when all was flushed. */
  close(flushMs?: number): Promise<boolean>;
}

/** Makes the connection of one transport, which its `close()` closes. Nothing is read before `serve()`. */
export function createConnection<T extends MethodTable>(options: ConnectionOptions<T>): Connection<T> {
  return new RpcConnection(options);
}

class RpcConnection<T extends MethodTable> implements Connection<T> {
  readonly ignored: Partial<Record<IgnoreReason, number>> = {};
  readonly #options: ConnectionOptions<T>;
  readonly #out: OrderedWriter;
  readonly #decoder: FrameDecoder;
  readonly #adapter: RpcAdapter;
  readonly #rpc: MessageConnection;
  readonly #life: ConnectionLife;
  readonly #calls = new PendingCalls();
  #serving = false;
  #closing: Promise<boolean> | null = null;
  #lastId = 0;

  constructor(options: ConnectionOptions<T>) {
    const framing = createFraming(options.framing ?? "ndjson", options.maxMessageBytes);
    this.#options = options;
    this.#decoder = framing.decoder;
    this.#out = new OrderedWriter(options.transport.writable, {
      encode: framing.encode,
      ...(options.unreadLimitBytes === undefined ? {} : { limit: options.unreadLimitBytes }),
    });
    this.#life = new ConnectionLife({
      graceMs: options.writeFailureGraceMs ?? WRITE_FAILURE_GRACE_MS,
      onOver: (error) => this.#onOver(error),
    });
    this.#adapter = new RpcAdapter({
      out: this.#out,
      maxBytes: options.maxMessageBytes ?? MAX_MESSAGE_BYTES,
      answerBadLines: options.answerBadLines ?? true,
      onNotification: options.onNotification ?? null,
      onIgnored: (reason, detail) => {
        this.ignored[reason] = (this.ignored[reason] ?? 0) + 1;
        options.onIgnored?.(reason, detail);
      },
      onIdle: () => this.#life.idle(),
    });
    this.#rpc = createMessageConnection(this.#adapter.reader, this.#adapter.writer, undefined, {
      messageStrategy: {
        handleMessage: (message, next) => {
          const result = next(message);
          this.#adapter.handled();
          return result;
        },
      },
    });
    this.#watch();
  }

  get signal(): AbortSignal {
    return this.#life.signal;
  }

  get closed(): Promise<CloseReason> {
    return this.#life.closed;
  }

  get outputClosed(): Promise<Error | null> {
    return this.#out.closed;
  }

  get queuedBytes(): number {
    return this.#out.queuedBytes;
  }

  get takenBytes(): number {
    return this.#out.takenBytes;
  }

  get droppedLines(): number {
    return this.#out.droppedLines;
  }

  serve(handlers: Handlers<T>): void {
    if (this.#serving) {
      throw new WireError("already_serving", "serve() may be called once");
    }
    this.#serving = true;
    if (this.#life.over) {
      return;
    }
    const { methods } = this.#options;
    this.#rpc.onRequest((method, params) =>
      dispatch(methods, handlers, { method, rawParams: params, signal: this.signal }).catch(toResponseError),
    );
    this.#rpc.listen();
    this.#options.transport.readable.on("data", this.#onData);
  }

  request(method: string, params?: object, options: { id?: string; signal?: AbortSignal } = {}): Promise<unknown> {
    const id = options.id ?? this.#freshId();
    const { signal } = options;
    const refusal = this.#refusal(id, signal);
    if (refusal !== null) {
      return Promise.reject(refusal);
    }
    return this.#calls.open(id, signal, {
      start: () => this.#adapter.outgoing.sendAs(id, params, () => this.#rpc.sendRequest(method)).catch(failCall),
      giveUp: () => this.#adapter.giveUp(id),
    });
  }

  isIdFree(id: string): boolean {
    return this.#adapter.outgoing.isFree(id);
  }

  writeLines(lines: string | readonly string[]): boolean {
    return this.#out.write(lines);
  }

  ready(): Promise<void> | null {
    return this.#out.ready();
  }

  close(flushMs = FLUSH_MS): Promise<boolean> {
    this.#closing ??= this.#shut(flushMs);
    return this.#closing;
  }

  async #shut(flushMs: number): Promise<boolean> {
    this.#life.finish({ kind: "closed", error: null });
    const flushed = await this.#out.end(flushMs);
    await this.#options.transport.close();
    return flushed;
  }

  #watch(): void {
    const { transport, signal } = this.#options;
    const { readable } = transport;
    readable.on("end", () => this.#inputEnded({ kind: "eof", error: null }));
    readable.on("error", (error: Error) => this.#inputEnded({ kind: "read_failed", error }));
    readable.on("close", () => this.#inputEnded({ kind: "read_failed", error: null }));
    void this.#out.closed.then((error) => this.#life.outputLost(error));
    const abort = (): void => this.#life.finish({ kind: "aborted", error: null });
    signal?.addEventListener("abort", abort, { once: true, signal: this.signal });
    if (signal?.aborted === true) {
      abort();
    } else if (readable.destroyed) {
      this.#inputEnded({ kind: "read_failed", error: readable.errored });
    }
  }

  readonly #onData = (chunk: Uint8Array): void => this.#receive(this.#decoder.push(chunk));

  #receive(frames: Frame[]): void {
    for (const frame of frames) {
      if (!this.#life.over) {
        this.#adapter.receive(frame);
      }
    }
  }

  #inputEnded(reason: CloseReason): void {
    if (this.#life.over || !this.#life.inputEnded(reason)) {
      return;
    }
    this.#receive(this.#decoder.end());
    if (this.#adapter.idle) {
      this.#life.idle();
    }
  }

  #onOver(error: WireError): void {
    const { readable } = this.#options.transport;
    readable.off("data", this.#onData);
    readable.pause();
    this.#calls.failAll(error);
    this.#rpc.dispose();
  }

  #refusal(id: string, signal: AbortSignal | undefined): WireError | null {
    if (this.#life.over || !this.#out.writable) {
      return new WireError("closed", "The connection is closed");
    }
    if (!this.#serving) {
      return new WireError("not_serving", "Call serve() before the first request");
    }
    if (signal?.aborted === true) {
      return cancelled(signal);
    }
    return this.isIdFree(id) ? null : new WireError("duplicate_id", `A request with the id ${id} is pending`);
  }

  #freshId(): string {
    do {
      this.#lastId++;
    } while (!this.isIdFree(String(this.#lastId)));
    return String(this.#lastId);
  }
}
