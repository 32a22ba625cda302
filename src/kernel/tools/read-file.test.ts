import { execFileSync } from "node:child_process";
import { mkdir, open, rename, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { readFile } from "./read-file.js";
import { call, contextOf, execute, prepare, prepared, temporaryFolders } from "./testing/call-tool.js";
import type { ToolContext } from "./tool.js";

const folder = temporaryFolders();
let work: string;
let context: ToolContext;
beforeEach(async () => {
  work = await folder("read");
  context = contextOf(work);
});
const file = (content: string | Buffer, name = "f.txt") => writeFile(join(work, name), content);
const read = (args: object) => call(readFile, { path: "f.txt", ...args }, context);
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}\n`).join("");

describe("ReadFile", () => {
  it("numbers lines and says where they are", async () => {
    await file("a\n\nc\n");
    expect(await read({})).toEqual({
      isError: false,
      output: "     1\ta\n     2\t\n     3\tc\n",
      message: "3 lines read from file starting from line 1. Total lines in file: 3. End of file reached.",
      display: [],
    });
  });

  it.each([
    [
      { line_offset: 3, n_lines: 2 },
      "     3\tline 3\n     4\tline 4\n",
      "2 lines read from file starting from line 3. Total lines in file: 5.",
    ],
    [
      { line_offset: 4, n_lines: 9 },
      "     4\tline 4\n     5\tline 5\n",
      "2 lines read from file starting from line 4. Total lines in file: 5. End of file reached.",
    ],
    [
      { line_offset: -2 },
      "     4\tline 4\n     5\tline 5\n",
      "2 lines read from file starting from line 4. Total lines in file: 5. End of file reached.",
    ],
    [
      { line_offset: -4, n_lines: 1 },
      "     2\tline 2\n",
      "1 lines read from file starting from line 2. Total lines in file: 5.",
    ],
    [
      { line_offset: -99, n_lines: 1 },
      "     1\tline 1\n",
      "1 lines read from file starting from line 1. Total lines in file: 5.",
    ],
    [
      { line_offset: 0, n_lines: 1 },
      "     1\tline 1\n",
      "1 lines read from file starting from line 1. Total lines in file: 5.",
    ],
    [{ line_offset: 6 }, "", "No lines read from file. Total lines in file: 5. End of file reached."],
  ])("%j", async (args, output, message) => {
    await file(numbered(1, 5));
    expect(await read(args)).toMatchObject({ isError: false, output, message });
  });

  it("reads empty files, a missing final newline, CRLF, a BOM, wide characters and broken UTF-8", async () => {
    await file("");
    expect(await read({})).toMatchObject({
      output: "",
      message: "No lines read from file. Total lines in file: 0. End of file reached.",
    });
    await file("a\nb");
    expect((await read({})).output).toBe("     1\ta\n     2\tb");
    await file("a\r\nb\r\n");
    expect(await read({})).toMatchObject({ output: "     1\ta\n     2\tb\n" });
    expect((await read({})).message).toContain("Lines end in CRLF.");
    await file("\ufeffa 🙂\n");
    expect((await read({})).output).toBe("     1\t\ufeffa 🙂\n");
    await file(Buffer.from([0x61, 0xff, 0x62, 0x0a]));
    expect((await read({})).output).toBe("     1\ta\ufffdb\n");
  });

  it("stops at 1000 lines, also when more are asked for", async () => {
    await file(numbered(1, 12_000));
    const result = await read({ n_lines: 5000 });
    expect(result.message).toBe(
      "1000 lines read from file starting from line 1. Total lines in file: 12000. Max 1000 lines reached.",
    );
    expect(result.output).toMatch(/ {2}1000\tline 1000\n$/);
    expect((await read({ line_offset: -3 })).output).toBe(
      " 11998\tline 11998\n 11999\tline 11999\n 12000\tline 12000\n",
    );
  });

  it("cuts lines at 2000 characters, never inside a pair", async () => {
    await file(`${"x".repeat(2000)}\n${"y".repeat(2001)}\n${"🙂".repeat(1500)}`);
    const { output, message } = await read({});
    const lines = String(output)
      .split("\n")
      .map((line) => line.slice(7));
    expect(lines[0]).toBe("x".repeat(2000));
    expect(lines[1]).toBe(`${"y".repeat(1986)}[...truncated]`);
    expect(lines[2]).toBe(`${"🙂".repeat(993)}[...truncated]`);
    expect(message).toContain("Lines 2, 3 were truncated to 2000 characters.");
  });

  it("stops at 100 KiB: from the front the newest lines go, from the end the oldest", async () => {
    await file(`${"z".repeat(1023)}\n`.repeat(500));
    expect((await read({})).message).toBe(
      "100 lines read from file starting from line 1. Total lines in file: 500. Max 102400 bytes reached.",
    );
    expect((await read({ line_offset: -200 })).message).toBe(
      "100 lines read from file starting from line 401. Total lines in file: 500. Max 102400 bytes reached. End of file reached.",
    );
  });

  it("reads a huge single line and a 150 MB file in bounded memory", async () => {
    await file("q".repeat(30_000_000));
    expect((await read({})).message).toContain("1 lines read from file starting from line 1. Total lines in file: 1.");
    const handle = await open(join(work, "big"), "w");
    const block = Buffer.from(`${"b".repeat(99)}\n`.repeat(10_000));
    for (let i = 0; i < 150; i++) await handle.write(block);
    await handle.close();
    const before = process.memoryUsage().rss;
    const { message, output } = await read({ path: "big", line_offset: -2 });
    expect(message).toContain("starting from line 1499999. Total lines in file: 1500000.");
    const line = "b".repeat(99);
    expect(output).toBe(`1499999\t${line}\n1500000\t${line}\n`);
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
  });

  it.each([
    ["missing", "`missing` does not exist.", "File not found"],
    ["dir", "`dir` is not a file.", "Invalid path"],
    ["fifo", "`fifo` is not a file.", "Invalid path"],
    ["socket", "`socket` is not a file.", "Invalid path"],
    ["f.txt/below", "`f.txt/below` does not exist.", "File not found"],
    ["/dev/zero", "`/dev/zero` is not a file.", "Invalid path"],
    ["/nonexist", "`/nonexist` does not exist.", "File not found"],
    ["bad\u001bname", "`bad\\x1bname` does not exist.", "File not found"],
    ["a\0b", "`a\\x00b` contains a NUL character.", "Invalid path"],
    ["loop", expect.stringContaining("too many symbolic links"), "Invalid path"],
  ])("%j ends before any question", async (path, message, brief) => {
    await file("x");
    await mkdir(join(work, "dir"));
    execFileSync("mkfifo", [join(work, "fifo")]);
    const server = createServer().listen(join(work, "socket"));
    await symlink("loop", join(work, "loop"));
    expect(await prepare(readFile, { path }, context)).toEqual({
      isError: true,
      output: "",
      message,
      display: [{ type: "brief", text: brief }],
    });
    await new Promise((done) => server.close(done));
  });

  it("refuses binary files at once, a sparse one of 10 GB too, and names the tool for images", async () => {
    await file(Buffer.from([1, 2, 0, 3]));
    expect(await read({})).toMatchObject({ isError: true, message: "`f.txt` is a binary file, not text." });
    const sparse = await open(join(work, "sparse"), "w");
    await sparse.truncate(10 * 1024 ** 3);
    await sparse.close();
    expect(await read({ path: "sparse", line_offset: -1 })).toMatchObject({ isError: true });
    await file(Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"), "p.png");
    expect((await read({ path: "p.png" })).message).toBe("`p.png` is image/png, not text. Use ReadMediaFile.");
  });

  it("asks outside of the workspace, but not in an additional folder", async () => {
    const outside = await folder("outside");
    await writeFile(join(outside, "o.txt"), "out\n");
    const path = join(outside, "o.txt");
    const planned = await prepared(readFile, { path }, context);
    expect(planned).toMatchObject({
      effect: "read",
      ask: {
        action: "read file outside of working directory",
        description: `Read file \`${path}\``,
        display: [],
        subject: { kind: "read_outside", path },
      },
    });
    expect((await execute(planned)).output).toBe("     1\tout\n");
    const allowed = contextOf(work, { additionalDirs: [outside] });
    expect((await prepared(readFile, { path }, allowed)).ask).toBeNull();
    await symlink(path, join(work, "innocent"));
    expect(await prepare(readFile, { path: "innocent" }, context)).toMatchObject({
      isError: true,
      message: `\`innocent\` leads outside of the working directory, to \`${path}\`. Use the absolute path.`,
    });
    const viaLink = await prepared(readFile, { path: join(work, "innocent") }, context);
    expect(viaLink.ask?.description).toBe(`Read file \`${path}\``);
  });

  it("does not read what was swapped in between", async () => {
    const outside = await folder("outside");
    await writeFile(join(outside, "f.txt"), "secret\n");
    await mkdir(join(work, "sub"));
    await writeFile(join(work, "sub", "f.txt"), "mine\n");
    const planned = await prepared(readFile, { path: "sub/f.txt" }, context);
    await rename(join(work, "sub"), join(work, "aside"));
    await symlink(outside, join(work, "sub"));
    expect(await execute(planned)).toMatchObject({ isError: true, display: [{ type: "brief", text: "File changed" }] });
  });

  it("ends on abort", async () => {
    await file(numbered(1, 5));
    const planned = await prepared(readFile, { path: "f.txt" }, context);
    await expect(execute(planned, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });

  it.each([{}, { path: 1 }, { path: "f", n_lines: 0 }, { path: "f", line_offset: 1.5 }])("refuses %j", (args) => {
    expect(readFile.parameters.safeParse(args).success).toBe(false);
  });
});
