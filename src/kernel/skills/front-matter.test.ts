import { describe, expect, test } from "vitest";
import { parseYaml } from "../config/yaml-text.js";
import { readFields, splitFrontMatter } from "./front-matter.js";

describe("splitFrontMatter", () => {
  test.each([
    ["none", "Text\n---\n", { head: null, body: "Text\n---\n", open: false }],
    ["plain", "---\na: 1\n---\nBody", { head: "a: 1\n", body: "Body", open: false }],
    ["empty", "---\n---\nBody", { head: "", body: "Body", open: false }],
    ["Windows", "---\r\na: 1\r\n---\r\nBody", { head: "a: 1\r\n", body: "Body", open: false }],
    ["at the end of the file", "---\na: 1\n---", { head: "a: 1\n", body: "", open: false }],
    ["without an end", "---\na: 1\nBody", { head: null, body: "", open: true }],
    ["a rule in the text", "---\na: 1\n---\nx\n---\ny", { head: "a: 1\n", body: "x\n---\ny", open: false }],
  ])("%s", (_, text, expected) => {
    expect(splitFrontMatter(text)).toEqual(expected);
  });
});

describe("readFields", () => {
  // The reader by hand must never differ from YAML where it answers itself.
  const heads = [
    "name: x\ndescription: Does things.",
    "name: \"x y\"\ndescription: 'single'",
    "description: a: b",
    'description: "a: b # c"',
    "description: a #comment",
    "description: a#b",
    "description: >-\n  folded\n  text",
    "description: |\n  literal\n",
    "tags: [a, b]",
    "metadata:\n  a: b",
    "name: 'it''s'",
    'name: "a\\nb"',
    "# comment\n\nname: x",
    "name: x\nname: x",
    "a: ~\nb:\nc: null",
    "a: - b",
    "a: http://x.y/z",
    "name: x  ",
    "a: {b: c}",
    "a: *nope",
    "a:\tb",
    'a: "x" y',
  ];
  test.each(heads)("%j", async (head) => {
    const strings = (fields: unknown) =>
      Object.fromEntries(Object.entries(fields as object).map(([key, value]) => [key, String(value)]));
    const expected = await parseYaml(head).then(strings, () => "an error");
    expect(await readFields(head).then(strings, () => "an error")).toEqual(expected);
  });

  test("what is no mapping is refused", async () => {
    await expect(readFields("- a\n- b")).rejects.toThrow("keys and values");
    await expect(readFields("a: [")).rejects.toThrow(/\S/);
    expect(await readFields("")).toEqual({});
  });

  test("a bomb of aliases is refused", async () => {
    const lines = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (const [name, before] of ["ba", "cb", "dc", "ed", "fe", "gf", "hg"]) {
      lines.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(", ")}]`);
    }
    await expect(readFields(lines.join("\n"))).rejects.toThrow();
  });
});
