import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { defineTool, toolOk } from "../tool.js";
import { parseArguments, toolDefinition } from "./tool-schema.js";

const parameters = z.object({
  hidden: z._default(z.boolean(), false),
  title: z.string().check(z.minLength(1), z.describe("What it is")),
  count: z._default(z.int().check(z.maximum(9)), 3),
  mode: z.optional(z.enum(["a", "b"])),
  items: z.optional(z.array(z.object({ description: z.string(), default: z.optional(z.int()) }))),
});

function sample(listed: string[]) {
  return defineTool({ name: "Sample", description: "Does it.", parameters, listed, prepare: async () => toolOk("") });
}

function messageOf(json: string | null, schema: z.ZodMiniType = parameters): string {
  const tool = defineTool({ ...sample([]), parameters: schema, prepare: async () => toolOk("") });
  const parsed = parseArguments(tool, json);
  if (parsed.ok) throw new Error("accepted");
  expect(parsed.result).toMatchObject({ isError: true, display: [{ type: "brief", text: "Invalid arguments" }] });
  return parsed.result.message;
}

describe("toolDefinition", () => {
  it("lists only the listed keys, in their order, without noise, byte for byte", () => {
    expect(JSON.stringify(toolDefinition(sample(["title", "count", "mode", "items"])))).toBe(
      '{"name":"Sample","description":"Does it.","parameters":{"type":"object","properties":{' +
        '"title":{"type":"string","description":"What it is","minLength":1},' +
        '"count":{"type":"integer","default":3,"maximum":9},' +
        '"mode":{"type":"string","enum":["a","b"]},' +
        '"items":{"type":"array","items":{"type":"object","properties":{"description":{"type":"string"},' +
        '"default":{"type":"integer"}},"required":["description"]}}},"required":["title"]}}',
    );
  });

  it("leaves `required` out when nothing is required", () => {
    const tool = defineTool({
      ...sample(["a"]),
      parameters: z.object({ a: z.optional(z.string()) }),
      prepare: async () => toolOk(""),
    });
    expect(toolDefinition(tool).parameters).toEqual({ type: "object", properties: { a: { type: "string" } } });
  });

  it("refuses a tool that lists what it has not, or hides what it needs", () => {
    expect(() => toolDefinition(sample(["title", "nope"]))).toThrow("nope");
    expect(() => toolDefinition(sample(["count"]))).toThrow("title");
  });
});

describe("parseArguments", () => {
  const optional = z.object({ a: z._default(z.int(), 1) });

  it.each([null, "", "  \n", "{}", "null", '{"unknown":1}'])("reads %j as no arguments", (json) => {
    const tool = defineTool({ ...sample([]), parameters: optional, prepare: async () => toolOk("") });
    expect(parseArguments(tool, json)).toEqual({ ok: true, args: { a: 1 } });
  });

  it("opens JSON within a JSON string, once", () => {
    const inner = JSON.stringify({ title: "x" });
    expect(parseArguments(sample([]), JSON.stringify(inner))).toMatchObject({
      ok: true,
      args: { title: "x", count: 3 },
    });
    expect(messageOf(JSON.stringify(JSON.stringify(inner)))).toBe(
      "Error validating JSON arguments: expected an object, got string",
    );
  });

  it("says what is no JSON", () => {
    expect(messageOf("{bad json")).toMatch(/^Error parsing JSON arguments: \S/);
    expect(messageOf('{"title":"x"} trailing')).toMatch(/^Error parsing JSON arguments: \S/);
  });

  it.each([
    ["[]", "expected an object, got array"],
    ["3", "expected an object, got number"],
    ['"text"', "expected an object, got string"],
    ["{}", "title: required"],
    ['{"title":5}', "title: expected string, got number"],
    ['{"title":""}', "title: expected at least 1 characters"],
    ['{"title":"x","count":10}', "count: expected at most 9"],
    ['{"title":"x","count":"1","mode":"c"}', 'count: expected number, got string\nmode: expected "a" or "b"'],
    ['{"title":"x","items":[{"description":"y"},{}]}', "items.1.description: required"],
    ['{"title":null}', "title: expected string, got null"],
  ])("refuses %s", (json, problem) => {
    expect(messageOf(json)).toBe(`Error validating JSON arguments: ${problem}`);
  });

  it("names the nearest form of a union", () => {
    const edit = z.object({ old: z.string(), new: z.string() });
    const schema = z.object({ edit: z.union([edit, z.array(edit)]) });
    expect(messageOf('{"edit":{"old":"a"}}', schema)).toBe(
      "Error validating JSON arguments: edit: fits none of the accepted forms (new: required)",
    );
  });

  it("lets __proto__ change nothing", () => {
    const parsed = parseArguments(sample([]), '{"title":"x","__proto__":{"polluted":1}}');
    expect(parsed.ok).toBe(true);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
