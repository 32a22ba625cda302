/** Calls as the conversation keeps them. */
import type { ToolCall } from "../messages.js";

/** Arguments that are not JSON break chat templates for ever after, so the conversation stores an empty object. */
export function storableCall(call: ToolCall): ToolCall {
  const text = call.function.arguments;
  if (text !== null && text !== "" && parsesAsObject(text)) return call;
  return { ...call, function: { ...call.function, arguments: "{}" } };
}

/** True for the JSON text of an object. */
export function parsesAsObject(text: string | null): boolean {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
