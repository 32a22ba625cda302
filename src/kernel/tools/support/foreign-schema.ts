/** Checks values against JSON Schemas that others wrote, in the dialect that a schema says it is written in. */
import type { AnySchema, ValidateFunction } from "ajv";
import { errorMessage } from "../../errors.js";
import { type ToolReturn, toolError } from "../tool.js";

const DIALECT = /^https?:\/\/json-schema\.org\/(?:draft\/(20\d\d-\d\d)|draft-0([4-7]))\/schema#?$/;

/** Says what is wrong with a value, in one line; null when it fits. */
export type ForeignCheck = (value: unknown) => string | null;

/**
 * Compiles a schema; without `$schema` it is read as 2020-12. Unknown keywords and formats are let through. Throws an
 * Error with a sentence when it is no valid schema or of an unknown dialect.
 */
export async function foreignSchema(schema: Readonly<Record<string, unknown>>): Promise<ForeignCheck> {
  const { $schema, ...rest } = schema;
  const validate = (await compilerFor($schema)).compile(rest as AnySchema);
  return (value) => (validate(value) === true ? null : firstProblem(validate));
}

/** A fresh one each time: ajv keeps schemas by $id, and two tools may share one. */
async function compilerFor($schema: unknown) {
  const dialect = $schema === undefined ? [] : DIALECT.exec(String($schema));
  if (dialect === null) throw new Error(`unknown schema dialect ${JSON.stringify($schema)}`);
  const options = { allErrors: false, strict: false, logger: false } as const;
  // CommonJS: inside a bundle only the default export is there.
  if (dialect[2] !== undefined) return new (await import("ajv")).default.Ajv(options);
  return new (await import("ajv/dist/2020.js")).default.Ajv2020(options);
}

function firstProblem({ errors }: ValidateFunction): string {
  const first = errors?.[0];
  const where = first === undefined || first.instancePath === "" ? "arguments" : first.instancePath;
  return `${where} ${first?.message ?? "do not match the schema"}`;
}

export type ForeignArguments = { ok: true; value: unknown } | { ok: false; result: ToolReturn };

/** The model's raw text, parsed and checked; none, blank and null count as {}. Never throws. */
export function readForeignArguments(json: string | null, check: ForeignCheck): ForeignArguments {
  let value: unknown;
  try {
    value = json === null || json.trim() === "" ? {} : (JSON.parse(json) ?? {});
  } catch (error) {
    return refused(`Error parsing JSON arguments: ${errorMessage(error)}`);
  }
  const problem = check(value);
  return problem === null ? { ok: true, value } : refused(`Error validating JSON arguments: ${problem}`);
}

function refused(message: string): ForeignArguments {
  return { ok: false, result: toolError(message, "Invalid arguments") };
}
