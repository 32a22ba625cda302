/** The contract folder as tests see it: schemas compiled by ajv, and all examples. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";

export const REPO_DIR = fileURLToPath(new URL("../../../..", import.meta.url));
export const SPEC_DIR = join(REPO_DIR, "wire-spec");
export const GENERATED_DIR = join(REPO_DIR, "src/wire/generated");

export interface Schema {
  $ref?: string;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  [keyword: string]: unknown;
}

export interface Method {
  name: string;
  params: string;
  result: string | null;
}

export interface Contract {
  [schemaFile: `${string}.schema.json`]: Schema & { $id: string; title: string; $defs: Record<string, Schema> };
  "methods.json": { protocol_version: string; methods: Method[] };
  "errors.json": { errors: { code: string; number: number; message: string }[] };
}

export interface Extensions {
  "extensions.schema.json": Contract[`${string}.schema.json`];
  "extension-methods.json": { methods: (Method & { extension: string })[] };
}

/** What this suite uses of scripts/wire-gen.mjs, which is plain JavaScript. */
export interface WireGen {
  SCHEMA_FILES: `${string}.schema.json`[];
  EXTENSIONS_SCHEMA: "extensions.schema.json";
  readContract(specDir: string): Promise<Contract>;
  readExtensions(specDir: string): Promise<Extensions>;
  contractHash(contract: Contract | Extensions): string;
  definitionName(reference: string): string;
  bundleDefinitions(contract: Contract): Record<string, Schema>;
  extensionDefinitions(extensions: Extensions): Record<string, Schema>;
  generate(contract: Contract, extensions: Extensions): Promise<Record<string, string>>;
  check(places: { specDir: string; outDir: string }): Promise<string[]>;
  updateHash(places: { specDir: string }): Promise<void>;
}

/** Loads the generator. */
export async function loadWireGen(): Promise<WireGen> {
  const path = join(REPO_DIR, "scripts/wire-gen.mjs");
  return (await import(path)) as WireGen;
}

export interface Example {
  file: string;
  /** Reference to the definition, e.g. `turn.schema.json#/$defs/TurnBegin`. */
  reference: string;
  value: unknown;
}

/** All examples of one kind, sorted by file name. */
export async function loadExamples(kind: "valid" | "invalid"): Promise<Example[]> {
  const dir = join(SPEC_DIR, "examples", kind);
  const files = (await readdir(dir)).sort();
  return Promise.all(
    files.map(async (file) => {
      const { $def, value } = JSON.parse(await readFile(join(dir, file), "utf8")) as { $def: string; value: unknown };
      return { file, reference: $def, value };
    }),
  );
}

/** Name of the definition an example belongs to; the root of wire.schema.json goes by its title. */
export function exampleDefinition(example: Example): string {
  return example.reference === "wire.schema.json#" ? "WireMessage" : (example.reference.split("/").at(-1) ?? "");
}

/** What ajv needs of the contract, or of the contract with its extensions. */
type SchemaFiles = Pick<Contract, `${string}.schema.json`>;

/** A strict ajv that knows all schema files by name. With `closed`, objects refuse keys that they do not list. */
export function contractAjv(contract: SchemaFiles, files: WireGen["SCHEMA_FILES"], closed = false): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false });
  for (const file of files) ajv.addSchema(closed ? (closeObjects(contract[file]) as Schema) : (contract[file] ?? {}));
  return ajv;
}

function closeObjects(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closeObjects);
  if (typeof node !== "object" || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closeObjects(value)]));
  const open = copy.type === "object" && "properties" in copy && !("additionalProperties" in copy);
  return open ? { ...copy, additionalProperties: false } : copy;
}
