// Generates src/wire/generated from wire-spec/ and guards the hashes of the contract and of its extensions. Offline;
// writes only those files and, with --update-hash, wire-spec/versions.json.
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compile } from "json-schema-to-typescript";

export const SCHEMA_FILES = [
  "wire.schema.json",
  "common.schema.json",
  "lifecycle.schema.json",
  "turn.schema.json",
  "client-request.schema.json",
];
const CONTRACT_FILES = [...SCHEMA_FILES, "methods.json", "errors.json"];
export const EXTENSIONS_SCHEMA = "extensions.schema.json";
const EXTENSION_METHODS = "extension-methods.json";
/** Key of the extensions in versions.json: they have a hash of their own, and the contract's does not know them. */
const EXTENSIONS_VERSION = "extensions/1";
const BANNER =
  "// Generated from wire-spec/ by scripts/wire-gen.mjs. Do not edit: change the contract and run `npm run gen`.\n";
const TYPES_FILE = "types.gen.ts";
const TABLES_FILE = "tables.gen.ts";
const EXTENSIONS_FILE = "extensions.gen.ts";

/** Reads the contract folder. Returns file name -> parsed JSON; rejects when a file is missing or not JSON. */
export function readContract(specDir) {
  return readJson(specDir, CONTRACT_FILES);
}

/** Reads what extends the contract, as readContract does. */
export function readExtensions(specDir) {
  return readJson(specDir, [EXTENSIONS_SCHEMA, EXTENSION_METHODS]);
}

async function readJson(specDir, names) {
  const files = {};
  for (const name of names) files[name] = JSON.parse(await readFile(join(specDir, name), "utf8"));
  return files;
}

/** JSON text with sorted keys and no spaces, so that layout never changes a hash. */
export function canonicalJson(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${entries.join(",")}}`;
}

/** sha256 of the normalised contract, or of its extensions, in hex. */
export function contractHash(contract) {
  return createHash("sha256").update(canonicalJson(contract)).digest("hex");
}

/** All definitions of all files under one roof, with local references. Throws when two files share a name. */
export function bundleDefinitions(contract) {
  const definitions = {};
  for (const file of SCHEMA_FILES) {
    for (const [name, schema] of Object.entries(contract[file].$defs)) {
      if (definitions[name] !== undefined) throw new Error(`Two definitions are called ${name}.`);
      definitions[name] = localReferences(schema);
    }
  }
  const { title, description, anyOf } = contract["wire.schema.json"];
  return { [title]: localReferences({ description, anyOf }), ...definitions };
}

/** The definitions of the extensions, with local references. They may name each other only. */
export function extensionDefinitions(extensions) {
  return localReferences(extensions[EXTENSIONS_SCHEMA].$defs);
}

/** Type name of a `$ref` such as `turn.schema.json#/$defs/Event`; throws when the reference is of another kind. */
export function definitionName(reference) {
  const match = /^(?:[a-z-]+\.schema\.json)?#\/\$defs\/([A-Za-z]+)$/.exec(reference);
  if (match === null) throw new Error(`Not a reference to a definition: ${reference}`);
  return match[1];
}

function localReferences(node) {
  if (Array.isArray(node)) return node.map(localReferences);
  if (node === null || typeof node !== "object") return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) =>
      key === "$ref" ? [key, `#/$defs/${definitionName(value)}`] : [key, localReferences(value)],
    ),
  );
}

const CONSTRAINTS = ["type", "anyOf", "const", "enum", "$ref", "not"];

/** Same schema with the type spelled out where the generator would guess: anything, and objects without keys. */
function withTypeHints(node) {
  if (Array.isArray(node)) return node.map(withTypeHints);
  if (node === null || typeof node !== "object") return node;
  const hinted = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === "not") continue;
    hinted[key] =
      key === "properties" || key === "$defs"
        ? Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, anythingHint(withTypeHints(schema))]))
        : withTypeHints(value);
  }
  const closed = hinted.type === "object" && hinted.additionalProperties === undefined;
  if (closed && Object.keys(hinted.properties ?? {}).length === 0) hinted.tsType = "Record<string, never>";
  return hinted;
}

/** One object with a key per definition: the generator names only what the root can reach. */
function generatorInput(definitions, title, description) {
  const names = Object.keys(definitions);
  return withTypeHints({
    title,
    description,
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, { $ref: `#/$defs/${name}` }])),
    required: names,
    $defs: definitions,
  });
}

function anythingHint(schema) {
  return CONSTRAINTS.some((key) => key in schema) ? schema : { ...schema, tsType: "unknown" };
}

/** Variants of a `{type, payload}` union: type name -> name of the payload's definition. */
function variants(definition) {
  return Object.fromEntries(
    definition.anyOf.map((variant) => [variant.properties.type.const, definitionName(variant.properties.payload.$ref)]),
  );
}

function interfaceOf(name, doc, entries) {
  const lines = Object.entries(entries).map(([key, type]) => `  ${key}: ${type};`);
  return `/** ${doc} */\nexport interface ${name} {\n${lines.join("\n")}\n}\n`;
}

function methodInterface(name, doc, methods) {
  const shape = (method) =>
    `{ params: ${definitionName(method.params)}; result: ${method.result === null ? "null" : definitionName(method.result)} }`;
  return interfaceOf(name, doc, Object.fromEntries(methods.map((method) => [method.name, shape(method)])));
}

function typesOf(definitions, title, description) {
  return compile(generatorInput(definitions, title, description), title, {
    additionalProperties: false,
    bannerComment: BANNER.trimEnd(),
    unknownAny: true,
    style: { printWidth: 120 },
  });
}

/** TypeScript source with one type per definition, plus the maps from type or method name to type. */
export async function generateTypes(contract) {
  const definitions = bundleDefinitions(contract);
  const source = await typesOf(definitions, "WireDefinitions", "Every definition of the contract by its name.");
  const methods = contract["methods.json"].methods;
  const requests = variants(definitions.ServerRequest);
  return [
    source,
    interfaceOf("EventPayloads", "Event type -> payload.", variants(definitions.Event)),
    interfaceOf("ServerRequestPayloads", "Request type -> payload.", requests),
    interfaceOf(
      "ServerRequestResults",
      "Request type -> the client's answer.",
      Object.fromEntries(Object.keys(requests).map((type) => [type, type.replace(/Request$/, "Result")])),
    ),
    methodInterface(
      "ClientMethods",
      "Methods that a client calls.",
      methods.filter((method) => method.direction === "client_to_kernel"),
    ),
    methodInterface(
      "KernelMethods",
      "Methods that a kernel calls; a null result means a notification.",
      methods.filter((method) => method.direction === "kernel_to_client"),
    ),
  ].join("\n");
}

/** TypeScript source with the tables of the contract as constants. */
export function generateTables(contract) {
  const definitions = bundleDefinitions(contract);
  const { protocol_version, methods } = contract["methods.json"];
  const methodTable = Object.fromEntries(
    methods.map(({ name, direction, kind, since }) => [name, { direction, kind, since }]),
  );
  const errorTable = Object.fromEntries(contract["errors.json"].errors.map(({ when, ...row }) => [row.code, row]));
  return [
    BANNER,
    constant("PROTOCOL_VERSION", "The version of Wire that the contract describes.", protocol_version),
    constant("METHODS", "Every method of the wire.", methodTable),
    constant(
      "ERRORS",
      "Every error of the wire by its string code; `<name>` in a message is a place to fill in.",
      errorTable,
    ),
    constant("EVENT_TYPES", "Types of the `event` notification.", Object.keys(variants(definitions.Event))),
    constant("REQUEST_TYPES", "Types of the kernel's `request`.", Object.keys(variants(definitions.ServerRequest))),
    constant("HOOK_EVENTS", "Hook events in the order of `supported_events`.", definitions.HookEvent.enum),
  ].join("\n");
}

function constant(name, doc, value) {
  return `/** ${doc} */\nexport const ${name} = ${JSON.stringify(value, null, 2)} as const;\n`;
}

/** TypeScript source with the types of the extensions, their names and their methods. */
export async function generateExtensions(extensions) {
  const definitions = extensionDefinitions(extensions);
  const { methods } = extensions[EXTENSION_METHODS];
  const results = methods.flatMap(({ result }) => (result === null ? [] : [definitionName(result)]));
  const foreign = [...new Set(results)].filter((name) => definitions[name] === undefined);
  const source = await typesOf(definitions, "ExtensionDefinitions", "Every definition of the extensions by its name.");
  const direction = (name) => methods.filter((method) => method.direction === name);
  return [
    source.replace(BANNER, `${BANNER}import type { ${foreign.join(", ")} } from "./types.gen.js";\n`),
    methodInterface(
      "ExtensionClientMethods",
      "Methods of the extensions that a client calls.",
      direction("client_to_kernel"),
    ),
    methodInterface(
      "ExtensionKernelMethods",
      "Methods of the extensions that a kernel calls; a null result means a notification.",
      direction("kernel_to_client"),
    ),
    constant("EXTENSIONS", "The names of all extensions.", definitions.ExtensionName.enum),
    constant(
      "EXTENSION_METHODS",
      "Every method of the extensions.",
      Object.fromEntries(methods.map(({ name, extension, direction, kind }) => [name, { extension, direction, kind }])),
    ),
  ].join("\n");
}

/** The generated files of a contract and its extensions: file name -> text. */
export async function generate(contract, extensions) {
  return {
    [TYPES_FILE]: await generateTypes(contract),
    [TABLES_FILE]: generateTables(contract),
    [EXTENSIONS_FILE]: await generateExtensions(extensions),
  };
}

/** Compares the committed files and the recorded hash with the contract. Returns one sentence per fault, none when fresh. */
export async function check({ specDir, outDir }) {
  const contract = await readContract(specDir);
  const extensions = await readExtensions(specDir);
  const faults = [];
  for (const [name, text] of Object.entries(await generate(contract, extensions))) {
    const committed = await readFile(join(outDir, name), "utf8").catch(() => null);
    if (committed !== text) faults.push(`src/wire/generated/${name} does not match wire-spec/. Run \`npm run gen\`.`);
  }
  const version = contract["methods.json"].protocol_version;
  const recorded = JSON.parse(await readFile(join(specDir, "versions.json"), "utf8"));
  const advice = 'Read "Changing the contract" in wire-spec/README.md, then run `npm run gen -- --update-hash`.';
  if (recorded[version] !== contractHash(contract)) {
    faults.push(`The contract of Wire ${version} is not the one recorded in wire-spec/versions.json. ${advice}`);
  }
  if (recorded[EXTENSIONS_VERSION] !== contractHash(extensions)) {
    faults.push(`The extensions are not those recorded in wire-spec/versions.json. ${advice}`);
  }
  return faults;
}

/** Writes the generated files. */
export async function writeGenerated({ specDir, outDir }) {
  const files = await generate(await readContract(specDir), await readExtensions(specDir));
  for (const [name, text] of Object.entries(files)) await writeFile(join(outDir, name), text);
}

/** Records the hashes of the current version and of the extensions in versions.json; other versions stay as they are. */
export async function updateHash({ specDir }) {
  const contract = await readContract(specDir);
  const path = join(specDir, "versions.json");
  const versions = JSON.parse(await readFile(path, "utf8"));
  versions[contract["methods.json"].protocol_version] = contractHash(contract);
  versions[EXTENSIONS_VERSION] = contractHash(await readExtensions(specDir));
  await writeFile(path, `${JSON.stringify(versions, null, 2)}\n`);
}

async function main(args) {
  const places = {
    specDir: fileURLToPath(new URL("../wire-spec", import.meta.url)),
    outDir: fileURLToPath(new URL("../src/wire/generated", import.meta.url)),
  };
  if (args.includes("--check")) {
    const faults = await check(places);
    for (const fault of faults) console.error(fault);
    return faults.length === 0 ? 0 : 1;
  }
  await writeGenerated(places);
  if (args.includes("--update-hash")) await updateHash(places);
  return 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  process.exitCode = await main(process.argv.slice(2));
}
