/** Payloads of echo DSL lines: JSON where it is JSON, else `key=value` pairs and bare words. */
import { asRecord, parseJson } from "./json-values.js";
import { ProviderError } from "./provider.js";
import { repr } from "./python-text.js";

export type EchoMapping = Readonly<Record<string, unknown>>;

/** A fault of the script itself; never retried. */
export function echoError(message: string): ProviderError {
  return new ProviderError(message, { errorType: "ChatProviderError", code: "echo_script", retryable: false });
}

/** Removes one pair of matching quotes around the text. */
export function stripQuotes(text: string): string {
  const first = text.charAt(0);
  const quoted = text.length >= 2 && (first === '"' || first === "'") && text.endsWith(first);
  return quoted ? text.slice(1, -1) : text;
}

/** A JSON value, null for nothing, `null` and `none`, else the text without its quotes. */
export function value(raw: string): unknown {
  const text = raw.trim();
  if (text === "" || text.toLowerCase() === "null" || text.toLowerCase() === "none") return null;
  const parsed = parseJson(text);
  return parsed === undefined ? stripQuotes(text) : parsed;
}

/** A JSON object, or pairs separated by commas or blanks. Throws ProviderError naming `context`. */
export function mapping(raw: string, context: string): EchoMapping {
  const text = raw.trim();
  const parsed = parseJson(text);
  const record = asRecord(parsed);
  if (record !== null) return record;
  if (parsed !== undefined && parsed !== null) {
    throw echoError(`${context} payload must be an object, got ${repr(parsed)}`);
  }
  const fields: Record<string, unknown> = {};
  for (const token of text.replaceAll(",", " ").split(/\s+/)) {
    if (token === "") continue;
    const equals = token.indexOf("=");
    if (equals < 0) throw echoError(`Invalid token '${token}' in ${context} payload.`);
    fields[token.slice(0, equals).trim()] = value(token.slice(equals + 1));
  }
  if (Object.keys(fields).length === 0) throw echoError(`${context} payload cannot be empty.`);
  return fields;
}
