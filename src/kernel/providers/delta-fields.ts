/** Reads the fields of a delta that servers spell differently. */
import { asRecord, asText, type JsonRecord } from "./json-values.js";
import type { FinishReason } from "./provider.js";

const REASONING_KEYS = ["reasoning_content", "reasoning", "thinking", "reasoning_details"];

/** The reasoning of a delta from the first field that has any; servers that fill several repeat themselves. */
export function reasoningText(delta: JsonRecord, preferredKey: string | null): string {
  if (preferredKey !== null && delta[preferredKey]) {
    const text = plainText(delta[preferredKey]);
    if (text !== "") return text;
  }
  for (const key of REASONING_KEYS) {
    const value = delta[key];
    if (!value) continue;
    const text = plainText(value);
    if (text !== "") return text;
  }
  return "";
}

/** Text out of a string, an object with text, or a list of these. */
function plainText(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(plainText).join("");
  const record = asRecord(value);
  if (record === null) return "";
  for (const key of ["text", "thinking", "content", "summary"]) {
    const text = plainText(record[key]);
    if (text !== "") return text;
  }
  return "";
}

/** The pieces of a content that is not a plain string: a list of parts, or one part. */
export function contentPieces(content: unknown): { think: boolean; text: string }[] {
  const pieces: { think: boolean; text: string }[] = [];
  for (const part of Array.isArray(content) ? content : [content]) {
    const text = plainText(part);
    const think = /think|reason/.test(asText(asRecord(part)?.type));
    if (text !== "") pieces.push({ think, text });
  }
  return pieces;
}

const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: "stop",
  eos: "stop",
  eos_token: "stop",
  end_turn: "stop",
  stop_sequence: "stop",
  tool_calls: "tool_calls",
  tool_use: "tool_calls",
  function_call: "tool_calls",
  length: "length",
  max_tokens: "length",
  content_filter: "content_filter",
};

/** The server's reason as one of ours; "other" for a reason we do not know. */
export function finishReason(reason: string): FinishReason {
  return REASONS[reason.toLowerCase()] ?? "other";
}
