/** Arguments of tools whose JSON Schema comes from outside: the client's own tools and those of MCP servers. */
import type { AnySchema, ValidateFunction } from "ajv";
import { type ToolReturn, toolError } from "../tool.js";

/** Compiles a schema with a validator of its own: ajv keeps schemas by $id, and two tools may share one. Throws. */
export async function compileSchema(schema: Readonly<Record<string, unknown>>): Promise<ValidateFunction> {
  // CommonJS: inside a bundle only the default export is there.
  const { default: ajv } = await import("ajv");
  return new ajv.Ajv({ allErrors: false, strict: false, logger: false }).compile(schema as AnySchema);
}

export type ForeignArguments = { ok: true; value: unknown } | { ok: false; result: ToolReturn };

/** Parses the model's raw text and checks it; blank counts as {}. */
export function readForeignArguments(json: string | null, validate: ValidateFunction): ForeignArguments {
  let value: unknown;
  try {
    value = json === null || json.trim() === "" ? {} : JSON.parse(json);
  } catch (error) {
    return refused(`Error parsing JSON arguments: ${(error as Error).message}`);
  }
  if (validate(value)) return { ok: true, value };
  const first = validate.errors?.[0];
  const where = first === undefined || first.instancePath === "" ? "arguments" : first.instancePath;
  return refused(`Error validating JSON arguments: ${where} ${first?.message ?? "do not match the schema"}`);
}

function refused(message: string): ForeignArguments {
  return { ok: false, result: toolError(message, "Invalid arguments") };
}
