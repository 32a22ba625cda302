/** A typed client of one kernel over one transport: asks, streams a turn's events, answers the kernel's requests. */
import { type Connection, createConnection } from "../wire/connection.js";
import type { ParamsSchema } from "../wire/dispatch.js";
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

interface KernelRequest {
  type: string;
  payload: { id: string };
}

const methods = { request: { safeParse: readRequest } };

/** Closes the transport when it is closed. */
export class KernelClient {
  readonly #connection: Connection<typeof methods>;
  readonly #handlers: HostHandlers;
  /** Of the request whose events are coming. */
  #channel: EventChannel<Event> | null = null;
  #replaying = false;

  constructor(transport: Transport, handlers: HostHandlers) {
    this.#handlers = handlers;
    this.#connection = createConnection({
      transport,
      methods,
      answerBadLines: false,
      onNotification: (method, params) => {
        if (method === "event") this.#channel?.push(params as Event);
      },
    });
    this.#connection.serve({ request: (request) => this.#serve(request) });
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
    const result = this.#stream("prompt", { user_input: userInput }, channel) as Promise<PromptResult>;
    return { result, [Symbol.asyncIterator]: () => channel[Symbol.asyncIterator]() };
  }

  async steer(userInput: UserInput): Promise<void> {
    await this.#connection.request("steer", { user_input: userInput });
  }

  async cancel(): Promise<void> {
    await this.#connection.request("cancel", {});
  }

  /** Hears the stored session again, event by event. Its requests are not answered: they were, in their time. */
  async replay(onEvent: (event: Event) => void): Promise<ReplayResult> {
    const channel = new EventChannel<Event>();
    const alone = this.#channel === null;
    if (alone) this.#replaying = true;
    const result = this.#stream("replay", {}, channel).finally(() => {
      if (alone) this.#replaying = false;
    });
    result.catch(() => {});
    for await (const event of channel) onEvent(event);
    return (await result) as ReplayResult;
  }

  /** Ends the connection; what is open rejects. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** Events go to `channel` until the answer. While another request has them they stay with that one: this one is refused. */
  #stream(method: string, params: object, channel: EventChannel<Event>): Promise<unknown> {
    this.#channel ??= channel;
    const result = this.#connection.request(method, params).finally(() => {
      if (this.#channel === channel) this.#channel = null;
      channel.close();
    });
    result.catch(() => {});
    return result;
  }

  async #serve({ type, payload }: KernelRequest): Promise<object> {
    const { onApproval, onToolCall } = this.#handlers;
    if (!this.#replaying && type === "ApprovalRequest") {
      const decision = await onApproval?.(payload as ApprovalRequest);
      return { ...(decision ?? { response: "reject", feedback: "" }), request_id: payload.id };
    }
    if (!this.#replaying && type === "ToolCallRequest" && onToolCall !== undefined) {
      return { tool_call_id: payload.id, return_value: await onToolCall(payload as ToolCallRequest) };
    }
    throw wireError("method_not_found", { fill: { method: type } });
  }
}

/** Only what is needed to answer; the host gets the payload as it came. */
function readRequest(value: unknown): ReturnType<ParamsSchema<KernelRequest>["safeParse"]> {
  const { type, payload } = Object(value) as { type?: unknown; payload?: unknown };
  const { id } = Object(payload) as { id?: unknown };
  if (typeof type !== "string" || typeof id !== "string") return { success: false, error: "no type or id" };
  return { success: true, data: { type, payload: payload as { id: string } } };
}
