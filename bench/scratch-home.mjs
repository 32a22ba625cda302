// A home of its own for one kernel: share folder, work dir, and a config that points at a model server.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KernelSession } from "./kernel-session.mjs";

const shim = fileURLToPath(new URL("../bin/kernel.js", import.meta.url));

export class ScratchHome {
  workDir;
  shareDir;
  #root;
  #nodeArgs;

  /** `baseUrl` is the model server's; `nodeArgs` are for the Node that runs the kernel. The caller removes the home. */
  constructor(baseUrl, nodeArgs = []) {
    this.#root = realpathSync(mkdtempSync(join(tmpdir(), "kernel-bench-")));
    this.#nodeArgs = nodeArgs;
    this.workDir = join(this.#root, "work");
    this.shareDir = join(this.#root, "home", ".kernel");
    for (const dir of [this.workDir, this.shareDir]) mkdirSync(dir, { recursive: true });
    writeFileSync(join(this.shareDir, "config.toml"), config(baseUrl));
  }

  /** Spawns the built kernel in wire mode. The caller closes the session. */
  startKernel(args = []) {
    return this.start([process.execPath, ...this.#nodeArgs, shim, "--wire", "--work-dir", this.workDir, ...args]);
  }

  /** Spawns any command in the same surroundings. */
  start(command) {
    return new KernelSession(command, { cwd: this.workDir, env: this.#env });
  }

  /** For `connectKernel`: the built kernel in the same surroundings. */
  hostOptions() {
    return { command: [process.execPath, ...this.#nodeArgs, shim], cwd: this.workDir, env: this.#env };
  }

  /** Puts a session of the work dir there and onto the disk, as another kernel would have left it. */
  writeSession(id, contents) {
    const dir = join(this.shareDir, "sessions", createHash("md5").update(this.workDir).digest("hex"), id);
    mkdirSync(dir, { recursive: true });
    for (const [name, text] of Object.entries(contents)) writeFileSync(join(dir, name), text, { flush: true });
  }

  get #env() {
    return {
      PATH: process.env.PATH ?? "",
      HOME: join(this.#root, "home"),
      KERNEL_SHARE_DIR: this.shareDir,
      LANG: "C.UTF-8",
    };
  }

  remove() {
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}

function config(baseUrl) {
  return `default_model = "bench"

[models.bench]
provider = "bench"
model = "bench"
max_context_size = 128000

[providers.bench]
type = "openai_legacy"
base_url = "${baseUrl}"
api_key = ""
`;
}
