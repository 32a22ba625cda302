/** Everything at the wrong time: a host in a process of its own, see crash/torture-host.ts. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { expect, it, onTestFinished } from "vitest";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Another one by TORTURE_SEED. */
const SEED = Number(process.env.TORTURE_SEED ?? 7);

it("X-005 sixty random operations under random kills: everything settles once, nothing is left", async () => {
  const folder = mkdtempSync(join(tmpdir(), "torture-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, "host.mjs");
  const library = join(root, "dist", "lib", "index.js");
  buildSync({
    entryPoints: [join(root, "tests_e2e", "crash", "torture-host.ts")],
    ...{ outfile, bundle: true, platform: "node", format: "esm", logLevel: "error" },
    alias: { "wire-kernel": library },
    external: [library],
  });
  // It has to end by itself: a handle or promise that is left holds it beyond the timeout.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [outfile, root, String(SEED)], {
    timeout: 18_000,
    killSignal: "SIGKILL",
  });
  const { problems, kills } = JSON.parse(stdout) as { problems: string[]; kills: number };
  expect({ seed: SEED, problems, stderr }).toEqual({ seed: SEED, problems: [], stderr: "" });
  expect(kills).toBeGreaterThan(1);
}, 20_000);
