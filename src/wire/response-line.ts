import { type ErrorObject, errorObject, toWireError } from "./errors.js";
import { jsonLine } from "./json-line.js";
import { requireShort } from "./line-limit.js";
import type { RequestId } from "./parse-message.js";

/** The line of an error; `id` is null when the message it answers could not be read. */
export function errorLine(id: RequestId | null, error: ErrorObject): string {
  return jsonLine({ jsonrpc: "2.0", id, error });
}

/**
 * The line of a result. One that JSON cannot hold, or that has more than `maxBytes`, becomes an error: the peer must get
 * some answer.
 */
export function resultLine(id: RequestId, result: unknown, maxBytes: number): string {
  try {
    return requireShort(jsonLine({ jsonrpc: "2.0", id, result }), maxBytes);
  } catch (error) {
    return errorLine(id, errorObject(toWireError(error)));
  }
}
