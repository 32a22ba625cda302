/** Asks the client to run one of its own tools and turns whatever comes back into a result. */
import { errorMessage } from "../errors.js";
import type { CallClientTool } from "../tools/external-tool.js";
import { type ToolReturn, toolError } from "../tools/tool.js";
import { decodeDisplay } from "./encode-events.js";
import { ClientRequestError } from "./event-sink.js";
import type { Recorder } from "./recorder.js";
import { type InboundPart, normaliseParts } from "./user-input.js";

/** What a client answers a ToolCallRequest with, already checked against the contract. */
export interface ClientToolAnswer {
  return_value: {
    is_error: boolean;
    output: string | readonly InboundPart[];
    message: string;
    display: readonly Readonly<Record<string, unknown>>[];
    extras?: Record<string, unknown> | null | undefined;
  };
}

/** `parse` checks a raw answer and returns null when it is malformed. */
export function clientToolCaller(
  recorder: Recorder,
  parse: (answer: unknown) => ClientToolAnswer | null,
): CallClientTool {
  const ask = async (call: { id: string }, signal: AbortSignal, again: boolean) => {
    const raw = await recorder.request("ToolCallRequest", call, signal, again ? { extra: { again } } : {});
    recorder.note({ kind: "answer", id: call.id, type: "ToolCallRequest", answer: raw, decided: "result" }, true);
    return raw;
  };
  return async (call, signal, earlier) => {
    try {
      const known = earlier?.answer ?? null;
      const raw = known === null ? await ask(call, signal, earlier !== undefined) : known.raw;
      const answer = parse(raw);
      if (answer === null) return toolError("Invalid tool result payload from client.", "Invalid tool result");
      return decodeReturn(answer.return_value);
    } catch (error) {
      if (!(error instanceof ClientRequestError)) throw error;
      if (error.code === "aborted") throw signal.reason;
      if (error.code === "closed") {
        return toolError("Wire connection closed before tool result was received.", "Wire closed");
      }
      return toolError(errorMessage(error), "External tool error");
    }
  };
}

function decodeReturn(value: ClientToolAnswer["return_value"]): ToolReturn {
  return {
    isError: value.is_error,
    output: typeof value.output === "string" ? value.output : normaliseParts(value.output),
    message: value.message,
    display: value.display.map(decodeDisplay),
    extras: value.extras ?? null,
  };
}
