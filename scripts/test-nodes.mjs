// Runs the contract and e2e tests on other Node versions. The runtimes come from the registry's platform packages of
// Node, at exact versions, cached under .cache/nodes and never a dependency. `node scripts/test-nodes.mjs [22|26] [--all] [-- vitest arguments]`.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const VERSIONS = ["22.23.2", "26.10.0"];
const PROJECTS = ["contract", "e2e"];
const FETCH_TIMEOUT_MS = 300_000;

/** What these files test lies above Node, and `npm test` has run them: left out to keep the check short; --all has them. */
const ABOVE_NODE = [
  ...["agent-file", "cli-places", "compat", "crash-failpoints", "crash-model", "crash-resume", "crash-turns", "flow"],
  ...["full-places", "hooks-failures", "host-deaths", "llama", "login", "mcp", "mcp-cli", "mcp-hostile", "plan"],
  ...["plan-mode", "session-faults-damage", "session-faults-lock", "task", "transcripts", "wrong-kernel"],
];
const LEFT_OUT = ABOVE_NODE.flatMap((name) => ["--exclude", `tests_e2e/${name}.test.ts`]);

/**
 * Gives the path of that Node's program, fetching it once. Throws when the registry has none for this platform or when
 * the program is not the version it should be.
 */
export function ensureNode(version, folder = path.join(root, ".cache", "nodes")) {
  const system = process.platform === "win32" ? "win" : process.platform;
  const name = `node-${system}-${process.arch}`;
  const prefix = path.join(folder, version);
  const program = path.join(prefix, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (!existsSync(program)) {
    mkdirSync(prefix, { recursive: true });
    const flags = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    execFileSync("npm", ["install", "--prefix", prefix, ...flags, `${name}@${version}`], {
      cwd: prefix,
      stdio: ["ignore", "ignore", "inherit"],
      timeout: FETCH_TIMEOUT_MS,
      shell: process.platform === "win32",
    });
  }
  const found = execFileSync(program, ["--version"], { encoding: "utf8" }).trim();
  if (found !== `v${version}`) throw new Error(`${program} is ${found} and not v${version}`);
  return program;
}

/**
 * Runs one project on one Node: the test runner and, through process.execPath and PATH, every kernel it starts. A
 * project without tests counts as failed.
 */
function runProject(version, program, project, extra) {
  const vitest = path.join(root, "node_modules", "vitest", "vitest.mjs");
  const env = {
    ...process.env,
    PATH: `${path.dirname(program)}${path.delimiter}${process.env.PATH ?? ""}`,
    KERNEL_E2E_NODE: program,
  };
  // Another kernel under test would choose its own runtime.
  delete env.KERNEL_E2E_CMD;
  const started = Date.now();
  const run = spawnSync(program, [vitest, "run", "--project", project, ...extra], { cwd: root, stdio: "inherit", env });
  const passed = run.status === 0;
  const reason = run.error?.message ?? run.signal ?? `exit code ${run.status}`;
  const outcome = passed ? "passed" : `failed (${reason})`;
  return { passed, line: `Node ${version}: ${project} ${outcome} in ${seconds(started)} s` };
}

function seconds(started) {
  return ((Date.now() - started) / 1000).toFixed(1);
}

function main(argv) {
  const split = argv.indexOf("--");
  const given = split === -1 ? argv : argv.slice(0, split);
  const wanted = given.filter((argument) => argument !== "--all");
  const own = split === -1 ? [] : argv.slice(split + 1);
  const extra = given.includes("--all") ? own : [...LEFT_OUT, ...own];
  const versions = VERSIONS.filter((version) => wanted.length === 0 || wanted.includes(version.split(".")[0]));
  if (versions.length === 0) {
    console.error(`No such version; there are ${VERSIONS.join(" and ")}.`);
    return 2;
  }
  if (!existsSync(path.join(root, "dist", "kernel.js"))) {
    console.error("There is no dist/kernel.js to test; run npm ci first.");
    return 1;
  }
  const results = [];
  for (const version of versions) {
    try {
      const program = ensureNode(version);
      for (const project of PROJECTS) {
        console.log(`\nNode ${version}: ${project}`);
        results.push(runProject(version, program, project, extra));
      }
    } catch (error) {
      results.push({ passed: false, line: `Node ${version}: not run: ${error.message}` });
    }
  }
  console.log("");
  for (const { line } of results) console.log(line);
  return results.every(({ passed }) => passed) ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
