/** The border between a tool and the model: the JSON schema that is listed, and the arguments that come back. */
import * as z from "zod/mini";
import { errorMessage } from "../../errors.js";
import type { ToolDefinition } from "../../providers/provider.js";
import { type Tool, type ToolReturn, toolError } from "../tool.js";

type Schema = Readonly<Record<string, unknown>>;

/** Every listed schema has its keys in this order, so that its bytes, and with them a cached prompt, never change. */
const KEY_ORDER = ["type", "description", "enum", "items", "properties", "required", "anyOf", "default"];
/** Costs tokens and tells a model nothing. */
const NOISE = new Set(["$schema", "additionalProperties"]);

/**
 * The tool as it is listed: only its `listed` parameters, in that order. Throws when one of them does not exist or a
 * required one is not listed, which is a mistake in the tool.
 */
export function toolDefinition(tool: Tool): ToolDefinition {
  const full = z.toJSONSchema(tool.parameters, { io: "input" }) as Schema;
  const properties = (full.properties ?? {}) as Record<string, Schema>;
  const required = (full.required ?? []) as string[];
  const unlisted = required.find((key) => !tool.listed.includes(key));
  if (unlisted !== undefined) throw new Error(`${tool.name}: required parameter ${unlisted} is not listed`);
  const listed: Record<string, Schema> = {};
  for (const key of tool.listed) {
    const schema = properties[key];
    if (schema === undefined) throw new Error(`${tool.name}: listed parameter ${key} does not exist`);
    listed[key] = terse(schema);
  }
  const kept = tool.listed.filter((key) => required.includes(key));
  return {
    name: tool.name,
    description: tool.description,
    parameters: { type: "object", properties: listed, ...(kept.length > 0 ? { required: kept } : {}) },
  };
}

/** The same schema without noise and with its keys in order. */
function terse(schema: Schema): Schema {
  const keys = [...KEY_ORDER.filter((key) => key in schema), ...Object.keys(schema).filter(isOther).sort()];
  const result: Record<string, unknown> = {};
  for (const key of keys) {
    const value = schema[key];
    if (!NOISE.has(key) && !isDefaultBound(key, value)) result[key] = terseValue(key, value);
  }
  return result;
}

function isOther(key: string): boolean {
  return !KEY_ORDER.includes(key);
}

/** zod gives every integer the bounds of a double's integers. */
function isDefaultBound(key: string, value: unknown): boolean {
  return (
    (key === "minimum" && value === Number.MIN_SAFE_INTEGER) || (key === "maximum" && value === Number.MAX_SAFE_INTEGER)
  );
}

/** Goes down only where schemas stand; a `default` or an `enum` is data. */
function terseValue(key: string, value: unknown): unknown {
  if (key === "items") return terse(value as Schema);
  if (key === "anyOf" || key === "oneOf" || key === "allOf") return (value as Schema[]).map(terse);
  if (key !== "properties") return value;
  const named = Object.entries(value as Record<string, Schema>);
  return Object.fromEntries(named.map(([name, schema]) => [name, terse(schema)]));
}

/** `args` went through the tool's own schema and fits its `prepare`. */
export type ParsedArguments = { ok: true; args: never } | { ok: false; result: ToolReturn };

/**
 * Turns the model's raw JSON text into the arguments of a tool. None, "" and null count as {}; a JSON string that holds
 * JSON is opened once. Never throws: what cannot be used comes back as the error result of the call.
 */
export function parseArguments(tool: Tool, json: string | null): ParsedArguments {
  let value: unknown = {};
  try {
    if (json !== null && json.trim() !== "") value = JSON.parse(json) ?? {};
  } catch (error) {
    return refused(`Error parsing JSON arguments: ${errorMessage(error)}`);
  }
  if (typeof value === "string") value = unwrapped(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refused(`Error validating JSON arguments: expected an object, got ${typeName(value)}`);
  }
  const parsed = z.safeParse(tool.parameters, value, { reportInput: true });
  if (parsed.success) return { ok: true, args: parsed.data as never };
  const problems = parsed.error.issues.map((issue) => problem(issue));
  return refused(`Error validating JSON arguments: ${problems.join("\n")}`);
}

function refused(message: string): ParsedArguments {
  return { ok: false, result: toolError(message, "Invalid arguments") };
}

function unwrapped(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `path: what is wrong`, without the value: it may be huge or secret. */
function problem(issue: z.core.$ZodIssue): string {
  const path = issue.path.length > 0 ? `${issue.path.map(String).join(".")}: ` : "";
  return path + explanation(issue);
}

function explanation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "required";
      return `expected ${issue.expected}, got ${typeName(issue.input)}`;
    case "invalid_value":
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`;
    case "too_small":
      return `expected ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}${unit(issue.origin)}`;
    case "too_big":
      return `expected ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}${unit(issue.origin)}`;
    case "invalid_union":
      return `fits none of the accepted forms${firstDeep(issue)}`;
    default:
      return issue.message;
  }
}

/** What kept the input from the form that came nearest: the one whose first problem lies deepest. */
function firstDeep(issue: z.core.$ZodIssueInvalidUnion): string {
  const firsts = issue.errors.flatMap((problems) => problems.slice(0, 1));
  const nearest = firsts.sort((a, b) => b.path.length - a.path.length)[0];
  return nearest === undefined || nearest.path.length === 0 ? "" : ` (${problem(nearest)})`;
}

function unit(origin: string): string {
  if (origin === "string") return " characters";
  return origin === "array" || origin === "set" ? " items" : "";
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
