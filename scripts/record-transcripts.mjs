// Writes wire-spec/transcripts anew from the built kernel. Read the diff before you commit it: each change of a line is
// a change of what clients see.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const args = [vitest, "run", "--project", "e2e", "tests_e2e/transcripts.test.ts"];
const env = { ...process.env, KERNEL_E2E_RECORD: "1" };
process.exitCode = spawnSync(process.execPath, args, { cwd: root, env, stdio: "inherit" }).status ?? 1;
