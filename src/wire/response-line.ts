import { type ErrorObject, errorObject, toWireError } from "./errors.js";
import { jsonLine } from "./json-line.js";
import type { RequestId } from "./parse-message.js";

/** The line of an error; `id` is null when the message it answers could not be read. */
export function errorLine(id: RequestId | null, error: ErrorObject): string {
  return jsonLine({ jsonrpc: "2.0", id, error });
}

/** The line of a result. A result that JSON cannot hold becomes an internal error: the peer must get some answer. */
export function resultLine(id: RequestId, result: unknown): string {
  try {
    return jsonLine({ jsonrpc: "2.0", id, result });
  } catch (error) {
    return errorLine(id, errorObject(toWireError(error)));
  }
}
