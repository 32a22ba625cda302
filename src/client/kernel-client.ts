/** A typed client of one kernel over one transport: asks, streams a turn's events, answers the kernel's requests. */
import { type Connection, createConnection } from "../wire/connection.js";
import { wireError } from "../wire/errors.js";
import type {
  ApprovalRequest,
  ApprovalResult,
  Event,
  InitializeParams,
  InitializeResult,
  PromptResult,
  ReplayResult,
  ToolCallRequest,
  ToolCallResult,
  UserInput,
} from "../wire/generated/types.gen.js";
import type { Transport } from "../wire/transport.js";
import { EventChannel } from "./event-channel.js";

/** What the host decides. A missing handler is a no. */
export interface HostHandlers {
  onApproval?(request: ApprovalRequest): Promise<Omit<ApprovalResult, "request_id">>;
  onToolCall?(request: ToolCallRequest): Promise<ToolCallResult["return_value"]>;
}

/** One running prompt: iterate for its events, await `result` for its end. It runs whether or not anybody looks. */
export interface Turn extends AsyncIterable<Event> {
  readonly result: Promise<PromptResult>;
}

const methods = { request: { safeParse: (data: unknown) => ({ success: true as const, data }) } };

export class KernelClient {
  readonly #connection: Connection<typeof methods>;
  readonly #handlers: HostHandlers;
  #turn: EventChannel<Event> | null = null;

  constructor(transport: Transport, handlers: HostHandlers) {
    this.#handlers = handlers;
    this.#connection = createConnection({
      transport,
      methods,
      answerBadLines: false,
      onNotification: (method, params) => {
        if (method === "event") this.#turn?.push(params as Event);
      },
    });
    this.#connection.serve({ request: (params) => this.#serve(params as { type: string; payload: unknown }) });
  }

  /** Settles when the kernel is gone. */
  get closed(): Promise<unknown> {
    return this.#connection.closed;
  }

  async initialize(params: InitializeParams): Promise<InitializeResult> {
    return (await this.#connection.request("initialize", params)) as InitializeResult;
  }

  /** Starts a turn at once. `result` rejects with a WireError when the turn fails or the kernel dies. */
  prompt(userInput: UserInput): Turn {
    const channel = new EventChannel<Event>();
    this.#turn = channel;
    const result = this.#connection.request("prompt", { user_input: userInput }).finally(() => {
      if (this.#turn === channel) this.#turn = null;
      channel.close();
    }) as Promise<PromptResult>;
    result.catch(() => {});
    return { result, [Symbol.asyncIterator]: () => channel[Symbol.asyncIterator]() };
  }

  async steer(userInput: UserInput): Promise<void> {
    await this.#connection.request("steer", { user_input: userInput });
  }

  async cancel(): Promise<void> {
    await this.#connection.request("cancel", {});
  }

  /** Hears the stored session again, event by event. */
  async replay(onEvent: (event: Event) => void): Promise<ReplayResult> {
    const channel = new EventChannel<Event>();
    this.#turn = channel;
    const result = this.#connection.request("replay", {}).finally(() => channel.close());
    for await (const event of channel) onEvent(event);
    return (await result) as ReplayResult;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #serve({ type, payload }: { type: string; payload: unknown }): Promise<object> {
    if (type === "ApprovalRequest") {
      const request = payload as ApprovalRequest;
      const decision = (await this.#handlers.onApproval?.(request)) ?? { response: "reject" as const, feedback: "" };
      return { request_id: request.id, ...decision };
    }
    if (type === "ToolCallRequest" && this.#handlers.onToolCall !== undefined) {
      const request = payload as ToolCallRequest;
      return { tool_call_id: request.id, return_value: await this.#handlers.onToolCall(request) };
    }
    throw wireError("method_not_found", { fill: { method: type } });
  }
}
