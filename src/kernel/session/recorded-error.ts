/** The error that ended a turn, to its record and back, so that it crosses the wire the same way a second time. */
import { errorMessage, KernelError, type KernelErrorCode } from "../errors.js";
import { ProviderError, type ProviderErrorType } from "../providers/provider.js";
import type { RecordedTurn } from "../storage/recorded-requests.js";
import type { RecordedError } from "../storage/turn-outcome.js";
import type { TurnResult } from "../turn/turn.js";
import { noTurn } from "./session-errors.js";

/** What is kept of anything that was thrown. */
export function recordError(error: unknown): RecordedError {
  const message = errorMessage(error);
  if (error instanceof KernelError) {
    return { kind: "kernel", name: error.name, code: error.code, message, data: error.data };
  }
  if (error instanceof ProviderError) {
    const { name, code, errorType, retryable, statusCode } = error;
    return { kind: "provider", name, code, message, data: { errorType, retryable, statusCode } };
  }
  const name = error instanceof Error && error.name !== "Error" ? error.name : className(error);
  return { kind: "other", name, code: "", message, data: {} };
}

/** The same error again, without its stack. */
export function recreateError({ kind, name, code, message, data }: RecordedError): Error {
  if (kind === "kernel") return new KernelError(code as KernelErrorCode, message, { data });
  if (kind === "provider") {
    const { errorType, retryable, statusCode } = data;
    return new ProviderError(message, {
      errorType: (errorType ?? "ChatProviderError") as ProviderErrorType,
      code,
      retryable: retryable === true,
      statusCode: typeof statusCode === "number" ? statusCode : null,
    });
  }
  return Object.assign(new Error(message), { name });
}

/** How the turn ended, once more. Throws what it failed with, and `no_turn` when it has no end. */
export function recordedResult(turn: RecordedTurn | null): TurnResult {
  const outcome = turn?.outcome ?? null;
  if (outcome === null) throw noTurn();
  if (outcome.error !== null) throw recreateError(outcome.error);
  return outcome.result as TurnResult;
}

function className(error: unknown): string {
  return error instanceof Error ? error.constructor.name || "Error" : "Error";
}
