import { expect, test } from "vitest";
import { errorObject, WireError, wireError } from "../../wire/errors.js";
import { KernelError, type KernelErrorCode } from "../errors.js";
import { providerError } from "../testing/fake-provider.js";
import { llmNotSet, llmNotSupported } from "../turn/turn-error.js";
import { kernelWireError } from "./kernel-wire-error.js";

const kernelError = (code: KernelErrorCode, data?: Record<string, unknown>) =>
  new KernelError(code, "A sentence.", data === undefined ? {} : { data });

test.each<[string, unknown, number, string, unknown]>([
  ["turn_in_progress", kernelError("turn_in_progress"), -32000, "An agent turn is already in progress", null],
  ["no_turn", kernelError("no_turn"), -32000, "No agent turn is in progress", null],
  ["not_supported", kernelError("not_supported"), -32000, "Plan mode is not supported", null],
  ["llm_not_set", llmNotSet(), -32001, "LLM is not set", null],
  [
    "llm_not_supported",
    llmNotSupported("m", ["image_in"]),
    -32002,
    "LLM model 'm' does not support required capability: image_in.",
    null,
  ],
  [
    "two of them",
    llmNotSupported("m", ["video_in", "image_in"]),
    -32002,
    "LLM model 'm' does not support required capabilities: video_in, image_in.",
    null,
  ],
  ["a provider's words", providerError("HTTP 500: <verbatim>"), -32003, "HTTP 500: <verbatim>", null],
  [
    "session_locked",
    kernelError("session_locked", { pid: 7 }),
    -32000,
    "A sentence.",
    { code: "session_locked", pid: 7 },
  ],
  ["storage_full", kernelError("storage_full"), -32000, "A sentence.", { code: "storage_full" }],
  ["storage_failed", kernelError("storage_failed"), -32000, "A sentence.", { code: "storage_failed" }],
  ["session_damaged", kernelError("session_damaged"), -32000, "A sentence.", { code: "session_damaged" }],
  ["config_invalid", kernelError("config_invalid"), -32603, "KernelError: A sentence.", null],
  ["usage", kernelError("usage"), -32603, "KernelError: A sentence.", null],
  ["start_failed", kernelError("start_failed"), -32603, "KernelError: A sentence.", null],
  ["a bug", new TypeError("x is not a function"), -32603, "TypeError: x is not a function", null],
  ["something thrown that is no error", "oops", -32603, "Error: oops", null],
])("%s", (_name, error, code, message, data) => {
  expect(errorObject(kernelWireError(error))).toEqual({ code, message, data });
});

test("a wire error passes as it is", () => {
  const error = wireError("invalid_params", { fill: { method: "prompt" } });
  expect(kernelWireError(error)).toBe(error);
  expect(kernelWireError(error)).toBeInstanceOf(WireError);
});
