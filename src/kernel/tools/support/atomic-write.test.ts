import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { chmod, link, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolders } from "../testing/call-tool.js";
import { type AtomicWrite, atomicWrite } from "./atomic-write.js";
import { sha256 } from "./file-state.js";

const folder = temporaryFolders();
let dir: string;
let path: string;
beforeEach(async () => {
  dir = await folder("atomic");
  path = join(dir, "f.txt");
});
const bytes = (text: string) => Buffer.from(text);
const write = (text: string, expected: string | null, change: Partial<AtomicWrite> = {}) =>
  atomicWrite({ path, bytes: bytes(text), expected: expected === null ? null : sha256(bytes(expected)), ...change });

describe("atomicWrite", () => {
  it("creates a file with the default mode and leaves nothing else behind", async () => {
    const umask = process.umask();
    await write("hello", null);
    expect(await readFile(path, "utf8")).toBe("hello");
    expect((await stat(path)).mode & 0o777).toBe(0o666 & ~umask);
    expect(await readdir(dir)).toEqual(["f.txt"]);
  });

  it("writes an empty file and a name of 255 bytes", async () => {
    await write("", null);
    expect((await stat(path)).size).toBe(0);
    const long = join(dir, "n".repeat(255));
    await atomicWrite({ path: long, bytes: bytes("x"), expected: null });
    expect(await readFile(long, "utf8")).toBe("x");
  });

  it.each([0o600, 0o755, 0o640, 0o4755])("keeps the mode %o", async (mode) => {
    await writeFile(path, "old");
    await chmod(path, mode);
    await write("new", "old");
    expect((await stat(path)).mode & 0o7777).toBe(mode);
    expect(await readFile(path, "utf8")).toBe("new");
  });

  it("keeps the owner when it may", async () => {
    await writeFile(path, "old");
    const owner = process.getuid?.() === 0 ? 12_345 : (process.getuid?.() ?? 0);
    await fs.promises.chown(path, owner, process.getgid?.() ?? 0);
    await write("new", "old");
    expect((await stat(path)).uid).toBe(owner);
  });

  it.each([
    ["other content", async () => writeFile(path, "someone else")],
    ["the same size", async () => writeFile(path, "OLD")],
    ["a folder", async () => mkdir(path)],
    ["a link", async () => symlink("/etc/hosts", path)],
    ["nothing", async () => {}],
  ])("refuses when it finds %s instead of the expected content", async (_, arrange) => {
    await arrange();
    const before = await readdir(dir);
    await expect(write("new", "old")).rejects.toMatchObject({ code: "changed" });
    expect(await readdir(dir)).toEqual(before);
  });

  it("refuses to create over a file, a folder or a dangling link", async () => {
    await writeFile(path, "there");
    await expect(write("new", null)).rejects.toMatchObject({ code: "changed" });
    expect(await readFile(path, "utf8")).toBe("there");
    path = join(dir, "dangling");
    await symlink(join(dir, "target"), path);
    await expect(write("new", null)).rejects.toMatchObject({ code: "changed" });
    expect(fs.existsSync(join(dir, "target"))).toBe(false);
  });

  it("refuses what changed or appeared while the new content was written", async () => {
    await writeFile(path, "old");
    const changing = (arrange: () => void) => ({
      write: async (handle: fs.promises.FileHandle, part: Uint8Array, position: number) => {
        arrange();
        return (await handle.write(part, 0, part.length, position)).bytesWritten;
      },
    });
    await expect(
      write(
        "new",
        "old",
        changing(() => fs.writeFileSync(path, "OLD")),
      ),
    ).rejects.toMatchObject({
      code: "changed",
    });
    expect(await readFile(path, "utf8")).toBe("OLD");
    path = join(dir, "created");
    await expect(
      write(
        "new",
        null,
        changing(() => fs.writeFileSync(path, "theirs")),
      ),
    ).rejects.toMatchObject({
      code: "changed",
    });
    expect(await readFile(path, "utf8")).toBe("theirs");
    expect(await readdir(dir)).toEqual(["created", "f.txt"]);
  });

  it("does not follow a folder that was swapped for a link while it wrote", async () => {
    const outside = await folder("outside");
    const sub = join(dir, "sub");
    await mkdir(sub);
    path = join(sub, "f.txt");
    await writeFile(path, "old");
    await writeFile(join(outside, "f.txt"), "old");
    const swap = async (handle: fs.promises.FileHandle, part: Uint8Array) => {
      fs.renameSync(sub, join(dir, "moved"));
      fs.symlinkSync(outside, sub);
      return (await handle.write(part)).bytesWritten;
    };
    await expect(write("new", "old", { write: swap })).rejects.toMatchObject({ code: "changed" });
    expect(await readFile(join(outside, "f.txt"), "utf8")).toBe("old");
    expect(await readdir(outside)).toEqual(["f.txt"]);
    expect(await readdir(join(dir, "moved"))).toEqual(["f.txt"]);
  });

  it("refuses a folder that is a link from the start", async () => {
    const outside = await folder("outside");
    await symlink(outside, join(dir, "sub"));
    path = join(dir, "sub", "f.txt");
    await expect(write("new", null)).rejects.toMatchObject({ code: "changed" });
    expect(await readdir(outside)).toEqual([]);
  });

  it("goes on after short writes", async () => {
    const oneByte = async (handle: fs.promises.FileHandle, part: Uint8Array, position: number) =>
      (await handle.write(part, 0, 1, position)).bytesWritten;
    await write("hello", null, { write: oneByte });
    expect(await readFile(path, "utf8")).toBe("hello");
  });

  it.each([
    ["ENOSPC", "disk_full"],
    ["EDQUOT", "disk_full"],
    ["EROFS", "denied"],
    ["EIO", "failed"],
  ])("leaves the old file and no temporary one on %s", async (code, expected) => {
    await writeFile(path, "old");
    const failing = () => Promise.reject(Object.assign(new Error("fake"), { code }));
    await expect(write("new", "old", { write: failing })).rejects.toMatchObject({ code: expected });
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(dir)).toEqual(["f.txt"]);
  });

  it("takes a write of nothing for a full disk", async () => {
    await expect(write("new", null, { write: async () => 0 })).rejects.toMatchObject({ code: "disk_full" });
    expect(await readdir(dir)).toEqual([]);
  });

  it("refuses a read-only file", async () => {
    await writeFile(path, "old");
    await chmod(path, 0o444);
    await expect(write("new", "old")).rejects.toThrow("permission denied");
    expect(await readFile(path, "utf8")).toBe("old");
  });

  it("refuses a read-only folder", async () => {
    await writeFile(path, "old");
    await chmod(path, 0o666);
    await chmod(dir, 0o555);
    await asUnprivileged(async () => {
      await expect(write("new", "old")).rejects.toMatchObject({ code: "denied" });
    });
    expect(await readFile(path, "utf8")).toBe("old");
  });

  it("ends on abort with the signal's reason and without a trace", async () => {
    const controller = new AbortController();
    const aborting = async (handle: fs.promises.FileHandle, part: Uint8Array, position: number) => {
      controller.abort(new Error("stop"));
      return (await handle.write(part, 0, 1, position)).bytesWritten;
    };
    await expect(write("new", null, { write: aborting, signal: controller.signal })).rejects.toThrow("stop");
    expect(await readdir(dir)).toEqual([]);
  });

  it("lets exactly one of many concurrent edits of the same content through", async () => {
    await writeFile(path, "old");
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => write(`new ${i}`, "old")));
    const winners = results.flatMap((result, i) => (result.status === "fulfilled" ? [`new ${i}`] : []));
    expect(winners).toHaveLength(1);
    expect(await readFile(path, "utf8")).toBe(winners[0]);
    path = join(dir, "created");
    const created = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => write(`new ${i}`, null)));
    expect(created.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    expect(await readdir(dir)).toEqual(["created", "f.txt"]);
  });

  it("cuts a hard link: the other name keeps the old content", async () => {
    await writeFile(path, "old");
    await link(path, join(dir, "other"));
    await write("new", "old");
    expect(await readFile(join(dir, "other"), "utf8")).toBe("old");
    expect((await lstat(path)).nlink).toBe(1);
  });

  it("never writes outside while a folder is swapped with a link all the time", async () => {
    const outside = await folder("outside");
    const sub = join(dir, "sub");
    await mkdir(sub);
    path = join(sub, "f.txt");
    await writeFile(path, "0");
    await writeFile(join(outside, "f.txt"), "0");
    const swapper = spawn(process.execPath, ["-e", SWAPPER, sub, join(dir, "aside"), outside], { stdio: "ignore" });
    const exited = once(swapper, "exit");
    let current = "0";
    const refused: unknown[] = [];
    for (let i = 1; swapper.exitCode === null; i++) {
      const next = String(i);
      await write(next, current).then(
        () => {
          current = next;
        },
        (error) => refused.push(error.code),
      );
    }
    expect(await exited).toEqual([0, null]);
    expect(refused.filter((code) => code !== "changed")).toEqual([]);
    await write("last", current);
    current = "last";
    expect(await readdir(outside)).toEqual(["f.txt"]);
    expect(await readFile(join(outside, "f.txt"), "utf8")).toBe("0");
    expect(await readFile(path, "utf8")).toBe(current);
    expect(await readdir(sub)).toEqual(["f.txt"]);
  });
});

/** Swaps argv 1 with a link to argv 3, 800 times; in between the folder is in place for a moment. */
const SWAPPER = `
const fs = require("node:fs");
const [, sub, aside, outside] = process.argv;
const pause = new Int32Array(new SharedArrayBuffer(4));
for (let i = 0; i < 800; i++) {
  fs.renameSync(sub, aside);
  fs.symlinkSync(outside, sub);
  fs.unlinkSync(sub);
  fs.renameSync(aside, sub);
  Atomics.wait(pause, 0, 0, i % 3);
}`;

/** Root may write anywhere, so it steps down for the time of the call. */
async function asUnprivileged(act: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return act();
  process.seteuid?.(65_534);
  try {
    await act();
  } finally {
    process.seteuid?.(0);
  }
}
