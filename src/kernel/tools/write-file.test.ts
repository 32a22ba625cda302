import { execFileSync } from "node:child_process";
import { chmod, link, mkdir, readdir, readFile, rename, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "./support/file-state.js";
import { call, contextOf, execute, prepare, prepared, temporaryFolders } from "./testing/call-tool.js";
import type { ToolContext } from "./tool.js";
import { writeFile as tool } from "./write-file.js";

const folder = temporaryFolders();
let work: string;
let context: ToolContext;
beforeEach(async () => {
  work = await folder("write");
  context = contextOf(work);
});
const content = (name: string) => readFile(join(work, name), "utf8");
const hash = (text: string) => sha256(Buffer.from(text));

describe("WriteFile", () => {
  it("asks with a diff, names the hashes, then writes", async () => {
    const path = join(work, "f.txt");
    const planned = await prepared(tool, { path: "f.txt", content: "x\n" }, context);
    const diff = { type: "diff", path, old_text: "", new_text: "x", old_start: 1, new_start: 1, is_summary: false };
    expect(planned).toMatchObject({
      ask: {
        action: "edit file",
        description: `Write file \`${path}\``,
        display: [diff],
        subject: { kind: "edit", path, insideWorkspace: true },
      },
      effect: "write",
      before: [{ path, sha256: null }],
      after: [{ path, sha256: hash("x\n") }],
    });
    expect(await readdir(work)).toEqual([]);
    expect(await execute(planned)).toEqual({
      isError: false,
      output: "",
      message: "File successfully overwritten. Current size: 2 bytes.",
      display: [diff],
    });
    expect(await content("f.txt")).toBe("x\n");
  });

  it("overwrites, appends, and appends to a missing file; sizes are bytes", async () => {
    await writeFile(join(work, "f"), "old\n");
    expect((await call(tool, { path: "f", content: "é🙂", mode: "append" }, context)).message).toBe(
      "File successfully appended to. Current size: 10 bytes.",
    );
    expect(await content("f")).toBe("old\né🙂");
    const planned = await prepared(tool, { path: "f", content: "" }, context);
    expect(planned.before?.[0]?.sha256).toBe(hash("old\né🙂"));
    expect((await execute(planned)).message).toBe("File successfully overwritten. Current size: 0 bytes.");
    expect((await call(tool, { path: "new", content: "n", mode: "append" }, context)).message).toBe(
      "File successfully appended to. Current size: 1 bytes.",
    );
    expect(await content("new")).toBe("n");
  });

  it("appends without touching bytes that are no UTF-8", async () => {
    await writeFile(join(work, "b"), Buffer.from([0xff, 0xfe, 0x00]));
    await call(tool, { path: "b", content: "z", mode: "append" }, context);
    expect(await readFile(join(work, "b"))).toEqual(Buffer.from([0xff, 0xfe, 0x00, 0x7a]));
  });

  it("keeps mode bits, and a link stays a link", async () => {
    await writeFile(join(work, "run.sh"), "old");
    await chmod(join(work, "run.sh"), 0o750);
    await symlink("run.sh", join(work, "link"));
    const planned = await prepared(tool, { path: "link", content: "new" }, context);
    expect(planned.ask?.description).toBe(`Write file \`${join(work, "run.sh")}\``);
    await execute(planned);
    expect(await content("run.sh")).toBe("new");
    expect((await stat(join(work, "run.sh"))).mode & 0o777).toBe(0o750);
    expect((await readdir(work, { withFileTypes: true })).find((e) => e.name === "link")?.isSymbolicLink()).toBe(true);
  });

  it.each([
    ["no/such/f", "`no/such/f` parent directory does not exist.", "Parent directory not found"],
    ["file/below", "`file/below` parent directory does not exist.", "Parent directory not found"],
    ["dir", "`dir` is not a file.", "Invalid path"],
    ["fifo", "`fifo` is not a file.", "Invalid path"],
    ["../escape", expect.stringContaining("leads outside of the working directory"), "Invalid path"],
    ["out/x", expect.stringContaining("leads outside of the working directory"), "Invalid path"],
    ["huge", "`huge` is larger than the limit of 16777216 bytes for edits.", "File too large"],
    ["", "The path is empty.", "Invalid path"],
  ])("%j ends before any question", async (path, message, brief) => {
    await writeFile(join(work, "file"), "");
    await mkdir(join(work, "dir"));
    await symlink(await folder("outside"), join(work, "out"));
    await writeFile(join(work, "huge"), "");
    await truncate(join(work, "huge"), 16 * 1024 * 1024 + 1);
    execFileSync("mkfifo", [join(work, "fifo")]);
    const result = await prepare(tool, { path, content: "x" }, context);
    expect(result).toEqual({ isError: true, output: "", message, display: [{ type: "brief", text: brief }] });
  });

  it("asks with another action outside, also through links, and creates behind a dangling one", async () => {
    const outside = await folder("outside");
    await symlink(join(outside, "made"), join(work, "dangling"));
    const planned = await prepared(tool, { path: join(work, "dangling"), content: "x" }, context);
    expect(planned.ask).toMatchObject({
      action: "edit file outside of working directory",
      description: `Write file \`${join(outside, "made")}\``,
      display: [{ path: join(outside, "made") }],
      subject: { path: join(outside, "made"), insideWorkspace: false },
    });
    await execute(planned);
    expect(await readFile(join(outside, "made"), "utf8")).toBe("x");
  });

  it("makes hidden characters of the path visible, and writes to the real name", async () => {
    const name = "a\u202eb\n🙂.txt";
    const planned = await prepared(tool, { path: name, content: "x" }, context);
    expect(planned.ask).toMatchObject({
      description: `Write file \`${work}/a\\u{202e}b\\n🙂.txt\``,
      display: [{ path: `${work}/a\\u{202e}b\\n🙂.txt` }],
    });
    await execute(planned);
    expect(await readdir(work)).toEqual([name]);
  });

  it.each([
    ["rewritten", async (path: string) => writeFile(path, "theirs")],
    ["replaced by a link", async (path: string) => rename(path, `${path}.bak`).then(() => symlink("/etc/hosts", path))],
    ["removed", async (path: string) => rename(path, `${path}.bak`)],
  ])("writes nothing when the file was %s after the approval", async (_, disturb) => {
    const path = join(work, "f");
    await writeFile(path, "old");
    const planned = await prepared(tool, { path: "f", content: "new" }, context);
    await disturb(path);
    const before = await readFile(path, "utf8").catch(() => null);
    expect(await execute(planned)).toMatchObject({ isError: true, display: [{ type: "brief", text: "File changed" }] });
    expect(await readFile(path, "utf8").catch(() => null)).toBe(before);
  });

  it("writes nothing when a folder became a link to outside after the approval", async () => {
    const outside = await folder("outside");
    await mkdir(join(work, "sub"));
    const planned = await prepared(tool, { path: "sub/f", content: "new" }, context);
    await rename(join(work, "sub"), join(work, "aside"));
    await symlink(outside, join(work, "sub"));
    expect(await execute(planned)).toMatchObject({ isError: true, display: [{ type: "brief", text: "File changed" }] });
    expect(await readdir(outside)).toEqual([]);
  });

  it("lets one of two edits that were approved from the same content win, and says so to the other", async () => {
    await writeFile(join(work, "f"), "old");
    const first = await prepared(tool, { path: "f", content: "first" }, context);
    const second = await prepared(tool, { path: "f", content: "second" }, context);
    const results = await Promise.all([execute(first), execute(second)]);
    expect(results.filter((result) => result.isError)).toHaveLength(1);
    expect(results.find((result) => result.isError)?.message).toContain("Nothing was written.");
    expect(["first", "second"]).toContain(await content("f"));
  });

  it("does not change a file outside through a hard link", async () => {
    const outside = await folder("outside");
    await writeFile(join(outside, "o"), "old");
    await link(join(outside, "o"), join(work, "hard"));
    await call(tool, { path: "hard", content: "new" }, context);
    expect(await readFile(join(outside, "o"), "utf8")).toBe("old");
  });
});
