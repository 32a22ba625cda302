/** One connection to one kernel: typed calls out, events and requests in. Knows nothing of other kernels. */
import { type Connection, createConnection } from "../wire/connection.js";
import type { ParamsSchema } from "../wire/dispatch.js";
import { WireError } from "../wire/errors.js";
import type {
  InitializeParams,
  InitializeResult,
  PromptResult,
  ReplayResult,
  SetPlanModeResult,
  UserInput,
} from "../wire/generated/types.gen.js";
import type { Transport } from "../wire/transport.js";
import {
  type EventStamp,
  type ExtensionName,
  fields,
  type Heartbeat,
  readExtensions,
  readHeartbeat,
  readStamp,
} from "./extensions.js";
import { type Timing, within } from "./timing.js";

/** Params of an `event` or a `request`, as they came but for what the extensions added. */
export interface Envelope {
  type: string;
  payload: unknown;
}

/** A request that waits for an answer. */
export interface KernelRequest {
  type: string;
  payload: { id: string };
}

/** Who hears a kernel. Nothing here may throw, but for `onRequest`: its rejection is the error that the kernel gets. */
export interface WireListener {
  onEvent(event: Envelope, stamp: EventStamp | null): void;
  /** `grant` is undefined when the kernel does not tell. */
  onRequest(request: KernelRequest, stamp: EventStamp | null, grant: unknown): Promise<object>;
  /** A request out of a replay: it is shown and not answered. */
  onShownRequest(request: Envelope, stamp: EventStamp | null): void;
}

const STAMP_KEYS: readonly string[] = ["seq", "epoch", "prev"];
const methods = { request: { safeParse: readRequest } };
/** A pipe that stays open behind a kernel that has exited is read until nothing came for this long, or so many times. */
const QUIET_MS = 100;
const MAX_QUIET_WAITS = 50;
/** More noise than this before the first message of Wire is no kernel any more. */
const MAX_NOISE_BYTES = 1024 * 1024;
const MAX_NOISE_LINES = 64;
/** A kernel whose tools write to its own output may do so for a while; one that writes nothing else is broken. */
const MAX_BAD_IN_A_ROW = 10_000;

/** Reads from its making on. Whoever made it closes it; that closes the transport. */
export class WireClient {
  readonly #connection: Connection<typeof methods>;
  readonly #listener: WireListener;
  #onHeartbeat: (beat: Heartbeat) => void = () => {};
  #onNoise = (): void => {};
  #bytes = 0;
  #understood = false;
  #badInARow = 0;
  /** Until initialize is answered nobody knows, and what looks like an extension is taken for one. */
  #isOn: (extension: ExtensionName) => boolean = () => true;

  constructor(transport: Transport, listener: WireListener) {
    this.#listener = listener;
    this.#connection = createConnection({
      transport,
      methods,
      answerBadLines: false,
      onNotification: (method, params) => this.#notified(method, params),
      onIgnored: (reason, detail) => {
        if (reason === "bad_line") this.#cannotRead(detail);
      },
    });
    this.#connection.serve({ request: (_checked, { rawParams }) => this.#asked(rawParams as Envelope) });
    transport.readable.on("data", (chunk: Uint8Array) => this.#count(chunk));
  }

  /** Settles when no more can come. */
  get closed(): Connection["closed"] {
    return this.#connection.closed;
  }

  get isOver(): boolean {
    return this.#connection.signal.aborted;
  }

  /** Everything that ever came in. */
  get receivedBytes(): number {
    return this.#bytes;
  }

  /** Whether anything came that was no message, and nothing that was. */
  get onlyNoise(): boolean {
    return !this.#understood && this.#bytes > 0;
  }

  /** True when the call failed because this connection is over: nobody knows what became of it. */
  lost(error: unknown): boolean {
    return error instanceof WireError && error.code === "closed" && (this.isOver || !this.#open());
  }

  /** `listener` replaces the one before. */
  onHeartbeat(listener: (beat: Heartbeat) => void): void {
    this.#onHeartbeat = listener;
  }

  /** Calls `listener` when the output is plainly none of a kernel, or none any more. It replaces the one before. */
  onNoise(listener: () => void): void {
    this.#onNoise = listener;
  }

  async initialize(params: InitializeParams): Promise<InitializeResult> {
    const result = (await this.#call("initialize", params)) as InitializeResult;
    const extensions = readExtensions(result);
    this.#isOn = (extension) => extensions.has(extension);
    return result;
  }

  prompt(userInput: UserInput, clientId: string | null): Promise<PromptResult> {
    return this.#call("prompt", { user_input: userInput, ...known(clientId) }) as Promise<PromptResult>;
  }

  resume(turnId: string, action: "continue" | "settle"): Promise<PromptResult> {
    return this.#call("resume", { turn_id: turnId, action }) as Promise<PromptResult>;
  }

  steer(userInput: UserInput, clientId: string | null): Promise<unknown> {
    return this.#call("steer", { user_input: userInput, ...known(clientId) });
  }

  cancel(clientId: string | null): Promise<unknown> {
    return this.#call("cancel", known(clientId));
  }

  setPlanMode(enabled: boolean): Promise<SetPlanModeResult> {
    return this.#call("set_plan_mode", { enabled }) as Promise<SetPlanModeResult>;
  }

  /** `since` null: the stored session from its beginning, as plain Wire has it. */
  replay(since: number | null): Promise<ReplayResult> {
    return this.#call("replay", since === null ? {} : { since }) as Promise<ReplayResult>;
  }

  /** A kernel that lives answers, be it that it knows no such method. Never rejects. */
  async ping(): Promise<void> {
    await this.#call("ping", {}).catch(() => {});
  }

  /** Resolves when everything that a kernel left in its pipe was heard. For one that has exited. */
  async drained(timing: Timing): Promise<void> {
    for (let wait = 0; wait < MAX_QUIET_WAITS; wait += 1) {
      const before = this.#bytes;
      if ((await within(timing, QUIET_MS, this.closed)) !== null) return;
      // A host that was busy for all that time has not looked yet.
      await new Promise<void>((resolve) => timing.soon(resolve));
      if (this.#bytes === before) return;
    }
  }

  /** Ends the connection; what is open rejects with the WireError `closed`. */
  async close(): Promise<void> {
    await this.#connection.close(0);
  }

  async #call(method: string, params: object): Promise<unknown> {
    const result = await this.#connection.request(method, params);
    this.#understand();
    return result;
  }

  #open(): boolean {
    return this.#connection.writeLines([]);
  }

  #notified(method: string, params: unknown): void {
    if (method === "heartbeat") {
      this.#onHeartbeat(readHeartbeat(params));
      return;
    }
    const { type } = fields(params);
    if (typeof type !== "string" || (method !== "event" && method !== "request")) return;
    this.#understand();
    const [envelope, stamp] = this.#strip(params as Envelope);
    if (method === "event") this.#listener.onEvent(envelope, stamp);
    else this.#listener.onShownRequest(envelope, stamp);
  }

  #asked(params: Envelope): Promise<object> {
    this.#understand();
    const [envelope, stamp, grant] = this.#strip(params);
    return this.#listener.onRequest(envelope as KernelRequest, stamp, grant);
  }

  #strip(params: Envelope): [Envelope, EventStamp | null, unknown] {
    const stamp = this.#isOn("seq/1") ? readStamp(params) : null;
    const hasGrant = "grant" in params && this.#isOn("grants/1");
    if (stamp === null && !hasGrant) return [params, null, undefined];
    // Made anew: an object that keys were deleted from needs three times the memory, and hosts keep many of them.
    const rest: Envelope & Record<string, unknown> = { type: params.type, payload: params.payload };
    for (const [name, value] of Object.entries(params)) {
      const isAdded = (stamp !== null && STAMP_KEYS.includes(name)) || (hasGrant && name === "grant");
      if (!(name in rest || isAdded)) rest[name] = value;
    }
    return [rest, stamp, hasGrant ? fields(params).grant : undefined];
  }

  /** A line above the limit may have been an answer or a question: nobody would ever know. */
  #cannotRead(error: unknown): void {
    this.#badInARow += 1;
    const isTooLong = fields(fields(error).data).code === "line_too_long";
    if (isTooLong || this.#badInARow > MAX_BAD_IN_A_ROW) this.#onNoise();
  }

  #understand(): void {
    this.#understood = true;
    this.#badInARow = 0;
  }

  #count(chunk: Uint8Array): void {
    const isFirst = this.#bytes === 0;
    this.#bytes += chunk.length;
    if (this.#understood) return;
    const isMarkup = isFirst && /^\s*</.test(Buffer.from(chunk.subarray(0, 64)).toString("latin1"));
    const { bad_line: badLines = 0 } = this.#connection.ignored;
    if (isMarkup || badLines > MAX_NOISE_LINES || this.#bytes > MAX_NOISE_BYTES) this.#onNoise();
  }
}

function known(clientId: string | null): { client_id?: string } {
  return clientId === null ? {} : { client_id: clientId };
}

/** Only what is needed to answer; the host gets the payload as it came. */
function readRequest(value: unknown): ReturnType<ParamsSchema<KernelRequest>["safeParse"]> {
  const { type, payload } = fields(value);
  const { id } = fields(payload);
  if (typeof type !== "string" || typeof id !== "string") return { success: false, error: "no type or id" };
  return { success: true, data: { type, payload: payload as { id: string } } };
}
