/** Errors that a model server writes itself, in the body of an HTTP error or in the middle of a stream. */
import { asNumber, asRecord, asText, parseJson } from "./json-values.js";
import { ProviderError, RETRYABLE_STATUSES } from "./provider.js";

const MAX_MESSAGE = 4000;
const OVERFLOW =
  /exceed_context_size|context_length_exceeded|context (?:length|window|size)|maximum context|prompt is too long|input is too long/i;
const HTML = /^\s*(?:<!doctype|<html|<head|<body|<\?xml)/i;

const STATUS_BY_WORD: readonly [RegExp, number][] = [
  [/rate.?limit|too_many_requests|quota/i, 429],
  [/overload|unavailable|loading/i, 503],
  [/invalid_request|bad_request|not_supported|exceed_context/i, 400],
  [/authentication|invalid_api_key|unauthorized/i, 401],
  [/permission|forbidden/i, 403],
  [/not_found/i, 404],
];

interface ServerError {
  /** The server's own text; "" when it gave none. */
  message: string;
  /** `type` and `code` as one text, for classification. */
  kind: string;
  /** HTTP status named inside the error, null when there is none. */
  status: number | null;
  /** The request field that the error is about, "" when not said. */
  param: string;
}

/** True for a web page where JSON was expected. */
export function isHtml(text: string): boolean {
  return HTML.test(text);
}

/** Reads an error in any of the known shapes: `{"error":...}`, `{"object":"error"}`, `{"detail":...}`, a string. */
function readServerError(value: unknown): ServerError {
  const outer = asRecord(value);
  const given = outer?.error ?? value;
  const inner = asRecord(given) ?? outer;
  const text = typeof given === "string" ? given : errorText(inner) || errorText(outer);
  const code = inner?.code ?? inner?.status;
  const number = asNumber(code) ?? asNumber(Number(asText(code) || Number.NaN));
  return {
    message: text.trim().slice(0, MAX_MESSAGE),
    kind: [asText(inner?.type), asText(code)].join(" ").trim(),
    status: number !== null && number >= 400 && number <= 599 ? number : null,
    param: asText(inner?.param),
  };
}

function errorText(record: Readonly<Record<string, unknown>> | null): string {
  for (const key of ["message", "detail", "msg", "error_message", "title"]) {
    const value = record?.[key];
    if (typeof value === "string" && value.trim() !== "") return value;
    if (Array.isArray(value) && value.length > 0) return JSON.stringify(value);
    const inner = asRecord(value);
    if (inner !== null) return asText(inner.message) || JSON.stringify(inner);
  }
  return "";
}

/** The typed error for an HTTP status and the body that came with it. The message is the server's own text. */
export function statusError(status: number, body: string, retryAfterMs: number | null, cause?: unknown): ProviderError {
  const parsed = parseJson(body);
  const found = readServerError(parsed === undefined ? body : parsed);
  let message = found.message;
  if (isHtml(body)) message = `The model server answered ${status} with a web page instead of JSON.`;
  else if (message === "") message = body.trim().slice(0, MAX_MESSAGE);
  if (message === "") message = `The model server answered ${status} without a message.`;
  return fromStatus(status, message, found, retryAfterMs, cause);
}

/** The typed error for an error object inside a 200 stream. An unknown kind counts as a failure of the server (500). */
export function streamError(value: unknown): ProviderError {
  const found = readServerError(value);
  let status = found.status;
  if (status === null && OVERFLOW.test(`${found.kind} ${found.message}`)) status = 400;
  status ??= STATUS_BY_WORD.find(([word]) => word.test(found.kind))?.[1] ?? 500;
  const message = found.message === "" ? "The model server reported an error in its stream." : found.message;
  return fromStatus(status, message, found, null);
}

function fromStatus(
  status: number,
  message: string,
  found: ServerError,
  retryAfterMs: number | null,
  cause?: unknown,
): ProviderError {
  const overflow = [400, 413, 422, 500].includes(status) && OVERFLOW.test(`${found.kind} ${message}`);
  return new ProviderError(message, {
    errorType: "APIStatusError",
    code: overflow ? "context_overflow" : `http_${status}`,
    retryable: !overflow && RETRYABLE_STATUSES.has(status),
    statusCode: status,
    retryAfterMs,
    ...(cause === undefined ? {} : { cause }),
  });
}
