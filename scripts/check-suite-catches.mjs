/**
 * Runs a part of the end-to-end suite against kernels with one fault each, and succeeds only when the suite is green
 * for the kernel as it is and red for every fault.
 *
 *   node scripts/check-suite-catches.mjs [fault...]
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { faults } from "./broken-kernel.mjs";
import { vitestVerdict } from "./vitest-verdict.mjs";

const RUN_MS = 180_000;

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const broken = path.join(root, "scripts", "broken-kernel.mjs");

/** Files that see the whole protocol and start few kernels. */
const FILES = [
  "tests_e2e/wire-turn.test.ts",
  "tests_e2e/wire-approval.test.ts",
  "tests_e2e/wire-initialize.test.ts",
  "tests_e2e/wire-errors.test.ts",
  "tests_e2e/bad-input.test.ts",
  "tests_e2e/bad-input-ids.test.ts",
];

const asked = process.argv.slice(2);
const names = asked.length > 0 ? asked : ["", ...Object.keys(faults)];
const wrong = [];
for (const name of names) {
  const { code, failed } = await runSuite(name);
  const isRight = name === "" ? code === 0 : code === 1 && failed.length > 0;
  if (!isRight) wrong.push(name || "(no fault)");
  console.log(
    `${isRight ? "ok  " : "BAD "} ${name || "(no fault)"}: ${failed.length === 0 ? "green" : failed.join("; ")}`,
  );
}
if (wrong.length > 0) console.log(`The suite did not judge rightly: ${wrong.join(", ")}.`);
process.exitCode = wrong.length === 0 ? 0 : 1;

function runSuite(fault) {
  // The first failure is enough to tell a fault.
  const bail = fault === "" ? [] : ["--bail=1"];
  const env = {
    ...process.env,
    KERNEL_E2E_CMD: JSON.stringify(["env", `BROKEN_KERNEL=${fault}`, process.execPath, broken]),
  };
  return vitestVerdict(["--project", "e2e", ...bail, ...FILES], { cwd: root, env, limitMs: RUN_MS });
}
