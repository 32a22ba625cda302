// Writes start.cache: what V8 compiled while the built kernel answered one initialize. It fits the Node that builds;
// another Node rejects it and compiles as if it were not there.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import vm from "node:vm";

const RUN_MS = 30_000;
const self = fileURLToPath(import.meta.url);
const initialize = { jsonrpc: "2.0", id: "1", method: "initialize", params: { protocol_version: "1.10" } };

/** Runs the kernel of `outdir` once, in a home of its own. Throws when it does not answer. */
export function writeStartCache(outdir) {
  const home = mkdtempSync(join(tmpdir(), "kernel-start-"));
  try {
    writeFileSync(join(home, "config.toml"), config);
    const env = { PATH: process.env.PATH ?? "", HOME: home, KERNEL_SHARE_DIR: home };
    const input = `${JSON.stringify(initialize)}\n`;
    const options = { env, cwd: home, input, encoding: "utf8", timeout: RUN_MS };
    const { stdout, stderr, status } = spawnSync(process.execPath, [self, outdir, "--wire"], options);
    if (status !== 0 || !stdout.includes('"result"') || !existsSync(join(outdir, "start.cache"))) {
      throw new Error(`The built kernel did not start: ${stderr}`);
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const config = `default_model = "m"
[models.m]
provider = "p"
model = "m"
max_context_size = 1000
[providers.p]
type = "openai_legacy"
base_url = "http://127.0.0.1:9/v1"
api_key = ""
`;

/** The kernel in this process; when it exits, what is compiled of its start goes to the cache. */
async function record(outdir) {
  process.argv.splice(1, 2, join(outdir, "kernel.js"));
  let start = null;
  const { Script } = vm;
  vm.Script = class extends Script {
    constructor(...args) {
      super(...args);
      start ??= this;
    }
  };
  process.on("exit", () => {
    if (start !== null) writeFileSync(join(outdir, "start.cache"), start.createCachedData());
  });
  await import(pathToFileURL(join(outdir, "kernel.js")).href);
}

if (process.argv[1] === self) await record(process.argv[2]);
