/** Maps the kernel's own shapes to wire payloads: the only place that knows both. */
import { jsonLine } from "../../wire/json-line.js";
import type { ContentPart } from "../messages.js";
import type { StreamPart } from "../providers/provider.js";
import { contentParts } from "../storage/context-format.js";
import type { DeliverableRecord } from "../storage/session-log.js";
import { toolMessage } from "../storage/tool-message.js";
import type { DisplayBlock, ToolReturn } from "../tools/tool.js";

/** An event record whose payload is serialised here, once, for journal and wire alike. */
export function eventRecord(type: string, payload: unknown): DeliverableRecord {
  return { kind: "event", type, payload, json: jsonLine(payload) };
}

/** One record per streamed part: never merged, never dropped. */
export function partRecord(part: StreamPart): DeliverableRecord {
  switch (part.kind) {
    case "content":
      return contentRecord(part.part);
    case "tool_call":
      return eventRecord("ToolCall", part.call);
    case "tool_call_part":
      return eventRecord("ToolCallPart", { arguments_part: part.argumentsPart });
  }
}

function contentRecord(part: ContentPart): DeliverableRecord {
  if (part.type !== "text") return eventRecord("ContentPart", part);
  // The hot path of every stream: one small string built, no object walked.
  return { kind: "event", type: "ContentPart", payload: part, json: `{"type":"text","text":${jsonLine(part.text)}}` };
}

/** The `return_value` of a ToolResult, explicit nulls included. */
export function encodeToolReturn(value: ToolReturn): Record<string, unknown> {
  return {
    is_error: value.isError,
    output: value.output,
    message: value.message,
    display: value.display.map(encodeDisplay),
    extras: value.extras ?? null,
  };
}

/** A recorded `return_value` as a tool's result; what it showed is not needed again. */
export function decodeToolReturn(value: unknown): ToolReturn {
  const fields = isRecord(value) ? value : {};
  return {
    isError: fields.is_error === true,
    output: typeof fields.output === "string" ? fields.output : contentParts(fields.output),
    message: typeof fields.message === "string" ? fields.message : "",
    display: Array.isArray(fields.display) ? fields.display.filter(isRecord).map(decodeDisplay) : [],
    extras: isRecord(fields.extras) ? fields.extras : null,
  };
}

/** A display block as the wire has it; blocks of unknown type keep their type and their data. */
export function encodeDisplay(block: DisplayBlock): Record<string, unknown> {
  return block.type === "unknown" ? { type: block.wireType, data: block.data } : { ...block };
}

const KNOWN_DISPLAY = new Set(["brief", "todo", "shell", "background_task"]);

/** A display block that a client sent; unknown types are folded into `data` unless they already have that shape. */
export function decodeDisplay(block: Readonly<Record<string, unknown>>): DisplayBlock {
  const { type, ...rest } = block;
  if (type === "diff") return { old_start: 1, new_start: 1, is_summary: false, ...block } as DisplayBlock;
  if (typeof type === "string" && KNOWN_DISPLAY.has(type)) return { ...block } as DisplayBlock;
  const keys = Object.keys(rest);
  const data = keys.length === 1 && isRecord(rest.data) ? rest.data : rest;
  return { type: "unknown", wireType: String(type), data };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What the model reads as the result of a call: the same words that a restart would build from the record. */
export function toolMessageContent(value: ToolReturn): ContentPart[] {
  return toolMessage("", encodeToolReturn(value)).content;
}
