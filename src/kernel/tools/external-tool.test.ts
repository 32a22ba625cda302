import { describe, expect, test } from "vitest";
import { ExternalTools } from "./external-tool.js";
import { toolOk } from "./tool.js";

const offer = (name: string, parameters: Record<string, unknown> = { type: "object" }) => ({
  name,
  description: `does ${name}`,
  parameters,
});

function setUp() {
  const calls: unknown[] = [];
  const tools = new ExternalTools(new Set(["Shell"]), async (call) => {
    calls.push(call);
    return toolOk("from the client");
  });
  return { tools, calls };
}

/** Prepares a call; gives the error message, or null when it may act. */
async function refusal(tools: ExternalTools, name: string, args: string | null): Promise<string | null> {
  const call = { toolCallId: "t1", signal: new AbortController().signal };
  const prepared = await tools.find(name)?.prepare(args, call);
  if (prepared === undefined) throw new Error("no such tool");
  if (!("isError" in prepared)) return null;
  expect(prepared).toMatchObject({ isError: true, display: [{ type: "brief", text: "Invalid arguments" }] });
  return prepared.message;
}

describe("registration", () => {
  test("accepted names in order, duplicates twice, built-in names refused", async () => {
    const { tools } = setUp();
    expect(await tools.register([offer("a"), offer("Shell"), offer("b"), offer("a")])).toEqual({
      accepted: ["a", "b", "a"],
      rejected: [{ name: "Shell", reason: "conflicts with builtin tool" }],
    });
    expect(tools.definitions.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(tools.find("Shell")).toBeNull();
    expect(tools.find("toString")).toBeNull();
  });

  test("a later definition replaces the earlier one, in its place", async () => {
    const { tools } = setUp();
    await tools.register([offer("a"), offer("b")]);
    await tools.register([offer("a", { type: "object", required: ["x"] })]);
    expect(tools.definitions).toEqual([offer("a", { type: "object", required: ["x"] }), offer("b")]);
    expect(await refusal(tools, "a", "{}")).toContain("x");
  });

  test("a replacement that is no schema leaves the earlier one", async () => {
    const { tools } = setUp();
    await tools.register([offer("a")]);
    const { accepted, rejected } = await tools.register([offer("a", { type: "nope" })]);
    expect(accepted).toEqual([]);
    expect(rejected).toEqual([{ name: "a", reason: expect.stringMatching(/./) }]);
    expect(await refusal(tools, "a", "{}")).toBeNull();
  });

  test("nothing offered", async () => {
    expect(await setUp().tools.register([])).toEqual({ accepted: [], rejected: [] });
  });

  test.each([
    ["an unknown type", { type: "nope" }],
    ["a keyword of the wrong type", { type: "object", required: "x" }],
    ["a reference to nowhere", { $ref: "#/nowhere" }],
    ["a pattern that is no pattern", { type: "string", pattern: "(" }],
    ["an unknown dialect", { $schema: "https://example.com/my-own-schema" }],
  ])("%s is refused with a reason", async (_name, parameters) => {
    const { rejected } = await setUp().tools.register([offer("a", parameters)]);
    expect(rejected).toEqual([{ name: "a", reason: expect.stringMatching(/./) }]);
  });

  test.each([
    ["draft-04", "http://json-schema.org/draft-04/schema#"],
    ["draft-06", "http://json-schema.org/draft-06/schema#"],
    ["draft-07", "http://json-schema.org/draft-07/schema#"],
    ["draft-07 without its hash", "http://json-schema.org/draft-07/schema"],
    ["2019-09", "https://json-schema.org/draft/2019-09/schema"],
    ["2020-12", "https://json-schema.org/draft/2020-12/schema"],
  ])("a schema that says it is %s", async (_name, $schema) => {
    const { tools } = setUp();
    const parameters = { $schema, type: "object", properties: { n: { type: "integer" } } };
    expect(await tools.register([offer("a", parameters)])).toMatchObject({ accepted: ["a"] });
    expect(await refusal(tools, "a", '{"n":1}')).toBeNull();
    expect(await refusal(tools, "a", '{"n":"x"}')).toContain("/n");
  });

  test("tuples, definitions and references of both generations", async () => {
    const { tools } = setUp();
    const $schema = "http://json-schema.org/draft-07/schema#";
    const outcome = await tools.register([
      offer("old", { $schema, properties: { p: { items: [{ type: "number" }] } } }),
      offer("new", { properties: { p: { $ref: "#/$defs/p" } }, $defs: { p: { prefixItems: [{ type: "number" }] } } }),
    ]);
    expect(outcome.accepted).toEqual(["old", "new"]);
    for (const name of outcome.accepted) {
      expect(await refusal(tools, name, '{"p":[1]}')).toBeNull();
      expect(await refusal(tools, name, '{"p":["x"]}')).toContain("/p/0");
    }
  });

  test("two tools may share an $id, and unknown formats and keywords are let through", async () => {
    const { tools } = setUp();
    const parameters = {
      $id: "https://example.com/s",
      type: "object",
      properties: { d: { format: "moon" } },
      "x-ui": 1,
    };
    expect((await tools.register([offer("a", parameters), offer("b", parameters)])).accepted).toEqual(["a", "b"]);
  });

  test("what is listed is what was offered", async () => {
    const { tools } = setUp();
    const parameters = { type: "object", properties: { b: {}, a: {} } };
    await tools.register([offer("a", parameters)]);
    expect(JSON.stringify(tools.definitions)).toBe(JSON.stringify([offer("a", parameters)]));
  });
});

describe("arguments", () => {
  const SCHEMA = {
    type: "object",
    properties: { n: { type: "integer" }, list: { type: "array", items: { type: "string" } } },
    required: ["n"],
    additionalProperties: false,
  };

  test.each([
    ["not JSON", '{"n":', /^Error parsing JSON arguments: ./],
    ["a missing key", "{}", /^Error validating JSON arguments: arguments must have required property 'n'$/],
    ["none at all count as {}", null, /^Error validating JSON arguments: arguments must have required property 'n'$/],
    ["blank ones too", " ", /required property 'n'$/],
    ["null too", "null", /required property 'n'$/],
    ["a wrong type", '{"n":"x"}', /^Error validating JSON arguments: \/n must be integer$/],
    ["deeper", '{"n":1,"list":[1]}', /^Error validating JSON arguments: \/list\/0 must be string$/],
    [
      "an extra key",
      '{"n":1,"x":2}',
      /^Error validating JSON arguments: arguments must NOT have additional properties$/,
    ],
    ["a list", "[]", /^Error validating JSON arguments: arguments must be object$/],
  ])("%s", async (_name, args, message) => {
    const { tools, calls } = setUp();
    await tools.register([offer("a", SCHEMA)]);
    expect(await refusal(tools, "a", args)).toMatch(message);
    expect(calls).toEqual([]);
  });

  test.each([
    ["as the model wrote them", '{ "n" : 1 }'],
    ["none", null],
  ])("go to the client %s", async (_name, args) => {
    const { tools, calls } = setUp();
    await tools.register([offer("a", args === null ? { type: "object" } : SCHEMA)]);
    const tool = tools.find("a");
    const signal = new AbortController().signal;
    const prepared = await tool?.prepare(args, { toolCallId: "t1", signal });
    if (prepared === undefined || "isError" in prepared) throw new Error("refused");
    expect(prepared).toMatchObject({ ask: null, effect: "exec" });
    expect(await prepared.execute({ signal, toolCallId: "call", effectId: "e" })).toEqual(toolOk("from the client"));
    expect(calls).toEqual([{ id: "t1", name: "a", arguments: args }]);
    expect(tool?.exclusiveKey(args)).toBeNull();
  });
});
