// Writes start.cache: what V8 compiled while the built kernel answered one initialize. It fits the Node that builds;
// another Node rejects it and compiles as if it were not there.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import v8 from "node:v8";
import vm from "node:vm";

const RUN_MS = 30_000;
const self = fileURLToPath(import.meta.url);
const initialize = { jsonrpc: "2.0", id: "1", method: "initialize", params: { protocol_version: "1.10" } };

/**
 * Runs the kernel of `outdir` once, in a home of its own. Gives null, or why there is no cache now: the kernel runs
 * without one as well, only slower.
 */
export function writeStartCache(outdir) {
  const cache = join(outdir, "start.cache");
  const home = mkdtempSync(join(tmpdir(), "kernel-start-"));
  try {
    writeFileSync(join(home, "config.toml"), config);
    const env = { PATH: process.env.PATH ?? "", HOME: home, KERNEL_SHARE_DIR: home };
    const options = { env, cwd: home, encoding: "utf8", timeout: RUN_MS };
    const input = `${JSON.stringify(initialize)}\n`;
    const recorded = spawnSync(process.execPath, [self, outdir], { ...options, input });
    if (recorded.status !== 0 || !recorded.stdout.includes('"result"')) {
      rmSync(cache, { force: true });
      return `the built kernel did not start: ${recorded.stderr}`;
    }
    const checked = spawnSync(process.execPath, [self, outdir, "--check"], options);
    if (checked.status === 0) return null;
    rmSync(cache, { force: true });
    return "Node does not accept the cache that it has made";
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
  // A cache holds for the flags of its process, and a kernel has not set its own yet when it loads the cache.
  v8.setFlagsFromString = () => {};
  const start = await runStart(outdir, ["--wire"]);
  process.on("exit", () => writeFileSync(join(outdir, "start.cache"), start.createCachedData()));
}

/** Exits with 1 when the script does not come from the cache. */
async function check(outdir) {
  const { cachedDataRejected } = await runStart(outdir, ["--version"]);
  if (cachedDataRejected !== false) process.exit(1);
}

/** Runs the built command in this process and gives the script of its start. */
async function runStart(outdir, args) {
  const main = join(outdir, "kernel.js");
  process.argv.splice(1, process.argv.length, main, ...args);
  const scripts = [];
  const { Script } = vm;
  vm.Script = class extends Script {
    constructor(...given) {
      super(...given);
      scripts.push(this);
    }
  };
  await import(pathToFileURL(main).href);
  return scripts[0];
}

if (process.argv[1] === self) await (process.argv[3] === "--check" ? check : record)(process.argv[2]);
