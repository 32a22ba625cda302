import { chmodSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sidecarLauncher } from "./sidecar-launcher.js";
import { launchScript, nodeKernel, outputUntil, scratchFolder, shellKernel } from "./testing/kernel-scripts.js";

/** A file with these bytes. */
function program(content: string | Buffer, mode = 0o755): string {
  const file = join(scratchFolder(), "a kernel");
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

/** The first 64 bytes of a 64-bit Linux program for this `e_machine`. */
function elf(machine: number): Buffer {
  const header = Buffer.alloc(64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(header);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(machine, 18);
  return header;
}

const FOREIGN = process.arch === "arm64" ? 62 : 183;

describe("a kernel that cannot be started", () => {
  test.each<[string, () => string, string, string, RegExp]>([
    ["is missing", () => join(scratchFolder(), "none"), "not_found", "ENOENT", /There is no kernel at/],
    ["is missing on PATH", () => "no-such-kernel-here", "not_found", "ENOENT", /There is no kernel at/],
    ["is a folder", () => scratchFolder(), "spawn_failed", "EISDIR", /it is a folder/],
    ["is below a file", () => `${program("")}/k`, "spawn_failed", "ENOTDIR", /Cannot start/],
    ["is not executable", () => program("#!/bin/sh\n", 0o644), "spawn_failed", "EACCES", /it is not executable/],
    [
      "has a wrong first line",
      () => program("#!/no/such/sh\n"),
      "spawn_failed",
      "ENOENT",
      /first line names is not there/,
    ],
    ["has a first line of Windows", () => program("#!/bin/sh\r\nexit 0\r\n"), "spawn_failed", "ENOENT", /first line/],
    ["is of another machine", () => program(elf(FOREIGN)), "spawn_failed", "ENOEXEC", /another kind of processor/],
  ])("because it %s", async (_what, file, code, reason, sentence) => {
    const path = file();
    await expect(launchScript([path])).rejects.toMatchObject({ code, data: { reason, program: path } });
    await expect(launchScript([path])).rejects.toThrow(sentence);
  });

  test("because the folder is missing, or is none: said of the folder, not of the program", async () => {
    const cwd = join(scratchFolder(), "gone");
    const missing = { code: "spawn_failed", data: { reason: "ENOENT", cwd } };
    await expect(launchScript(shellKernel("exit 0"), { cwd })).rejects.toMatchObject(missing);
    const file = program("");
    const none = { code: "spawn_failed", data: { reason: "ENOTDIR", cwd: file } };
    await expect(launchScript(shellKernel("exit 0"), { cwd: file })).rejects.toMatchObject(none);
  });

  test("because the system refuses before there is a process", async () => {
    const args = ["x".repeat(3_000_000)];
    const refused = { code: "spawn_failed", data: { reason: "E2BIG" } };
    await expect(launchScript(shellKernel("exit 0"), { args })).rejects.toMatchObject(refused);
    const nul = launchScript(shellKernel("exit 0"), { args: ["a\0b"] });
    await expect(nul).rejects.toMatchObject({ code: "spawn_failed", data: { reason: "UNKNOWN" } });
  });

  test.each<[string, (controller: AbortController) => void]>([
    ["before", (controller) => controller.abort()],
    ["while it is being made", (controller) => queueMicrotask(() => controller.abort())],
  ])("because it was given up %s: nothing was started", async (_when, abort) => {
    const controller = new AbortController();
    abort(controller);
    const marker = join(scratchFolder(), "started");
    const launch = launchScript(shellKernel(`: > ${marker}`), { signal: controller.signal });
    await expect(launch).rejects.toMatchObject({ code: "aborted" });
    const wrong = launchScript(["/no/such/kernel"], { signal: controller.signal });
    await expect(wrong).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("a kernel that is started", () => {
  test("gets --wire, then the flags of this start, in its folder, with a path that has blanks", async () => {
    const file = program('#!/bin/sh\necho "$# $*"; pwd; cat\n');
    const cwd = scratchFolder();
    const launcher = sidecarLauncher({ command: [file, "--own"], cwd, env: { PATH: process.env.PATH } });
    const launched = await launcher.launch({ args: ["--session", "a b"], signal: new AbortController().signal });
    expect(await outputUntil(launched, cwd)).toBe(`4 --own --wire --session a b\n${cwd}\n`);
    launched.transport.writable.write("there and back\n");
    await outputUntil(launched, "there and back");
    expect(await launched.stop()).toEqual({ code: 0, signal: null, stderrTail: "", outOfMemory: false });
  });

  test("leads its own group, is not changed by NODE_OPTIONS, and finds both share variables", async () => {
    const script = "console.log(process.execArgv.length, process.env.NODE_OPTIONS, process.env.KIMI_SHARE_DIR)";
    const env = { NODE_OPTIONS: "--require=/no/such/file", KERNEL_SHARE_DIR: "/share" };
    const launched = await launchScript(nodeKernel(script), { env });
    await outputUntil(launched, "2 undefined /share\n");
    expect(await launched.exited).toMatchObject({ code: 0 });
  });

  test("and exits at once: its exit is told and its output ends", async () => {
    const launched = await launchScript(shellKernel("exit 3"), { cwd: tmpdir() });
    expect(await launched.exited).toEqual({ code: 3, signal: null, stderrTail: "", outOfMemory: false });
    await expect(outputUntil(launched, "anything")).rejects.toThrow("ended without");
    expect(await launched.stop()).toMatchObject({ code: 3 });
    expect(await launched.kill()).toMatchObject({ code: 3 });
  });

  test("what it says last on stderr is kept, without the secrets of its environment", async () => {
    const env = { MODEL_API_KEY: "private-0123456789" };
    const launched = await launchScript(shellKernel('echo "wrong key $MODEL_API_KEY" >&2; exit 2'), { env });
    expect(await launched.exited).toMatchObject({ code: 2, stderrTail: "wrong key [hidden]\n" });
  });

  test("and runs out of memory: told apart from an abort", async () => {
    const script = "const all = []; for (;;) all.push(new Array(100_000).fill(Math.random()))";
    const full = await launchScript(nodeKernel(script, "--max-old-space-size=24"));
    const exit = await full.exited;
    expect(exit).toMatchObject({ signal: "SIGABRT", outOfMemory: true });
    expect(Buffer.byteLength(exit.stderrTail)).toBeLessThanOrEqual(4_096);
    const aborted = await launchScript(nodeKernel("process.abort()"));
    expect(await aborted.exited).toMatchObject({ signal: "SIGABRT", outOfMemory: false });
  });
});
