/** From the kernel's own errors to the errors of the wire; with `src/wire/errors.ts` the only place that names numbers. */
import { toWireError, WireError, wireError } from "../../wire/errors.js";
import { errorMessage, KernelError, type KernelErrorCode } from "../errors.js";
import { ProviderError } from "../providers/provider.js";

/** Codes that are a state of this kernel, not a fault: -32000 with the string code in `data`. */
const STATE_CODES: ReadonlySet<KernelErrorCode> = new Set([
  "kernel_stopped",
  "turn_interrupted",
  "session_locked",
  "storage_full",
  "storage_failed",
  "session_damaged",
  "media_too_large",
]);
const STATE_NUMBER = -32000;

/** Maps anything a handler threw. Provider texts go through verbatim, as -32003. */
export function kernelWireError(error: unknown): WireError {
  if (error instanceof ProviderError) {
    const base = wireError("provider_error");
    return new WireError("provider_error", error.message, { number: base.number, cause: error });
  }
  if (!(error instanceof KernelError)) return toWireError(error);
  switch (error.code) {
    case "turn_in_progress":
    case "no_turn":
      return wireError(error.code, { cause: error });
    case "not_supported":
      return wireError("plan_mode_not_supported", { cause: error });
    case "llm_not_set":
    case "llm_not_supported":
      return new WireError(error.code, error.message, { number: wireError(error.code).number, cause: error });
    default:
      if (STATE_CODES.has(error.code)) {
        const data = { ...error.data, code: error.code };
        return new WireError(error.code, errorMessage(error), { number: STATE_NUMBER, data, cause: error });
      }
      return toWireError(error);
  }
}
