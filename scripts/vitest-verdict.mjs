/** Runs a part of the test suite as a child and tells what failed. */
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const vitest = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "node_modules/vitest/vitest.mjs");

/**
 * Runs vitest with these arguments in `cwd`; killed after `limitMs`. Gives the exit code, null after a kill, and the
 * titles of the failed tests, none when the run broke before it could tell.
 */
export function vitestVerdict(args, { cwd, env = process.env, limitMs }) {
  return new Promise((resolve) => {
    const words = [vitest, "run", "--reporter=json", ...args];
    const child = spawn(process.execPath, words, { cwd, env, stdio: ["ignore", "pipe", "ignore"] });
    const late = setTimeout(() => child.kill("SIGKILL"), limitMs);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      output += chunk;
    });
    child.once("close", (code) => {
      clearTimeout(late);
      resolve({ code, failed: failedTests(output) });
    });
  });
}

function failedTests(output) {
  try {
    const { testResults } = JSON.parse(output.slice(output.indexOf("{")));
    const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
    return tests.filter(({ status }) => status === "failed").map(({ title }) => title);
  } catch {
    return [];
  }
}
