import { type ErrorObject, errorObject, wireError } from "./errors.js";
import { exceedsDepth } from "./json-depth.js";

/** A JSON-RPC id. Integers are echoed as integers: `1` and `"1"` are two ids. */
export type RequestId = string | number;

/** How deep arrays and objects may lie inside each other, the message itself being the first. */
export const MAX_DEPTH = 128;

export type IgnoredMessage = "empty" | "malformed_notification" | "response_without_id";

export interface InboundRequest {
  readonly kind: "request";
  readonly id: RequestId;
  readonly method: string;
  readonly params: unknown;
}

export interface InboundNotification {
  readonly kind: "notification";
  readonly method: string;
  readonly params: unknown;
}

/** An answer: `error` is null for a result. */
export interface InboundResponse {
  readonly kind: "response";
  readonly id: RequestId;
  readonly result: unknown;
  readonly error: ErrorObject | null;
}

/**
 * What one message asks of the receiver. `reply`: answer with this error and id null; when the bad message was an
 * answer, `answers` names the call that must not wait for another one. `ignore`: say nothing.
 */
export type Inbound =
  | InboundRequest
  | InboundNotification
  | InboundResponse
  | { readonly kind: "reply"; readonly error: ErrorObject; readonly answers: RequestId | null }
  | { readonly kind: "ignore"; readonly reason: IgnoredMessage; readonly error: unknown };

type Members = Readonly<Record<string, unknown>>;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads one message without its frame. Never throws. */
export function parseMessage(bytes: Buffer): Inbound {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return badJson();
  }
  if (exceedsDepth(bytes, MAX_DEPTH)) {
    return badRequest({ code: "too_deep" });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return badJson();
  }
  return isObject(value) ? classify(value) : badRequest();
}

/** The answer to what is not JSON: -32700, id null. */
export function badJson(): Inbound & { kind: "reply" } {
  return { kind: "reply", error: errorObject(wireError("parse_error")), answers: null };
}

/** The answer to what is no request: -32600, id null, with the reason in `data` where there is one. */
export function badRequest(data: { code: string } | null = null): Inbound & { kind: "reply" } {
  return { kind: "reply", error: errorObject(wireError("invalid_request", { data })), answers: null };
}

function classify(message: Members): Inbound {
  const { id, method } = message;
  if (Object.hasOwn(message, "jsonrpc") && message.jsonrpc !== "2.0") {
    return badRequest();
  }
  const hasMethod = Object.hasOwn(message, "method");
  if (!Object.hasOwn(message, "id")) {
    return hasMethod ? notification(message) : { kind: "ignore", reason: "empty", error: null };
  }
  if (id === null && !hasMethod && asError(message.error) !== null) {
    // How a peer says that it could not read one of our lines. Answering would make two peers argue for ever.
    return { kind: "ignore", reason: "response_without_id", error: message.error };
  }
  if (!isRequestId(id)) {
    return badRequest();
  }
  if (!hasMethod) {
    return response(id, message);
  }
  return typeof method === "string" ? { kind: "request", id, method, params: message.params } : badRequest();
}

function notification(message: Members): Inbound {
  const { method, params } = message;
  return typeof method === "string"
    ? { kind: "notification", method, params }
    : { kind: "ignore", reason: "malformed_notification", error: null };
}

function response(id: RequestId, message: Members): Inbound {
  const hasResult = Object.hasOwn(message, "result");
  const claimsError = Object.hasOwn(message, "error") && !(hasResult && message.error === null);
  if (!claimsError) {
    return hasResult ? { kind: "response", id, result: message.result, error: null } : { ...badRequest(), answers: id };
  }
  const error = asError(message.error);
  return error === null ? { ...badRequest(), answers: id } : { kind: "response", id, result: undefined, error };
}

function asError(value: unknown): ErrorObject | null {
  if (!isObject(value) || !Number.isInteger(value.code) || typeof value.message !== "string") {
    return null;
  }
  return { code: Number(value.code), message: value.message, data: value.data ?? null };
}

function isRequestId(id: unknown): id is RequestId {
  return typeof id === "string" || Number.isSafeInteger(id);
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
