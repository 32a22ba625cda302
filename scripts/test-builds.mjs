// Runs the e2e suite against each form of the kernel: the unbundled sources, the bundle, bin/kernel.js, and the thread
// of a host, which has neither signals nor commands and gets the tests of the wire.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundle, buildUnbundled } from "./build.mjs";
import { buildLibrary } from "./build-library.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const forms = {
  source: "build/bin/kernel.js",
  bundle: "dist/kernel.js",
  bin: "bin/kernel.js",
  thread: "tests_e2e/hosts/relay-host.mjs",
};
const onThread = [
  "wire-",
  "bad-input",
  "agent",
  "task",
  "mcp.test",
  "plan",
  "question",
  "skill",
  "flow",
  "transcripts",
];

await buildBundle();
await buildLibrary();
await buildUnbundled();
let failed = false;
for (const [name, file] of Object.entries(forms)) {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const env = { ...process.env, KERNEL_E2E_CMD: JSON.stringify([process.execPath, join(root, file)]) };
  const asked = process.argv.slice(2);
  const chosen = name === "thread" && asked.length === 0 ? onThread.map((file) => `tests_e2e/${file}`) : asked;
  const args = [vitest, "run", "--project", "e2e", ...chosen];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env });
  console.log(`e2e against ${name} (${file}): ${status === 0 ? "passed" : "failed"}`);
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);
