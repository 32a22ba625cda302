/** The script language of the echo providers: one `kind: payload` a line. */
import type { ContentPart, TokenUsage } from "../messages.js";
import { type EchoMapping, echoError, mapping, stripQuotes, value } from "./echo-payload.js";
import { asRecord } from "./json-values.js";
import { ProviderError, RETRYABLE_STATUSES, type StreamPart } from "./provider.js";
import { compactJson, repr, splitLines, toInt, typeName } from "./python-text.js";

export interface EchoScript {
  parts: StreamPart[];
  messageId: string | null;
  usage: TokenUsage | null;
}

/** Reads a whole script. Throws ProviderError: the error that the script asks for, or one that names the bad line. */
export function parseEchoScript(script: string): EchoScript {
  const parts: StreamPart[] = [];
  let messageId: string | null = null;
  let usage: TokenUsage | null = null;
  splitLines(script).forEach((raw, index) => {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith("```") || line.toLowerCase() === "echo") return;
    const where = `at line ${index + 1}`;
    const colon = line.indexOf(":");
    if (colon < 0) throw echoError(`Invalid echo DSL ${where}: ${repr(raw)}`);
    const kind = line.slice(0, colon).trim().toLowerCase();
    const rest = line.slice(colon + 1);
    const payload = rest.startsWith(" ") ? rest.slice(1) : rest;
    if (kind === "error") throw simulatedError(payload.trim(), where, raw);
    if (kind === "id") messageId = stripQuotes(payload.trim());
    else if (kind === "usage") usage = readUsage(payload);
    else parts.push(readPart(kind, payload, where, raw));
  });
  return { parts, messageId, usage };
}

function readPart(kind: string, payload: string, where: string, raw: string): StreamPart {
  switch (kind) {
    case "text":
      return content({ type: "text", text: stripQuotes(payload) });
    case "think":
      return content({ type: "think", think: stripQuotes(payload), encrypted: null });
    case "image_url":
      return content({ type: "image_url", image_url: readUrl(payload, kind) });
    case "audio_url":
      return content({ type: "audio_url", audio_url: readUrl(payload, kind) });
    case "video_url":
      return content({ type: "video_url", video_url: readUrl(payload, kind) });
    case "tool_call":
      return readToolCall(payload, where, raw);
    case "tool_call_part":
      return { kind: "tool_call_part", argumentsPart: readArgumentsPart(payload) };
    default:
      throw echoError(`Unknown echo DSL kind '${kind}' ${where}: ${repr(raw)}`);
  }
}

function content(part: ContentPart): StreamPart {
  return { kind: "content", part };
}

function readUsage(payload: string): TokenUsage {
  const fields = mapping(payload, "usage");
  const int = (key: keyof TokenUsage): number => {
    const given = Object.hasOwn(fields, key) ? fields[key] : 0;
    const number = toInt(given);
    if (number === null) throw echoError(`Usage field '${key}' must be an integer, got ${repr(given)}`);
    return number;
  };
  return {
    input_other: int("input_other"),
    output: int("output"),
    input_cache_read: int("input_cache_read"),
    input_cache_creation: int("input_cache_creation"),
  };
}

function readUrl(payload: string, kind: string): { url: string; id: string | null } {
  const given = value(payload);
  const record = asRecord(given);
  if (record === null) {
    if (typeof given !== "string")
      throw echoError(`${kind} must be a URL or an object that holds one, got ${repr(given)}`);
    return { url: given, id: null };
  }
  const { url, id } = record;
  if (typeof url !== "string") throw echoError(`${kind} requires a url field, got ${repr(record)}`);
  if (id !== undefined && id !== null && typeof id !== "string") {
    throw echoError(`${kind} id must be a string when provided.`);
  }
  return { url, id: id ?? null };
}

function readToolCall(payload: string, where: string, raw: string): StreamPart {
  const fields = mapping(payload, "tool_call");
  const fn: EchoMapping = asRecord(fields.function) ?? {};
  const { id } = fields;
  const name = fields.name || fn.name;
  const args = fields.arguments ?? fn.arguments ?? null;
  if (typeof id !== "string" || typeof name !== "string") {
    throw echoError(`tool_call requires string id and name ${where}: ${repr(raw)}`);
  }
  if (args !== null && typeof args !== "string") {
    throw echoError(`tool_call.arguments must be a string ${where}, got ${typeName(args)}`);
  }
  const extras = asRecord(fields.extras ?? fn.extras);
  return {
    kind: "tool_call",
    call: { type: "function", id, function: { name, arguments: args }, extras: extras === null ? null : { ...extras } },
  };
}

function readArgumentsPart(payload: string): string | null {
  const given = value(payload);
  const record = asRecord(given);
  const part = record === null ? given : record.arguments_part;
  if (part === null || part === undefined || part === "") return null;
  return typeof part === "string" ? part : compactJson(part);
}

/** What an `error:` line asks for. */
function simulatedError(payload: string, where: string, raw: string): ProviderError {
  if (payload === "") return echoError(`Empty error payload ${where}: ${repr(raw)}`);
  const space = payload.indexOf(" ");
  const first = space < 0 ? payload : payload.slice(0, space);
  const message = space < 0 ? "" : payload.slice(space + 1).trim();
  if (first.toLowerCase() === "connection") {
    const errorType = "APIConnectionError";
    return new ProviderError(message || "Simulated connection error", {
      errorType,
      code: "simulated",
      retryable: true,
    });
  }
  if (first.toLowerCase() === "timeout") {
    const errorType = "APITimeoutError";
    return new ProviderError(message || "Simulated timeout error", { errorType, code: "simulated", retryable: true });
  }
  const status = toInt(first);
  if (status === null) {
    const expected = "expected status code or 'connection'/'timeout'";
    return echoError(`Invalid error spec ${where}: ${expected}, got ${repr(first)}`);
  }
  return new ProviderError(message || `Simulated ${status} error`, {
    errorType: "APIStatusError",
    code: `http_${status}`,
    retryable: RETRYABLE_STATUSES.has(status),
    statusCode: status,
  });
}
