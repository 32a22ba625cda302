/** Ends of a turn that are errors for the client, and how they cross the wire. */

import { KernelError } from "../errors.js";
import { type Capability, ProviderError } from "../providers/provider.js";

/** The class of an error as hooks match it: `APIStatusError`, `LLMNotSet`, ... */
export function errorClass(error: unknown): string {
  if (error instanceof ProviderError) return error.errorType;
  if (error instanceof KernelError && error.code === "llm_not_set") return "LLMNotSet";
  if (error instanceof KernelError && error.code === "llm_not_supported") return "LLMNotSupported";
  return error instanceof Error ? error.name : "Error";
}

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
