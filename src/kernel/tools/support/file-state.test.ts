import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolders } from "../testing/call-tool.js";
import { readFileBounded, readFileState } from "./file-state.js";

const folder = temporaryFolders();
let path: string;
beforeEach(async () => {
  path = join(await folder("state"), "f");
});

describe("readFileState", () => {
  it("gives the sha256 of what is there, null for what is not", async () => {
    expect(await readFileState(path)).toEqual({ path, sha256: null });
    expect(await readFileState(join(path, "below"))).toMatchObject({ sha256: null });
    await writeFile(path, "abc");
    expect(await readFileState(path)).toEqual({
      path,
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    });
  });

  it("refuses folders, links, endless and too large files", async () => {
    await expect(readFileState("/dev/zero")).rejects.toMatchObject({ code: "not_file" });
    await writeFile(path, "abcd");
    await expect(readFileState(path, 3)).rejects.toMatchObject({ code: "too_large" });
    expect((await readFileState(path, 4)).sha256).not.toBeNull();
    await mkdir(`${path}-dir`);
    await expect(readFileState(`${path}-dir`)).rejects.toMatchObject({ code: "not_file" });
    await symlink(path, `${path}-link`);
    await expect(readFileState(`${path}-link`)).rejects.toMatchObject({ code: "moved" });
  });

  it("reads files that do not know their size, and ends on abort", async () => {
    expect((await readFileBounded("/proc/version", 10_000))?.toString()).toContain("Linux");
    await expect(readFileBounded("/proc/version", 3)).rejects.toMatchObject({ code: "too_large" });
    await writeFile(path, "abc");
    await expect(readFileBounded(path, 10, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });
});
