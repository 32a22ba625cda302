import {
  type DataCallback,
  Event,
  type Message,
  type MessageReader,
  type MessageWriter,
  RAL,
  type RequestMessage,
  ResponseError,
  type ResponseMessage,
} from "vscode-jsonrpc";
import { type ErrorObject, errorObject, fromWireError, toWireError, WireError } from "./errors.js";
import type { Frame } from "./frame.js";
import { InboundOrder } from "./inbound-order.js";
import type { OrderedWriter } from "./ordered-writer.js";
import { OutgoingCalls } from "./outgoing-calls.js";
import {
  badJson,
  badRequest,
  type Inbound,
  type InboundResponse,
  parseMessage,
  type RequestId,
} from "./parse-message.js";
import { errorLine, resultLine } from "./response-line.js";
import { rpcRuntime } from "./rpc-runtime.js";

/** Why something that arrived had no effect. `bad_line` is also counted when it was answered. */
export type IgnoreReason =
  | "empty"
  | "notification"
  | "malformed_notification"
  | "handler_failed"
  | "response_without_id"
  | "unknown_response"
  | "late_response"
  | "truncated_input"
  | "bad_line";

export interface RpcAdapterOptions {
  readonly out: OrderedWriter;
  /** The longest call or result that is written; the peer takes no longer one in. */
  readonly maxBytes: number;
  /** Whether what cannot be read gets an error with id null, as a kernel must and a client must not. */
  readonly answerBadLines: boolean;
  readonly onNotification: ((method: string, params: unknown) => void) | null;
  readonly onIgnored: (reason: IgnoreReason, detail: unknown) => void;
  readonly onIdle: () => void;
}

interface Outbound extends Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { code: number; message: string; data?: unknown };
}

const NO_DISPOSABLE = { dispose: (): void => {} };

/**
 * Stands between our framing and vscode-jsonrpc. That library numbers its calls and takes `1` and `"1"` for one id, so
 * it only ever sees ids of ours: inbound calls by a key with the id's type, its own calls by its numbers. On the wire
 * stand the peer's ids untouched and our own string ids.
 */
export class RpcAdapter {
  readonly reader: MessageReader;
  readonly writer: MessageWriter;
  readonly outgoing: OutgoingCalls;
  readonly #options: RpcAdapterOptions;
  readonly #order: InboundOrder<Message>;
  #deliver: DataCallback = () => {};
  /** Inbound calls without an answer, by typed key. */
  readonly #live = new Map<string, RequestId>();

  constructor(options: RpcAdapterOptions) {
    ensureRuntime();
    this.#options = options;
    this.outgoing = new OutgoingCalls(options.out, options.maxBytes);
    this.#order = new InboundOrder((message) => this.#deliver(message), options.onIdle);
    this.reader = {
      onError: Event.None,
      onClose: Event.None,
      onPartialMessage: Event.None,
      listen: (callback) => {
        this.#deliver = callback;
        return NO_DISPOSABLE;
      },
      dispose: () => {},
    };
    this.writer = {
      onError: Event.None,
      onClose: Event.None,
      write: async (message) => this.#write(message),
      end: () => {},
      dispose: () => {},
    };
  }

  /** Whether everything that was received has been dealt with (calls count as soon as their handler was called). */
  get idle(): boolean {
    return this.#order.idle;
  }

  /** Takes what the decoder found. */
  receive(frame: Frame): void {
    if (frame.kind === "message") {
      this.#accept(parseMessage(frame.bytes));
    } else if (frame.kind === "truncated") {
      this.#options.onIgnored("truncated_input", null);
    } else {
      this.#accept(frame.kind === "oversize" ? badRequest({ code: "line_too_long" }) : badJson());
    }
  }

  /** To be called by the library for each message it has finished with. */
  handled(): void {
    this.#order.handled();
  }

  /** Stops waiting for the answer to a call of ours; its one late answer will be counted and ignored. */
  giveUp(id: string): void {
    const number = this.outgoing.giveUp(id);
    if (number !== null) {
      // The library forgets a call only when it sees an answer.
      this.#answer(number, { result: null, error: null });
    }
  }

  #accept(inbound: Inbound): void {
    switch (inbound.kind) {
      case "request":
        this.#acceptRequest(inbound.id, inbound.method, inbound.params);
        break;
      case "notification":
        this.#acceptNotification(inbound.method, inbound.params);
        break;
      case "response":
        this.#acceptResponse(inbound);
        break;
      case "ignore":
        this.#options.onIgnored(inbound.reason, inbound.error);
        break;
      case "reply":
        this.#refuse(inbound.error);
        if (inbound.answers !== null) {
          this.#acceptResponse({ id: inbound.answers, result: undefined, error: invalidResponse() });
        }
    }
  }

  #acceptRequest(id: RequestId, method: string, params: unknown): void {
    const key = typeof id === "string" ? `s${id}` : `n${id}`;
    if (this.#live.has(key)) {
      this.#refuse(badRequest({ code: "duplicate_id" }).error);
      return;
    }
    this.#live.set(key, id);
    const message: RequestMessage = { jsonrpc: "2.0", id: key, method, params: params as object };
    this.#order.message(message);
  }

  #acceptNotification(method: string, params: unknown): void {
    const { onNotification, onIgnored } = this.#options;
    if (onNotification === null) {
      onIgnored("notification", method);
      return;
    }
    this.#order.notification(() => {
      try {
        onNotification(method, params);
      } catch (error) {
        onIgnored("handler_failed", error);
      }
    });
  }

  #acceptResponse(response: Omit<InboundResponse, "kind">): void {
    const call = this.outgoing.answered(response.id);
    if (typeof call === "number") {
      this.#answer(call, response);
    } else {
      this.#options.onIgnored(call === "late" ? "late_response" : "unknown_response", response.id);
    }
  }

  #answer(number: number, response: { result: unknown; error: ErrorObject | null }): void {
    const { result, error } = response;
    const message: ResponseMessage = { jsonrpc: "2.0", id: number };
    if (error === null) {
      message.result = result as NonNullable<ResponseMessage["result"]>;
    } else {
      message.error = error;
    }
    this.#order.message(message);
  }

  #refuse(error: ErrorObject): void {
    this.#options.onIgnored("bad_line", error);
    if (this.#options.answerBadLines) {
      this.#options.out.write(errorLine(null, error));
    }
  }

  #write(message: Outbound): void {
    if (message.method === undefined) {
      this.#writeResponse(message);
    } else if (typeof message.id === "number") {
      this.outgoing.write(message.id, message.method);
    }
  }

  #writeResponse(message: Outbound): void {
    const key = String(message.id);
    const id = this.#live.get(key);
    if (id === undefined) {
      return;
    }
    this.#live.delete(key);
    const { error, result } = message;
    const { out, maxBytes } = this.#options;
    if (error === undefined) out.write(resultLine(id, result, maxBytes));
    else out.write(errorLine(id, { ...error, data: error.data ?? null }));
  }
}

function invalidResponse(): ErrorObject {
  return errorObject(
    new WireError("invalid_response", "The answer is not a response", { data: { code: "invalid_response" } }),
  );
}

/** A host that has loaded the library's own Node layer keeps it. */
function ensureRuntime(): void {
  try {
    RAL();
  } catch {
    RAL.install(rpcRuntime);
  }
}

/** What the library writes as the error of a call whose handler threw. */
export function toResponseError(thrown: unknown): ResponseError<unknown> {
  const error = toWireError(thrown);
  return new ResponseError(error.number, error.message, error.data);
}

/** Throws the WireError for what the library rejects a call of ours with. */
export function failCall(thrown: unknown): never {
  throw thrown instanceof ResponseError ? fromWireError(thrown) : toWireError(thrown);
}
