import type { MethodTable } from "./dispatch.js";
import type { FramingName } from "./framing.js";
import type { IgnoreReason } from "./rpc-adapter.js";
import type { Transport } from "./transport.js";

/** What a connection is made of. */
export interface ConnectionOptions<T extends MethodTable> {
  readonly transport: Transport;
  /** The methods this side serves. */
  readonly methods: T;
  readonly framing?: FramingName;
  /** The longest message that is read, and the longest call or result that is written: 100 MiB, as Wire has it. */
  readonly maxMessageBytes?: number;
  readonly unreadLimitBytes?: number;
  /** How long input is still read after writing failed. */
  readonly writeFailureGraceMs?: number;
  /** Whether unreadable input is answered with id null: true for a kernel (the default), false for a client. */
  readonly answerBadLines?: boolean;
  /** Gets the peer's notifications, in order with its calls and answers; without it they are dropped. */
  readonly onNotification?: (method: string, params: unknown) => void;
  /** Told of everything that came in and had no effect, for the log. Must not throw. */
  readonly onIgnored?: (reason: IgnoreReason, detail: unknown) => void;
  /** Ends the connection when it aborts. */
  readonly signal?: AbortSignal;
}
