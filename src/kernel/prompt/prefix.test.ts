import { expect, test } from "vitest";
import { frozenPrefix, prefixChange } from "./prefix.js";

const tool = (name: string, description = "d") => ({ name, description, parameters: { type: "object" } });
const base = frozenPrefix("system", [tool("A"), tool("B")]);

test("lists the tools by name, in order, and hashes all that a model sees", () => {
  expect(base).toEqual({
    system_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    tools: ["A", "B"],
    tools_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test.each([
  ["nothing", frozenPrefix("system", [tool("A"), tool("B")]), null],
  ["the text", frozenPrefix("System", [tool("A"), tool("B")]), "system text"],
  ["one tool more", frozenPrefix("system", [tool("A"), tool("B"), tool("C")]), "listed tools"],
  ["their order", frozenPrefix("system", [tool("B"), tool("A")]), "listed tools"],
  ["a description", frozenPrefix("system", [tool("A", "D"), tool("B")]), "listed tools"],
  [
    "a schema's key order",
    frozenPrefix("system", [{ ...tool("A"), parameters: { properties: {}, type: "object" } }, tool("B")]),
    "listed tools",
  ],
])("a change of %s", (_name, now, change) => {
  expect(prefixChange(base, now)).toBe(change);
});
