import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { MUTANTS, mutated } from "./mutants.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Mutants run seldom; a change of the sources must not leave one behind that changes nothing. */
test.each(Object.entries(MUTANTS))("%s fits the sources", (_name, mutant) => {
  expect(mutated(path.join(root, mutant.file), mutant)).toContain(mutant.to);
});
