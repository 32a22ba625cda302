/**
 * Breaks one promise at a time in a copy of the sources and runs the suites that must notice. Succeeds only when they are
 * green for the copy as it is and red for every mutant.
 *
 *   node scripts/crash-mutants.mjs [--suite order|turns] [mutant...]
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MUTANTS, mutated } from "./mutants.mjs";
import { vitestVerdict } from "./vitest-verdict.mjs";

const RUN_MS = 600_000;
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The order of the calls, and whole turns whose kernels are killed. */
const SUITES = {
  order: { project: "unit", file: "src/kernel/session/write-order.test.ts" },
  turns: { project: "e2e", file: "tests_e2e/crash-turns.test.ts" },
};

const { values, positionals: asked } = parseArgs({ options: { suite: { type: "string" } }, allowPositionals: true });
const suitesOf = ({ suites }) => suites.filter((suite) => values.suite === undefined || suite === values.suite);
const unknown = asked.filter((name) => MUTANTS[name] === undefined);
if (unknown.length > 0) throw new Error(`There is no mutant ${unknown.join(", ")}.`);
const names = (asked.length > 0 ? asked : Object.keys(MUTANTS)).filter((name) => suitesOf(MUTANTS[name]).length > 0);
for (const name of names) mutated(path.join(root, MUTANTS[name].file), MUTANTS[name]);
const used = new Set(names.flatMap((name) => suitesOf(MUTANTS[name])));
const wrong = [];
for (const name of ["", ...names]) {
  const place = copyOf(name);
  for (const suite of name === "" ? used : suitesOf(MUTANTS[name])) {
    const { code, failed } = await run(place, SUITES[suite]);
    const isRight = name === "" ? code === 0 : code === 1 && failed.length > 0;
    if (!isRight) wrong.push(`${name || "as it is"} in ${suite}`);
    console.log(
      `${isRight ? "ok  " : "BAD "} ${name || "as it is"}, ${suite}: ${failed[0] ?? (code === 0 ? "green" : "broke")}`,
    );
  }
  rmSync(place, { recursive: true, force: true });
}
if (wrong.length > 0) console.log(`The suites did not judge rightly: ${wrong.join("; ")}.`);
process.exitCode = wrong.length === 0 ? 0 : 1;

/** A copy of all tracked sources with this mutation, built when a suite needs it. */
function copyOf(name) {
  const place = path.join(root, ".cache", "mutants", name || "as-it-is");
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  for (const file of files.split("\n").filter((line) => line !== "" && existsSync(path.join(root, line)))) {
    if (file === "node_modules") continue;
    mkdirSync(path.dirname(path.join(place, file)), { recursive: true });
    cpSync(path.join(root, file), path.join(place, file));
  }
  symlinkSync(path.join(root, "node_modules"), path.join(place, "node_modules"), "dir");
  const mutant = MUTANTS[name];
  if (mutant !== undefined) {
    const file = path.join(place, mutant.file);
    writeFileSync(file, mutated(file, mutant));
  }
  const suites = mutant === undefined ? [...used] : suitesOf(mutant);
  if (suites.includes("turns")) execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: place, stdio: "inherit" });
  return place;
}

function run(place, { project, file }) {
  const args = ["--root", place, "--project", project, "--bail=1", file];
  return vitestVerdict(args, { cwd: place, limitMs: RUN_MS });
}
