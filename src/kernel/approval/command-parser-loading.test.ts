import { expect, it } from "vitest";
import { createCommandParser, lazyCommandParser } from "./command-parser.js";
import { grammarFiles } from "./grammar-files.js";

// A file of its own: the library loads its runtime once per process, and here nothing has loaded it yet.
it("parsers that are made while others load share one runtime", async () => {
  const grammar = await grammarFiles(import.meta.url);
  const loading = [];
  for (let turn = 0; turn < 40; turn += 1) {
    loading.push(createCommandParser({ grammar }));
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const parser of await Promise.all(loading)) {
    const parsed = parser.parse("git log -5 && ls 'a b'");
    expect(parsed).toMatchObject({
      kind: "simple",
      commands: [{ argv: ["git", "log", "-5"] }, { argv: ["ls", "a b"] }],
    });
    parser.close();
  }
});

it("a parser loads at its first command and once", async () => {
  let asked = 0;
  const lazy = lazyCommandParser({
    grammar: () => {
      asked += 1;
      return grammarFiles(import.meta.url);
    },
  });
  expect(asked).toBe(0);
  const parsed = await Promise.all(["ls", "pwd", "ls"].map((command) => lazy.parse(command)));
  expect(parsed.map((each) => each.kind)).toEqual(["simple", "simple", "simple"]);
  expect(asked).toBe(1);
  lazy.close();
  expect((await lazy.parse("ls")).kind).toBe("complex");
});
