/** MATRIX.md and the tests name the same rows. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const here = fileURLToPath(new URL(".", import.meta.url));

/** A title with its id, whatever stands between `it` and it: `.each(...)`, `.runIf(...)`. */
const CITED = /\(\s*["'`]([A-Z]-\d+) /g;
const WITHOUT_ID = /(?<![.\w])(?:it|test)\(\s*["'`](?![A-Z]-\d+ )/g;

it("W-999 every row of the matrix is cited by a test title, and every title cites a row", () => {
  const rows = [...readFileSync(join(here, "MATRIX.md"), "utf8").matchAll(/^\| ([A-Z]-\d+) \|/gm)].map((m) => m[1]);
  expect(new Set(rows).size).toBe(rows.length);
  const cited = new Set<string>();
  const bare: string[] = [];
  for (const file of readdirSync(here).filter((name) => name.endsWith(".test.ts"))) {
    const source = readFileSync(join(here, file), "utf8");
    for (const match of source.matchAll(CITED)) cited.add(match[1] as string);
    for (const match of source.matchAll(WITHOUT_ID)) bare.push(`${file} at ${match.index}`);
  }
  expect(bare).toEqual([]);
  expect([...cited].sort()).toEqual([...(rows as string[])].sort());
});
