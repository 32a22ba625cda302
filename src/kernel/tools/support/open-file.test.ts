import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolders } from "../testing/call-tool.js";
import { openRegularFile, regularFileSize } from "./open-file.js";

const folder = temporaryFolders();
let dir: string;
beforeEach(async () => {
  dir = await folder("open");
  await mkdir(join(dir, "sub"));
  await writeFile(join(dir, "sub", "f"), "abc");
});

describe("openRegularFile", () => {
  it("opens a file for reading", async () => {
    const file = await openRegularFile(join(dir, "sub", "f"));
    expect(await file.readFile("utf8")).toBe("abc");
    await file.close();
    expect(await regularFileSize(join(dir, "sub", "f"))).toBe(3);
  });

  it("refuses a path with a link in it, at the end or before: it was judged without", async () => {
    await symlink("sub", join(dir, "link"));
    await symlink("f", join(dir, "sub", "g"));
    await expect(openRegularFile(join(dir, "link", "f"))).rejects.toMatchObject({ code: "moved" });
    await expect(openRegularFile(join(dir, "sub", "g"))).rejects.toMatchObject({ code: "moved" });
  });

  it.each([
    ["missing", "missing"],
    ["sub", "not_file"],
    ["sub/f/below", "missing"],
    ["fifo", "not_file"],
    ["n".repeat(300), "missing"],
  ])("%s is %s", async (path, code) => {
    execFileSync("mkfifo", [join(dir, "fifo")]);
    await expect(openRegularFile(join(dir, path))).rejects.toMatchObject({ code });
  });
});
