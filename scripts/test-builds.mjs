// Runs the e2e suite against each form of the kernel: the unbundled sources, the bundle, and bin/kernel.js.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundle, buildUnbundled } from "./build.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const forms = { source: "build/bin/kernel.js", bundle: "dist/kernel.js", bin: "bin/kernel.js" };

await buildBundle();
await buildUnbundled();
let failed = false;
for (const [name, file] of Object.entries(forms)) {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const env = { ...process.env, KERNEL_E2E_CMD: JSON.stringify([process.execPath, join(root, file)]) };
  const args = [vitest, "run", "--project", "e2e", ...process.argv.slice(2)];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env });
  console.log(`e2e against ${name} (${file}): ${status === 0 ? "passed" : "failed"}`);
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);
