/** Text to document, TOML or JSON. Reasons give the place and never quote the text: it may hold keys. */
import { parse, TomlError } from "smol-toml";

export type ParsedText = { document: unknown } | { reason: string };

/** Parses `text` as the given format; "either" tries JSON first, then TOML. Never throws. */
export function parseConfigText(text: string, format: "toml" | "json" | "either"): ParsedText {
  const source = text.startsWith("\uFEFF") ? text.slice(1) : text;
  if (source.trim() === "") return format === "toml" ? { document: {} } : { reason: "it is empty" };
  if (format === "toml") return parseToml(source);
  const json = parseJson(source);
  if (format === "json" || "document" in json) return json;
  const toml = parseToml(source);
  // The reader sees the complaint of the format that was meant: no TOML begins with a brace.
  return "document" in toml || !source.trimStart().startsWith("{") ? toml : json;
}

/** What is wrong with a JSON text, in a few words with line and column where the runtime knows them. */
export function jsonReason(text: string, error: unknown): string {
  const message = error instanceof Error ? error.message : "";
  const problem =
    /^(.+?)(?: in JSON)? at position \d+/su.exec(message)?.[1] ??
    /^(Unexpected token '.'|Unexpected end of JSON input)/su.exec(message)?.[1] ??
    "not valid JSON";
  const offset = /at position (\d+)/.exec(message)?.[1];
  return offset === undefined ? problem : `${problem} at ${lineAndColumn(text, Number(offset))}`;
}

function parseJson(text: string): ParsedText {
  try {
    return { document: JSON.parse(text) };
  } catch (error) {
    return { reason: jsonReason(text, error) };
  }
}

function parseToml(text: string): ParsedText {
  try {
    return { document: parse(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) return { reason: "not valid TOML" };
    // The rest of the message shows the line itself.
    const problem = error.message.split("\n", 1)[0]?.replace(/^Invalid TOML document: /, "") ?? "not valid TOML";
    return { reason: `${problem} at line ${error.line} column ${error.column}` };
  }
}

function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `line ${before.length} column ${(before.at(-1)?.length ?? 0) + 1}`;
}
