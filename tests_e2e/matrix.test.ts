/** MATRIX.md and the tests name the same rows. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const here = fileURLToPath(new URL(".", import.meta.url));

/** The start of a test title: an id of two parts, e.g. W-101. */
const TITLE = /\b(?:it|test)(?:\.\w+(?:\([^()]*\))?)*\(\s*["'`]([A-Z]-\d+)?/g;

it("W-999 every row of the matrix is cited by a test title, and every title cites a row", () => {
  const rows = [...readFileSync(join(here, "MATRIX.md"), "utf8").matchAll(/^\| ([A-Z]-\d+) \|/gm)].map((m) => m[1]);
  expect(new Set(rows).size).toBe(rows.length);
  const cited = new Set<string>();
  const bare: string[] = [];
  for (const file of readdirSync(here).filter((name) => name.endsWith(".test.ts"))) {
    for (const match of readFileSync(join(here, file), "utf8").matchAll(TITLE)) {
      if (match[1] === undefined) bare.push(`${file}: ${match[0]}`);
      else cited.add(match[1]);
    }
  }
  expect(bare).toEqual([]);
  expect([...cited].sort()).toEqual([...(rows as string[])].sort());
});
