/** Reads tool calls that a model wrote as text, once the whole tail of a reply is known to be nothing else. */
import { JsonSpan } from "./json-span.js";
import { asRecord, asText, type JsonRecord, parseJson } from "./json-values.js";
import type { ToolDefinition } from "./provider.js";

export interface TextCall {
  name: string;
  /** JSON text of an object. */
  arguments: string;
}

export type ToolsByName = ReadonlyMap<string, ToolDefinition>;

const FUNCTION = /^<function=([\w.-]+)>([\s\S]*?)(?:<\/function>|$)/;
const FENCE = /^```(?:json|tool_calls?|tool_code)?([\s\S]*?)(?:```|$)/;

/** Returns the calls when all of `text` is calls of registered tools, else null. Never throws. */
export function parseTextCalls(text: string, tools: ToolsByName): TextCall[] | null {
  const calls: TextCall[] = [];
  let rest = text.trim();
  while (rest !== "") {
    const step = readOne(rest, tools);
    if (step === null || step.calls.length === 0) return null;
    calls.push(...step.calls);
    rest = rest.slice(step.length).trimStart();
  }
  return calls.length > 0 ? calls : null;
}

interface Step {
  calls: TextCall[];
  length: number;
}

function readOne(text: string, tools: ToolsByName): Step | null {
  if (text.startsWith("<tool_call>")) {
    const end = text.indexOf("</tool_call>");
    const body = text.slice("<tool_call>".length, end < 0 ? undefined : end).trim();
    const calls = body.startsWith("<function=") ? parseTextCalls(body, tools) : fromJson(body, tools, false);
    return calls && { calls, length: end < 0 ? text.length : end + "</tool_call>".length };
  }
  if (text.startsWith("[TOOL_CALLS]")) {
    const calls: TextCall[] = [];
    for (const body of text.split("[TOOL_CALLS]").slice(1)) {
      const found = fromJson(body.trim(), tools, false) ?? fromNamed(body.trim(), tools);
      if (found === null) return null;
      calls.push(...found);
    }
    return { calls, length: text.length };
  }
  const tagged = FUNCTION.exec(text);
  if (tagged !== null) {
    const call = fromParameters(tagged[1] ?? "", (tagged[2] ?? "").trim(), tools);
    const after = /^\s*<\/tool_call>/.exec(text.slice(tagged[0].length))?.[0].length ?? 0;
    return call && { calls: [call], length: tagged[0].length + after };
  }
  const fenced = FENCE.exec(text);
  if (fenced !== null) {
    const calls = fromJson((fenced[1] ?? "").trim(), tools, true);
    return calls && { calls, length: fenced[0].length };
  }
  if (!text.startsWith("{")) return null;
  const end = new JsonSpan().feed(text);
  const calls = end < 0 ? null : fromJson(text.slice(0, end), tools, true);
  return calls && { calls, length: end };
}

function fromJson(text: string, tools: ToolsByName, strict: boolean): TextCall[] | null {
  const value = parseJson(text);
  const items = Array.isArray(value) ? value : [value];
  const calls: TextCall[] = [];
  for (const item of items) {
    const record = asRecord(item);
    const call = record && fromRecord(record, tools, strict);
    if (call === null) return null;
    calls.push(call);
  }
  return calls.length > 0 ? calls : null;
}

/** `strict`: an untagged object is a call only when it carries arguments. */
function fromRecord(value: JsonRecord, tools: ToolsByName, strict: boolean): TextCall | null {
  const inner = asRecord(value.function) ?? value;
  const name = [inner.name, inner.tool, inner.tool_name, inner.function].map(asText).find((n) => n !== "");
  if (name === undefined || !tools.has(name)) return null;
  const given = inner.arguments ?? inner.parameters ?? inner.args ?? inner.input;
  if (given === undefined || given === null) return strict ? null : { name, arguments: "{}" };
  const object = asRecord(typeof given === "string" ? parseJson(given) : given);
  return object && { name, arguments: JSON.stringify(object) };
}

/** `Name{...}` and `Name[ARGS]{...}`, as newer Mistral templates write it. */
function fromNamed(text: string, tools: ToolsByName): TextCall[] | null {
  const match = /^([\w.-]+)\s*(?:\[CALL_ID\][\w-]*)?(?:\[ARGS\])?\s*(\{[\s\S]*\})$/.exec(text);
  const name = match?.[1] ?? "";
  const object = asRecord(parseJson(match?.[2] ?? ""));
  return object !== null && tools.has(name) ? [{ name, arguments: JSON.stringify(object) }] : null;
}

/** The body of a `<function=...>` tag: a JSON object, or `<parameter=...>` tags. */
function fromParameters(name: string, body: string, tools: ToolsByName): TextCall | null {
  const tool = tools.get(name);
  if (tool === undefined) return null;
  if (body === "") return { name, arguments: "{}" };
  if (body.startsWith("{")) {
    const object = asRecord(parseJson(body));
    return object && { name, arguments: JSON.stringify(object) };
  }
  const values: Record<string, unknown> = {};
  let rest = body;
  while (rest !== "") {
    const match = /^<parameter=([\w.-]+)>\n?([\s\S]*?)\n?<\/parameter>\s*/.exec(rest);
    if (match === null) return null;
    values[match[1] ?? ""] = typedValue(tool, match[1] ?? "", match[2] ?? "");
    rest = rest.slice(match[0].length);
  }
  return { name, arguments: JSON.stringify(values) };
}

function typedValue(tool: ToolDefinition, key: string, text: string): unknown {
  const type = asRecord(asRecord(tool.parameters.properties)?.[key])?.type;
  if (type === "string") return text;
  const value = parseJson(text);
  return value === undefined ? text : value;
}
