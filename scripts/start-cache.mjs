// Writes start.cache, runtime.cache, turn.cache and log.cache: what V8 compiled of these scripts while the built kernel ran one
// turn. They fit the Node that builds; another Node rejects them and compiles as if they were not there.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import v8 from "node:v8";
import vm from "node:vm";

const RUN_MS = 30_000;
const NAMES = ["start", "runtime", "turn", "log"];
const self = fileURLToPath(import.meta.url);
const extensions = ["seq/1", "resume/1", "heartbeat/1", "grants/1"];
// The name of the client goes to the log.
const client = { name: "build", version: "1" };
const initialize = { protocol_version: "1.10", client, capabilities: { extensions } };
const requests = [
  { jsonrpc: "2.0", id: "1", method: "initialize", params: initialize },
  { jsonrpc: "2.0", id: "2", method: "prompt", params: { user_input: "go" } },
];

/**
 * Runs the kernel of `outdir`, in a home of its own and with a model of its own. Gives null, or why there are no caches
 * now: the kernel runs without them as well, only slower.
 */
export async function writeStartCache(outdir) {
  const home = mkdtempSync(join(tmpdir(), "kernel-start-"));
  const model = createServer((_, response) => response.end(REPLY)).listen(0, "127.0.0.1");
  try {
    await once(model, "listening");
    writeFileSync(join(home, "config.toml"), config(model.address().port));
    for (const how of ["start", "turn", "check"]) {
      const problem = await runKernel(outdir, how, home);
      if (problem === null) continue;
      for (const name of NAMES) rmSync(join(outdir, `${name}.cache`), { force: true });
      return problem;
    }
    return null;
  } finally {
    model.close();
    rmSync(home, { recursive: true, force: true });
  }
}

/** One turn, or for `start` only initialize. Gives null or what went wrong. */
async function runKernel(outdir, how, home) {
  const env = { PATH: process.env.PATH ?? "", HOME: home, KERNEL_SHARE_DIR: home };
  const child = spawn(process.execPath, [self, outdir, how], { env, cwd: home, timeout: RUN_MS });
  const asked = how === "start" ? requests.slice(0, 1) : requests;
  const last = `"id":"${asked.length}"`;
  let out = "";
  let errors = "";
  child.stdin.on("error", () => {});
  child.stdin.write(asked.map((request) => `${JSON.stringify(request)}\n`).join(""));
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  child.stdout.on("data", (chunk) => {
    out += chunk;
    if (out.includes(last)) child.stdin.end();
  });
  const [code] = await once(child, "close");
  if (code === REJECTED) return "Node does not accept the caches that it has made";
  return code === 0 && new RegExp(`${last},"result"`).test(out) ? null : `the built kernel did not run: ${errors}`;
}

const REJECTED = 9;
const REPLY = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "ok" }, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`;

const config = (port) => `default_model = "m"
[models.m]
provider = "p"
model = "m"
max_context_size = 100000
[providers.p]
type = "openai_legacy"
base_url = "http://127.0.0.1:${port}/v1"
api_key = ""
`;

/** The kernel in this process; when it exits, what is compiled goes to the caches, or is checked against them. */
async function record(outdir, how) {
  // A cache holds for the flags of its process. A kernel has not set its own yet when it loads the first script, and has
  // when it loads the others.
  if (how === "start") v8.setFlagsFromString = () => {};
  const scripts = new Map();
  const { Script } = vm;
  vm.Script = class extends Script {
    constructor(source, options) {
      super(source, options);
      scripts.set(basename(options.filename, ".cjs"), this);
    }
  };
  const main = join(outdir, "kernel.js");
  process.argv.splice(1, process.argv.length, main, "--wire");
  process.on("exit", (code) => {
    if (code !== 0) return;
    for (const [name, script] of scripts) {
      if (how === "check" && script.cachedDataRejected !== false) process.exitCode = REJECTED;
      if (how !== "check" && (name === "start") === (how === "start")) {
        writeFileSync(join(outdir, `${name}.cache`), script.createCachedData());
      }
    }
  });
  await import(pathToFileURL(main).href);
}

if (process.argv[1] === self) await record(process.argv[2], process.argv[3]);
