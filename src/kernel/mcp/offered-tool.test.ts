import { describe, expect, it } from "vitest";
import { MAX_TOOLS, readOffer } from "./offered-tool.js";

const tool = (name: string, more: object = {}) => ({
  name,
  description: "d",
  inputSchema: { type: "object" },
  ...more,
});

describe("readOffer", () => {
  it("takes name, description and schema, and nothing else", () => {
    const schema = { $schema: "http://json-schema.org/draft-07/schema#", type: "object", properties: { a: {} } };
    const raw = [{ name: "t", description: " says ", inputSchema: schema, annotations: { readOnlyHint: true } }];
    expect(readOffer(raw, false)).toEqual({
      tools: [{ remoteName: "t", description: "says", parameters: { type: "object", properties: { a: {} } } }],
      notices: [],
    });
  });

  it("takes the first 128 of 10,000", () => {
    const offer = readOffer(
      Array.from({ length: 10_000 }, (_, n) => tool(`t${n}`)),
      false,
    );
    expect(offer.tools).toHaveLength(MAX_TOOLS);
    expect(offer.notices).toEqual(["it offers more tools than are taken; the first 128 are"]);
  });

  it("says so when there were more pages", () => {
    expect(readOffer([tool("a")], true).notices).toHaveLength(1);
  });

  it("stops where all definitions together would be too large", () => {
    const fat = { inputSchema: { type: "object", properties: { a: { enum: ["x".repeat(15_000)] } } } };
    const offer = readOffer(
      Array.from({ length: 50 }, (_, n) => tool(`t${n}`, fat)),
      false,
    );
    expect(offer.tools.length).toBe(8);
    expect(offer.notices).toEqual(["it offers more tools than are taken; the first 8 are"]);
  });

  it("leaves out what has no name or one that came before", () => {
    const offer = readOffer([tool("a"), tool("a"), null, { name: 5 }, { name: "" }, tool("b")], false);
    expect(offer.tools.map((each) => each.remoteName)).toEqual(["a", "b"]);
    expect(offer.notices).toEqual(["4 of its tools cannot be used: no name, or one that came before"]);
  });

  it("cuts a description and takes hidden characters out of it", () => {
    const [long, hidden] = readOffer(
      [tool("a", { description: "x".repeat(5_000) }), tool("b", { description: "a\u202eb\u{e0041}c\u0007\nd" })],
      false,
    ).tools;
    expect(long?.description).toHaveLength(1_024);
    expect(hidden?.description).toBe("abc\nd");
  });

  it("drops the descriptions inside a schema that is too large, then the schema", () => {
    const described = { type: "object", properties: { a: { type: "string", description: "y".repeat(20_000) } } };
    const huge = { type: "object", properties: { a: { enum: ["z".repeat(20_000)] } } };
    const offer = readOffer([tool("a", { inputSchema: described }), tool("b", { inputSchema: huge })], false);
    expect(offer.tools.map((each) => each.parameters)).toEqual([
      { type: "object", properties: { a: { type: "string" } } },
      { type: "object", properties: {} },
    ]);
    expect(offer.notices).toEqual(["the parameters of 1 of its tools are too large and were left out"]);
  });

  it("keeps a parameter that is called like a keyword", () => {
    const schema = { type: "object", properties: { description: { type: "string" }, title: { type: "string" } } };
    expect(readOffer([tool("a", { inputSchema: schema })], false).tools[0]?.parameters).toEqual(schema);
  });

  it("makes an object of any schema", () => {
    const [a, b] = readOffer([tool("a", { inputSchema: { type: "string" } }), { name: "b" }], false).tools;
    expect(a?.parameters).toEqual({ type: "object", properties: {} });
    expect(b).toEqual({ remoteName: "b", description: "", parameters: { type: "object", properties: {} } });
  });

  it("survives a schema that is nested without end", () => {
    let deep: Record<string, unknown> = {};
    for (let n = 0; n < 5_000; n++) deep = { items: deep };
    expect(readOffer([tool("a", { inputSchema: deep })], false).tools).toHaveLength(1);
  });
});
