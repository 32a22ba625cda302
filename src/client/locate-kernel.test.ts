import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KernelProcessError } from "./errors.js";
import { type LocatedKernel, locateKernel } from "./locate-kernel.js";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "locate-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A file in the folder, executable unless told otherwise. */
function file(name: string, mode = 0o755): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, mode);
  return path;
}

function link(target: string): string {
  const path = join(folder, "link");
  symlinkSync(target, path);
  return path;
}

const locate = (env: Record<string, string>, packageRoot: string | null = null): LocatedKernel =>
  locateKernel({ env, packageRoot, cwd: folder });

function failure(env: Record<string, string>): KernelProcessError {
  try {
    const { command } = locate(env);
    throw new Error(`found ${command.join(" ")}`);
  } catch (error) {
    if (error instanceof KernelProcessError) return error;
    throw error;
  }
}

describe("KERNEL_BIN", () => {
  test.each<[string, () => string, () => string[]]>([
    ["a path", () => file("k"), () => [join(folder, "k")]],
    ["a relative path", () => `./${relative(folder, file("in/k"))}`, () => [join(folder, "in/k")]],
    ["a path with blanks as it is", () => file("my place/the kernel"), () => [join(folder, "my place/the kernel")]],
    ["a path with quotes in its name", () => file("it's"), () => [join(folder, "it's")]],
    [
      "quotes and arguments",
      () => `'${file("my place/k")}' --a "b c"`,
      () => [join(folder, "my place/k"), "--a", "b c"],
    ],
    [
      "a script of Node, not executable",
      () => `${file("k.mjs", 0o644)} x`,
      () => [process.execPath, join(folder, "k.mjs"), "x"],
    ],
    ["a link", () => link(file("real")), () => [join(folder, "link")]],
  ])("takes %s", (_what, value, command) => {
    expect(locate({ KERNEL_BIN: value() })).toEqual({ command: command(), source: "KERNEL_BIN" });
  });

  test("takes a program on PATH with arguments", () => {
    const program = file("bin/runner");
    const located = locate({ KERNEL_BIN: "runner kernel.js", PATH: join(folder, "bin") });
    expect(located.command).toEqual([program, "kernel.js"]);
  });

  test.each<[string, () => string, string, string]>([
    ["missing", () => join(folder, "none"), "not_found", "ENOENT"],
    ["below a file", () => `${file("k")}/k`, "not_found", "ENOTDIR"],
    ["a broken link", () => link("nowhere"), "not_found", "ENOENT"],
    ["a folder", () => folder, "spawn_failed", "EISDIR"],
    ["not executable", () => file("k", 0o644), "spawn_failed", "EACCES"],
    ["an open quote", () => `'${file("k")}`, "spawn_failed", "EINVAL"],
    ["an empty word", () => "''", "not_found", "ENOENT"],
    ["a name that lies in the work dir only", () => (existsSync(file("here")) ? "here" : ""), "not_found", "ENOENT"],
    ["no program on PATH", () => "none --x", "not_found", "ENOENT"],
  ])("is never passed over when it is wrong: %s", (_what, value, code, reason) => {
    const path = dirname(file("path/kernel"));
    const error = failure({ KERNEL_BIN: value(), PATH: path });
    expect(error).toMatchObject({ code, data: { reason, source: "KERNEL_BIN" } });
    expect(error.message).toMatch(/^KERNEL_BIN names .+, which cannot be started: .+\.$/s);
  });

  test("empty is not set", () => {
    const kernel = file("path/kernel");
    expect(locate({ KERNEL_BIN: " ", PATH: dirname(kernel) })).toEqual({ command: [kernel], source: "PATH" });
  });
});

describe("without KERNEL_BIN", () => {
  test("the platform's package, else the package's own build, else PATH", () => {
    const onPath = file("path/kernel");
    const env = { PATH: dirname(onPath) };
    const root = join(folder, "package");
    expect(locate(env, root)).toEqual({ command: [onPath], source: "PATH" });
    const own = file("package/bin/kernel.js", 0o644);
    expect(locate(env, root)).toEqual({ command: [process.execPath, own], source: "package" });
    const platform = `package/node_modules/@wire-kernel/${process.platform}-${process.arch}`;
    writeFileSync(file(`${platform}/package.json`, 0o644), "{}");
    expect(locate(env, root)).toEqual({ command: [process.execPath, own], source: "package" });
    const native = file(`${platform}/bin/kernel`);
    expect(locate(env, root)).toEqual({ command: [native], source: "package" });
  });

  test("PATH: not executable, a folder and folders that are not absolute are passed over", () => {
    file("a/kernel", 0o644);
    mkdirSync(join(folder, "b/kernel"), { recursive: true });
    const kernel = file("c/kernel");
    const path = ["", ".", "a", join(folder, "a"), join(folder, "b"), join(folder, "c")].join(":");
    expect(locate({ PATH: path }).command).toEqual([kernel]);
  });

  test("nothing anywhere", () => {
    expect(failure({ PATH: folder })).toMatchObject({ code: "not_found", data: { reason: "ENOENT" } });
    expect(failure({})).toMatchObject({ code: "not_found" });
  });

  test("by default this package's own", () => {
    const own = fileURLToPath(new URL("../../bin/kernel.js", import.meta.url));
    expect(existsSync(own)).toBe(true);
    expect(locateKernel({ env: {} })).toEqual({ command: [process.execPath, own], source: "package" });
  });
});
