/** Sessions that cannot be written, through connectKernel: another writer, a read-only share folder, a full disk. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { runFaultHost } from "./fault-host.js";
import { startKernel } from "./kernel-process.js";
import { shellCall } from "./scripts.js";
import { sessionDir } from "./session-records.js";
import { payloads, runTurn, text } from "./turn.js";
import { createWorkspace, setScripts } from "./workspace.js";

const SESSION = "7d9c2b60-51f4-4f0e-8a3c-1f6f0e6f2a12";

/** A memory file system of its own, or null where mounting is not allowed; unmounted by the returned function. */
function mount(size: string): { folder: string; readOnly(): void; unmount(): void } | null {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "kernel-disk-")));
  const run = (...words: string[]) => execFileSync(words[0] as string, words.slice(1), { stdio: "ignore" });
  try {
    run("mount", "-t", "tmpfs", "-o", `size=${size},mode=700`, "tmpfs", folder);
  } catch {
    rmdirSync(folder);
    return null;
  }
  return {
    folder,
    readOnly: () => void run("mount", "-o", "remount,ro", folder),
    unmount: () => {
      run("umount", "-l", folder);
      rmdirSync(folder);
    },
  };
}

function canMount(): boolean {
  const probe = mount("64k");
  probe?.unmount();
  return probe !== null;
}

function mounted(size: string) {
  const disk = mount(size);
  if (disk === null) throw new Error("mounting worked a moment ago");
  onTestFinished(() => disk.unmount());
  return disk;
}

const MODES = ["sidecar", "in-process"] as const;

describe.each(MODES)("%s", (kernel) => {
  it("D-201 a session that a living process has: session_locked within seconds, and the host lives", async () => {
    const workspace = createWorkspace({ scripts: ["text: mine", "text: still"] });
    const holder = startKernel(workspace, { args: ["--session", SESSION] });
    await runTurn(holder, "hi");
    const seen = await runFaultHost(workspace, { options: { kernel, session: SESSION } });
    expect(seen.turns).toMatchObject([{ types: [], error: { name: "WireError", code: "session_locked" } }]);
    expect(seen.ms).toBeLessThan(6_000);
    expect((await runTurn(holder, "still mine")).response.error).toBeUndefined();
  });

  it("D-202 a share folder that can hold nothing: each prompt is refused with the reason", async () => {
    const workspace = createWorkspace({ scripts: ["text: unreachable"] });
    const share = join(workspace.configFile, "share");
    const env = { KIMI_SHARE_DIR: share };
    const seen = await runFaultHost(workspace, { options: { kernel, prompts: ["a", "b"] }, env });
    const refused = { types: [], error: { name: "WireError", code: "storage_failed" } };
    expect(seen.turns).toMatchObject([refused, refused]);
    expect(seen.states.map(({ to }) => to)).toEqual(["starting", "ready", "closed"]);
  });

  // Mounting needs rights that not every machine gives.
  it.runIf(canMount())("D-203 a read-only share folder: each prompt is refused with the reason", async () => {
    const disk = mounted("1m");
    disk.readOnly();
    const workspace = createWorkspace({ scripts: ["text: unreachable"] });
    const env = { KIMI_SHARE_DIR: disk.folder };
    const seen = await runFaultHost(workspace, { options: { kernel, prompts: ["a", "b"] }, env });
    const refused = { types: [], error: { code: "storage_failed", message: expect.stringContaining("read-only") } };
    expect(seen.turns).toMatchObject([refused, refused]);
    expect(seen.states.map(({ to }) => to)).toEqual(["starting", "ready", "closed"]);
  });

  // Mounting needs rights that not every machine gives.
  it.runIf(canMount())(
    "D-204 a disk that fills up in mid-turn: no further effect, storage_full, the end; room again, and the session goes on",
    async () => {
      const disk = mounted("1m");
      const workspace = createWorkspace({
        scripts: [
          shellCall("t1", "head -c 8388608 /dev/zero > $KIMI_SHARE_DIR/filler; echo one > one"),
          shellCall("t2", "echo two > two"),
          "text: three",
        ],
      });
      const env = { KIMI_SHARE_DIR: disk.folder };
      const args = ["--config-file", workspace.configFile, "--yolo"];
      const seen = await runFaultHost(workspace, {
        options: { kernel, args, session: SESSION, prompts: ["go", "more"] },
        env,
      });
      expect(existsSync(join(workspace.workDir, "one"))).toBe(true);
      expect(existsSync(join(workspace.workDir, "two"))).toBe(false);
      expect(seen.turns).toMatchObject([{ error: { code: "storage_full" } }, { error: { code: "storage_full" } }]);
      expect(seen.turns[0]?.types.at(-1)).toBe("TurnEnd");
      execFileSync("rm", [join(disk.folder, "filler")]);
      setScripts(workspace, ["text: again"]);
      const after = await runFaultHost(workspace, { options: { kernel, session: SESSION }, env });
      expect(after.turns).toMatchObject([{ text: ["again"], result: { status: "finished" } }]);
    },
  );
});

/** Fills a disk but for these bytes. */
function fill(folder: string, left: number): void {
  const filler = join(folder, "filler");
  expect(() => writeFileSync(filler, Buffer.alloc(8_388_608, 1))).toThrow("ENOSPC");
  truncateSync(filler, statSync(filler).size - left);
}

// Mounting needs rights that not every machine gives.
it.runIf(canMount())(
  "F-540 a disk too full for a yes: the call does not run, and model and user are told that, not that somebody said no",
  async () => {
    const disk = mounted("2m");
    const workspace = createWorkspace({ scripts: [shellCall("t1", "echo one > one"), "text: again"] });
    const kernel = startKernel(workspace, { args: ["--session", SESSION], env: { KIMI_SHARE_DIR: disk.folder } });
    await kernel.initialize();
    const prompt = kernel.request("prompt", { user_input: "go" });
    const request = await kernel.serverRequest("ApprovalRequest");
    // The answer is far too long for what is left, everything else is far shorter.
    fill(disk.folder, 131_072);
    kernel.answer(request, { request_id: request.id, response: "approve", feedback: "x".repeat(524_288) });
    expect((await kernel.response(prompt)).result).toEqual({ status: "finished" });
    expect(existsSync(join(workspace.workDir, "one"))).toBe(false);
    const why = "Cannot write the session journal: the disk is full.";
    expect(payloads(kernel.log, "ApprovalResponse")).toMatchObject([{ response: "reject", feedback: why }]);
    const message = `The decision about this call could not be stored, so the call was not run. ${why}`;
    expect(payloads(kernel.log, "ToolResult")).toMatchObject([
      { return_value: { is_error: true, message, extras: { code: "storage_full" } } },
    ]);
    expect(text(kernel.log)).toBe("again");
    const context = readFileSync(join(sessionDir({ ...workspace, share: disk.folder }), "context.jsonl"), "utf8");
    expect(context).toContain(message);
    expect((await kernel.close()).code).toBe(0);
  },
);
