/** The tools a server offers, checked and bounded: what is listed to a model is paid for at every request. */
import * as z from "zod/mini";

/** A tool as it may be listed. `remoteName` is what the server calls it. */
export interface OfferedTool {
  remoteName: string;
  description: string;
  parameters: Readonly<Record<string, unknown>>;
}

export interface ToolOffer {
  tools: OfferedTool[];
  /** One plain sentence for each kind of thing that was left out or cut. */
  notices: string[];
}

export const MAX_TOOLS = 128;
const MAX_NAME_CHARS = 256;
const MAX_DESCRIPTION_CHARS = 1_024;
const MAX_SCHEMA_CHARS = 16_384;
/** All definitions of a server together: about 32,000 tokens. */
const MAX_OFFER_CHARS = 131_072;
const MAX_SCHEMA_DEPTH = 32;

/** Everything a person could not see in a description, but a model would read. */
const HIDDEN = /(?![\n\t ])[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** Says nothing about the arguments. */
const NOISE = new Set(["$schema", "$id", "$comment"]);

const offered = z.object({
  name: z.string().check(z.minLength(1), z.maxLength(MAX_NAME_CHARS)),
  description: z.optional(z.nullable(z.string())),
  inputSchema: z.optional(z.nullable(z.record(z.string(), z.unknown()))),
});

/**
 * Takes the raw tools of `tools/list`, at most 128 of them, and `more`: whether the server has others that were not
 * asked for. Never throws.
 */
export function readOffer(raw: readonly unknown[], more: boolean): ToolOffer {
  const tools: OfferedTool[] = [];
  const names = new Set<string>();
  let unusable = 0;
  let cutSchemas = 0;
  let chars = 0;
  let full = false;
  for (const value of raw) {
    const tool = readTool(value);
    if (tool === null || names.has(tool.remoteName)) {
      unusable += 1;
      continue;
    }
    const size = tool.description.length + JSON.stringify(tool.parameters).length;
    if (tools.length === MAX_TOOLS || chars + size > MAX_OFFER_CHARS) {
      full = true;
      break;
    }
    chars += size;
    if (tool.cut) cutSchemas += 1;
    names.add(tool.remoteName);
    tools.push({ remoteName: tool.remoteName, description: tool.description, parameters: tool.parameters });
  }
  const notices: string[] = [];
  if (full || more) notices.push(`it offers more tools than are taken; the first ${tools.length} are`);
  if (unusable > 0) notices.push(`${unusable} of its tools cannot be used: no name, or one that came before`);
  if (cutSchemas > 0) notices.push(`the parameters of ${cutSchemas} of its tools are too large and were left out`);
  return { tools, notices };
}

function readTool(value: unknown): (OfferedTool & { cut: boolean }) | null {
  const parsed = z.safeParse(offered, value);
  if (!parsed.success) return null;
  const { name, description, inputSchema } = parsed.data;
  const schema = objectSchema(inputSchema ?? {});
  return {
    remoteName: name,
    description: shortText(description ?? ""),
    parameters: schema ?? { type: "object", properties: {} },
    cut: schema === null,
  };
}

/** The schema as an object's, without noise; without its descriptions when it is too large; null when still too large. */
function objectSchema(schema: Readonly<Record<string, unknown>>): Record<string, unknown> | null {
  for (const drop of [NOISE, new Set([...NOISE, "description", "examples", "title"])]) {
    const clean = cleanSchema(schema, drop, 0) as Record<string, unknown>;
    const { type: _, properties, ...rest } = clean;
    const result = { type: "object", properties: isTable(properties) ? properties : {}, ...rest };
    if (JSON.stringify(result).length <= MAX_SCHEMA_CHARS) return result;
  }
  return null;
}

/** Values of `properties` are named by the server, so nothing is dropped there for its name alone. */
function cleanSchema(value: unknown, drop: ReadonlySet<string>, depth: number, named = false): unknown {
  if (typeof value === "string") return value.replace(HIDDEN, "");
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_SCHEMA_DEPTH) return {};
  if (Array.isArray(value)) return value.map((item) => cleanSchema(item, drop, depth + 1));
  const kept = Object.entries(value).filter(([key, item]) => named || !drop.has(key) || typeof item === "object");
  return Object.fromEntries(
    kept.map(([key, item]) => [key, cleanSchema(item, drop, depth + 1, !named && key === "properties")]),
  );
}

function shortText(text: string): string {
  const clean = text.replace(HIDDEN, "").trim();
  if (clean.length <= MAX_DESCRIPTION_CHARS) return clean;
  return `${clean.slice(0, MAX_DESCRIPTION_CHARS - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
