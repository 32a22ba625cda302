/** Ends of a turn that are errors for the client, and how they cross the wire. */

import { KernelError } from "../errors.js";
import type { Capability } from "../providers/provider.js";

/** -32001. */
export function llmNotSet(): KernelError {
  return new KernelError("llm_not_set", "LLM is not set");
}

/** -32002, with the sentence that clients compare. */
export function llmNotSupported(modelName: string, missing: readonly Capability[]): KernelError {
  const noun = missing.length === 1 ? "capability" : "capabilities";
  return new KernelError(
    "llm_not_supported",
    `LLM model '${modelName}' does not support required ${noun}: ${missing.join(", ")}.`,
    { data: { missing: [...missing] } },
  );
}
