/** F28: homes and share folders that are odd, read-only or missing; odd paths; modes of what is written. */
import { chmodSync, mkdirSync, readdirSync, realpathSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { startKernel } from "./kernel-process.js";
import { shellTurn } from "./scripts.js";
import { onlySession, sessionFolders } from "./session-files.js";
import { payloads, runTurn } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const STACK_TRACE = /^\s+at .+[:(]\d+|node:internal/m;

/** The same workspace with other places below its root. */
function moved(workspace: Workspace, names: { home?: string; workDir?: string }): Workspace {
  const root = dirname(workspace.home);
  const home = names.home === undefined ? workspace.home : join(root, names.home);
  const workDir = names.workDir === undefined ? workspace.workDir : join(root, names.workDir);
  const share = join(home, ".kimi");
  for (const dir of [share, workDir]) mkdirSync(dir, { recursive: true });
  return { ...workspace, home, share, workDir };
}

describe("paths", () => {
  it.each([
    ["spaces", "a home with  spaces", "work dir "],
    ["other scripts", "häuser-世界-🙂", "каталог"],
    ["composed and decomposed", "e\u0301", "\u00e9"],
    ["shell characters", "$HOME;`id`&|'\"", "*?[a](b){c}!"],
    ["a leading dash", "-rf", "--yolo"],
    ["a line break", "two\nlines", "tab\there"],
    ["a long name", "h".repeat(200), "w".repeat(255)],
  ])(
    "B-090 F28 %s in home and work dir: a turn with a tool works and --continue finds it",
    async (_what, home, workDir) => {
      const workspace = moved(createWorkspace({ scripts: shellTurn("pwd > where") }), { home, workDir });
      const kernel = startKernel(workspace, { args: ["--yolo"] });
      await kernel.initialize();
      const turn = await runTurn(kernel, "go");
      expect(turn.response.result).toEqual({ status: "finished" });
      expect(payloads(turn.messages, "ToolResult")).toMatchObject([{ return_value: { is_error: false } }]);
      expect(readdirSync(workspace.workDir)).toContain("where");
      expect((await kernel.close()).code).toBe(0);
      const again = startKernel(workspace, { args: ["--continue"] });
      expect((await again.call("replay")).result).toMatchObject({ status: "finished" });
      expect(sessionFolders(workspace)).toHaveLength(1);
    },
  );

  it("B-091 a session id of a client names its folder exactly", async () => {
    const workspace = createWorkspace({ scripts: ["text: hi"] });
    const id = "3f0c8f6e-6a4b-4c1e-9a57-0d4f1c2b3a49";
    const kernel = startKernel(workspace, { args: ["--session", id] });
    await runTurn(kernel, "hi");
    expect(basename(onlySession(workspace))).toBe(id);
  });
});

describe("modes", () => {
  it("B-092 F28 with umask 000 files are 0600 and folders 0700", async () => {
    const workspace = createWorkspace({ scripts: shellTurn("umask > mask; echo x > made") });
    const share = join(workspace.home, "fresh", "share");
    const kernel = startKernel(workspace, {
      args: ["--yolo"],
      env: { KIMI_SHARE_DIR: share },
      through: ["sh", "-c", 'umask 000; exec "$@"', "sh"],
    });
    expect((await runTurn(kernel, "go")).response.result).toEqual({ status: "finished" });
    await kernel.close();
    const wrong = walk(share).flatMap((path) => {
      const stat = statSync(path);
      const mode = stat.mode & 0o777;
      return mode === (stat.isDirectory() ? 0o700 : 0o600) ? [] : [`${mode.toString(8)} ${path}`];
    });
    expect(wrong).toEqual([]);
    expect(walk(share).length).toBeGreaterThan(5);
  });
});

describe("missing and read-only places", () => {
  it("B-093 F28 without HOME: the kernel starts, or says in one sentence why not", async () => {
    const workspace = createWorkspace({ scripts: ["text: homeless"] });
    const kernel = startKernel(workspace, {
      through: ["env", "-u", "HOME", "-u", "USERPROFILE", "-u", "TMPDIR"],
    });
    expect((await runTurn(kernel, "hi")).response.result).toEqual({ status: "finished" });
    expect((await kernel.close()).code).toBe(0);
  });

  it("B-094 F28 with a HOME that does not exist, the share folder is made where it is named", async () => {
    const workspace = createWorkspace({ scripts: ["text: hi"] });
    const kernel = startKernel(workspace, { env: { HOME: "/nonexistent/home" } });
    expect((await runTurn(kernel, "hi")).response.result).toEqual({ status: "finished" });
    expect(sessionFolders(workspace)).toHaveLength(1);
  });

  // For root every folder is writable, so a place that can hold no folder stands in for a read-only one.
  it.each([
    ["below a file", (root: string) => join(root, "config.json", "share")],
    ["on a file system that refuses", () => "/sys/share"],
    ["of a name that is too long", (root: string) => join(root, "s".repeat(300))],
  ])("B-095 F28 a share folder that cannot be written (%s): one plain reason, no crash", async (_what, place) => {
    const workspace = createWorkspace({ scripts: ["text: unreachable"] });
    const share = place(dirname(workspace.home));
    const kernel = startKernel(workspace, { env: { KIMI_SHARE_DIR: share } });
    const id = kernel.request("prompt", { user_input: "hi" });
    const outcome = await Promise.race([kernel.response(id).catch(() => null), kernel.exited]);
    if (outcome !== null && "code" in outcome) {
      expect([1, 2]).toContain(outcome.code);
      expect(kernel.stderr.trim()).not.toBe("");
    } else {
      expect(outcome?.error).toMatchObject({ code: -32000, message: expect.stringMatching(/\S/) });
      expect((await kernel.call("cancel")).error?.code).toBe(-32000);
      expect((await kernel.close()).code).toBe(0);
    }
    expect(kernel.stderr).not.toMatch(STACK_TRACE);
    expect(kernel.noise).toEqual([]);
  });

  it.runIf(process.getuid?.() !== 0)(
    "B-096 F28 a share folder without write permission: one plain reason",
    async () => {
      const workspace = createWorkspace({ scripts: ["text: hi"] });
      chmodSync(workspace.share, 0o500);
      const kernel = startKernel(workspace);
      const response = await kernel.call("prompt", { user_input: "hi" });
      chmodSync(workspace.share, 0o700);
      expect(response.error?.code).toBe(-32000);
      expect(kernel.stderr).not.toMatch(STACK_TRACE);
    },
  );

  it("B-097 the share folder: KERNEL_SHARE_DIR before KIMI_SHARE_DIR before the home", async () => {
    const workspace = createWorkspace({ scripts: ["text: hi"] });
    const root = dirname(workspace.home);
    const own = startKernel(workspace, { env: { KERNEL_SHARE_DIR: join(root, "own") } });
    await runTurn(own, "hi");
    expect(sessionFolders({ ...workspace, share: join(root, "own") })).toHaveLength(1);
    expect(sessionFolders(workspace)).toHaveLength(0);
    const other = startKernel(workspace);
    await runTurn(other, "hi");
    expect(sessionFolders(workspace)).toHaveLength(1);
  });

  it("B-098 a work dir through a symlink serves, and the session is found again through it", async () => {
    const workspace = createWorkspace({ scripts: ["text: hi"] });
    const target = join(dirname(workspace.home), "target");
    mkdirSync(target);
    writeFileSync(join(target, "file"), "");
    const link = { ...workspace, workDir: join(dirname(workspace.home), "link") };
    symlinkSync(target, link.workDir);
    const kernel = startKernel(link);
    await runTurn(kernel, "hi");
    await kernel.close();
    const again = startKernel(link, { args: ["--continue"] });
    expect((await again.call("replay")).result).toMatchObject({ events: 5 });
    expect(realpathSync(link.workDir)).toBe(target);
  });
});

function walk(folder: string): string[] {
  return [
    folder,
    ...readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? walk(path) : [path];
    }),
  ];
}
