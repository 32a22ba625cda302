import { describe, expect, test } from "vitest";
import { EVENT_TYPES, REQUEST_TYPES } from "../generated/tables.gen.js";
import { contractAjv, exampleDefinition, loadExamples, loadWireGen, SPEC_DIR } from "./testing/contract-files.js";

const gen = await loadWireGen();
const contract = await gen.readContract(SPEC_DIR);
const extensions = await gen.readExtensions(SPEC_DIR);
const definitions = { ...gen.bundleDefinitions(contract), ...gen.extensionDefinitions(extensions) };
const ajv = contractAjv({ ...contract, ...extensions }, [...gen.SCHEMA_FILES, gen.EXTENSIONS_SCHEMA]);
const closedAjv = contractAjv(contract, gen.SCHEMA_FILES, true);
const valid = await loadExamples("valid");
const invalid = await loadExamples("invalid");

/** Names of all definitions that a definition can hold, itself included. */
function reach(name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const [, inner] of JSON.stringify(definitions[name]).matchAll(/#\/\$defs\/([A-Za-z]+)/g))
    reach(inner ?? "", seen);
  return seen;
}

/** A definition without any constraint takes every value, so it can have no invalid example. */
function takesAnything(name: string): boolean {
  return Object.keys(definitions[name] ?? {}).every((keyword) => keyword === "description");
}

describe("examples", () => {
  test.each(valid.map((example) => [example.file, example] as const))("valid/%s fits its schema", (_, example) => {
    expect(ajv.validate(example.reference, example.value), ajv.errorsText()).toBe(true);
  });

  test.each(invalid.map((example) => [example.file, example] as const))("invalid/%s is refused", (_, example) => {
    expect(ajv.validate(example.reference, example.value)).toBe(false);
  });

  test("every definition has a valid and an invalid example, and no example is for anything else", () => {
    const names = Object.keys(definitions).sort();
    expect([...new Set(valid.map(exampleDefinition))].sort()).toEqual(names);
    const constrained = names.filter((name) => !takesAnything(name));
    expect([...new Set(invalid.map(exampleDefinition))].sort()).toEqual(constrained);
  });

  test("no extension redefines what the contract has", () => {
    const names = new Set(Object.keys(gen.bundleDefinitions(contract)));
    expect(Object.keys(gen.extensionDefinitions(extensions)).filter((name) => names.has(name))).toEqual([]);
    const methods = new Set(contract["methods.json"].methods.map(({ name }) => name));
    expect(extensions["extension-methods.json"].methods.filter(({ name }) => methods.has(name))).toEqual([]);
  });

  test("every event and request type has an example in its envelope", () => {
    const typesOf = (name: string) =>
      new Set(valid.filter((e) => exampleDefinition(e) === name).map((e) => (e.value as { type: string }).type));
    expect(typesOf("Event")).toEqual(new Set(EVENT_TYPES));
    expect(typesOf("ServerRequest")).toEqual(new Set(REQUEST_TYPES));
  });

  test("what a kernel writes holds no key beyond the contract", () => {
    const written = reach("KernelMessage");
    for (const { params, result } of contract["methods.json"].methods) {
      if (!params.endsWith("Params") || result === null) continue;
      for (const name of reach(gen.definitionName(result))) written.add(name);
    }
    const stray = valid
      .filter((example) => written.has(exampleDefinition(example)))
      .filter((example) => !closedAjv.validate(example.reference, example.value));
    expect(stray.map((example) => example.file)).toEqual([]);
  });
});
