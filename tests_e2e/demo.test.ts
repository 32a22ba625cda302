/** `npm start`: what the demo does with its folder and its kernel, however it ends. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { hasTerminal, runHost, startHost } from "./host-process.js";
import { callReply, finish, gate, type Reply, startModelServer, textDelta, textReply } from "./model-server.js";
import { untilNoneLeft } from "./process-scan.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const COMMAND = [callReply("c1", "Shell", { command: "echo hello" }), textReply("Done.")];

/** A workspace whose configured model gives these replies, and where the demo has its folder. */
async function demoPlace(
  replies: readonly Reply[] = COMMAND,
): Promise<{ workspace: Workspace; env: Record<string, string>; folders: () => string[] }> {
  const workspace = createWorkspace();
  const server = await startModelServer(replies);
  writeFileSync(join(workspace.share, "config.json"), JSON.stringify(server.config()));
  const folder = join(workspace.home, "tmp");
  mkdirSync(folder);
  return {
    workspace,
    env: { TMPDIR: folder, E2E_MARK: `demo-${workspace.workDir}` },
    folders: () => readdirSync(folder).filter((name) => name.startsWith("wire-kernel-demo-")),
  };
}

it("G-313 the demo runs one prompt on the configured model, and its folder is gone afterwards", async () => {
  const { workspace, env, folders } = await demoPlace();
  const { code, stdout, stderr } = await runHost(workspace, ["demo", "say", "hello"], { bare: true, env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("Model:   fake (from your configuration)\n");
  expect(stdout).toContain("Prompt:  say hello\n");
  expect(stdout).toContain("There is no keyboard here, so the demo approves.\n");
  expect(stdout).toContain("  hello\nDone.\n\nThe turn ended: finished.\n");
  expect(folders()).toEqual([]);
});

it.runIf(hasTerminal)(
  "G-314 Ctrl-C at its question ends the demo: exit 130, no folder and no process is left",
  async () => {
    const { workspace, env, folders } = await demoPlace();
    const host = startHost(workspace, ["demo"], { bare: true, terminal: true, env });
    await host.see("Allow it?");
    expect(folders()).toHaveLength(1);
    host.write("\u0003");
    expect((await host.exit(15_000)).code).toBe(130);
    expect(folders()).toEqual([]);
    await untilNoneLeft(String(env.E2E_MARK));
  },
);

it("G-314 SIGTERM in the middle of a reply does the same with 143", async () => {
  const { held, open } = gate();
  onTestFinished(open);
  const { workspace, env, folders } = await demoPlace([[textDelta("I begin"), held, ...finish("stop")]]);
  const host = startHost(workspace, ["demo"], { bare: true, env });
  await host.see("I begin");
  host.child.kill("SIGTERM");
  expect((await host.exit(15_000)).code).toBe(143);
  expect(folders()).toEqual([]);
  await untilNoneLeft(String(env.E2E_MARK));
});
