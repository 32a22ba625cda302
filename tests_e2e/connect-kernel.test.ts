/** Which kernel a host gets from connectKernel of the built library (`dist/lib`); see hosts/connect-host.mjs. */
import { execFile } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { kernelEnvironment } from "./kernel-process.js";
import { shellCall } from "./scripts.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const host = fileURLToPath(new URL("hosts/connect-host.mjs", import.meta.url));

interface Seen {
  mode: string | null;
  text: string;
  asked: number;
  status?: string;
  error?: { name: string; code: string; message: string };
}

/** Runs the host to its end by itself and gives what it saw. */
async function connect(workspace: Workspace, options: Record<string, unknown>, env = {}): Promise<Seen> {
  const own = { args: ["--config-file", workspace.configFile], cwd: workspace.workDir };
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [host, JSON.stringify({ ...own, ...options })],
    {
      env: kernelEnvironment(workspace, env),
      timeout: 15_000,
    },
  );
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Seen;
}

const talking = (config: Record<string, unknown> = {}) => createWorkspace({ scripts: ["text: hello"], config });
const acting = () => createWorkspace({ scripts: [shellCall("t1", "echo one > one"), "text: done"] });

/** A sidecar that dies as soon as it is started. */
function deadSidecar(workspace: Workspace): string {
  const file = join(workspace.home, "dead");
  writeFileSync(file, "#!/bin/sh\nexit 7\n");
  chmodSync(file, 0o755);
  return file;
}

describe("the choice", () => {
  it.each([
    ["nothing said", {}, {}, {}, "sidecar"],
    ["the configuration", {}, {}, { runtime: { kernel: "in-process" } }, "in_process"],
    ["KERNEL_MODE is stronger", {}, { KERNEL_MODE: "sidecar" }, { runtime: { kernel: "in-process" } }, "sidecar"],
    ["--kernel is stronger", { kernel: "in-process" }, { KERNEL_MODE: "sidecar" }, {}, "in_process"],
  ])("I-040 %s", async (_name, options, env, config, mode) => {
    const seen = await connect(talking(config), options, env);
    expect(seen).toMatchObject({ mode, text: "hello", status: "finished" });
  });

  it("I-041 a wrong choice is refused in one sentence, and nothing is started", async () => {
    const seen = await connect(talking(), {}, { KERNEL_MODE: "elsewhere" });
    expect(seen.error).toEqual({
      name: "KernelProcessError",
      code: "refused",
      message: 'KERNEL_MODE is "elsewhere"; it must be auto, sidecar or in-process.',
    });
  });

  it("I-042 a KERNEL_BIN that is wrong is never passed over", async () => {
    const seen = await connect(talking(), {}, { KERNEL_BIN: "/no/such/kernel" });
    expect(seen.error).toMatchObject({ name: "KernelProcessError", code: "not_found" });
  });
});

it.each(["auto", "sidecar", "in-process"])("V-303 a folder that is not there is said at once: %s", async (kernel) => {
  const seen = await connect(talking(), { kernel, cwd: "/no/such/folder" });
  expect(seen.error).toEqual({
    name: "KernelProcessError",
    code: "spawn_failed",
    message: "The kernel cannot start in /no/such/folder: it is not there.",
  });
});

describe("a kernel that takes over inside the host", () => {
  it("I-043 asks, whatever the flags say", async () => {
    const workspace = acting();
    const args = ["--config-file", workspace.configFile, "--yolo"];
    const seen = await connect(workspace, { command: [deadSidecar(workspace)], args });
    expect(seen).toMatchObject({ mode: "in_process", asked: 1, text: "done", status: "finished" });
    expect(existsSync(join(workspace.workDir, "one"))).toBe(true);
  });

  it("I-044 asks no more than before where the host says so", async () => {
    const workspace = acting();
    const args = ["--config-file", workspace.configFile, "--yolo"];
    const options = { command: [deadSidecar(workspace)], args, fallbackApprovals: "same" };
    expect(await connect(workspace, options)).toMatchObject({ mode: "in_process", asked: 0, text: "done" });
  });

  it("I-045 does what the flags say when it was chosen from the start", async () => {
    const workspace = acting();
    const args = ["--config-file", workspace.configFile, "--yolo"];
    expect(await connect(workspace, { kernel: "in-process", args })).toMatchObject({ asked: 0, text: "done" });
  });
});
