/** Output that cannot be written: nobody may take the run for a success, and nobody is shown a stack. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { say } from "./echo-scripts.js";
import { startHost } from "./host-process.js";
import { kernelCommand, kernelEnvironment } from "./kernel-process.js";
import { createWorkspace } from "./workspace.js";

const FULL = "/dev/full";

describe.runIf(existsSync(FULL))("a full disk", () => {
  const prompt = (format: string) => ["-p", "go", "--output-format", format];
  it.each([
    ...["text", "json", "stream-json", "wire"].map((format) => [format, prompt(format)] as const),
    ["--quiet", ["-p", "go", "--quiet"]],
    ["chat", ["chat"]],
    ["--help", ["--help"]],
    ["info", ["info"]],
    ["mcp list", ["mcp", "list"]],
  ] as const)("G-300 %s: exit 1 and one sentence", (_what, args) => {
    const workspace = createWorkspace({ scripts: [say("one")] });
    const config = args[0] === "-p" || args[0] === "chat" ? ["--config-file", workspace.configFile] : [];
    const { status, stderr } = spawnSync(
      "sh",
      ["-c", `exec "$@" >${FULL}`, "sh", ...kernelCommand(), ...args, ...config],
      {
        cwd: workspace.workDir,
        env: kernelEnvironment(workspace),
        input: "",
        encoding: "utf8",
        timeout: 15_000,
      },
    );
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "The output could not be written: ENOSPC: no space left on device, write\n",
    });
  });
});

it.each(["text", "json"])(
  "G-301 the reader is gone before the answer comes (%s): exit 141, and no word",
  async (format) => {
    const host = startHost(createWorkspace({ scripts: [say("one")] }), ["-p", "--output-format", format]);
    const closed = new Promise((resolve) => host.child.stdout.once("close", resolve));
    host.child.stdout.destroy();
    await closed;
    host.child.stdin.end("go");
    expect({ ...(await host.exit(15_000)), stderr: host.stderr }).toEqual({ code: 141, signal: null, stderr: "" });
  },
);
