import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { glob } from "./glob.js";
import { toolDefinition } from "./support/tool-schema.js";
import { contextOf, execute, prepare, prepared, temporaryFolders } from "./testing/call-tool.js";
import type { ToolReturn } from "./tool.js";

const folder = temporaryFolders();
let dir: string;

beforeEach(async () => {
  dir = await folder("glob");
  await fill(dir, "src/b.ts", "src/a.ts", "src/deep/c.ts", "src/.hidden.ts", "readme.md", ".git/config", "-dash/x.ts");
});

async function fill(root: string, ...files: string[]): Promise<void> {
  for (const folderName of new Set(files.map((file) => dirname(join(root, file))))) {
    await mkdir(folderName, { recursive: true });
  }
  await Promise.all(files.map((file) => writeFile(join(root, file), "")));
}

async function find(args: Record<string, unknown>): Promise<ToolReturn> {
  return execute(await prepared(glob, args, contextOf(dir)));
}

describe("Glob", () => {
  it.each([
    ["src/**/*.ts", ["src/.hidden.ts", "src/a.ts", "src/b.ts", "src/deep/c.ts"]],
    ["src/*", ["src/.hidden.ts", "src/a.ts", "src/b.ts", "src/deep/"]],
    ["*", ["-dash/", "readme.md", "src/"]],
    ["./src/{a,b}.ts", ["src/a.ts", "src/b.ts"]],
    ["-dash/*", ["-dash/x.ts"]],
    [".git/*", [".git/config"]],
    ["src/deep", ["src/deep/"]],
    ["nothing/*", []],
  ])("finds %s, sorted and relative", async (pattern, expected) => {
    expect(await find({ pattern })).toEqual({
      isError: false,
      output: expected.join("\n"),
      message: `Found ${expected.length} matches for pattern \`${pattern}\`.`,
      display: [],
    });
  });

  it("leaves folders out when told so, and searches another folder", async () => {
    expect((await find({ pattern: "*", include_dirs: false })).output).toBe("readme.md");
    expect((await find({ pattern: "*.ts", directory: "src/deep" })).output).toBe("c.ts");
  });

  it("stops at 1000 and says so", async () => {
    await fill(dir, ...Array.from({ length: 1001 }, (_, i) => `many/${String(i).padStart(4, "0")}`));
    const result = await find({ pattern: "many/*" });
    expect(result.message).toBe(
      "Found 1000 matches for pattern `many/*`. There are more; only the first 1000 are listed.",
    );
    expect(String(result.output).split("\n").at(-1)).toBe("many/0999");
  });

  it.each(["**/*.ts", "**", "./**/x", ".//**"])("refuses %s with advice", async (pattern) => {
    const result = await prepare(glob, { pattern }, contextOf(dir));
    expect(result).toMatchObject({ isError: true, display: [{ type: "brief", text: "Unsafe pattern" }] });
    expect((result as ToolReturn).message).toContain("Start with a folder, e.g. `src/**/");
  });

  it.each(["/etc/*", "../*", "src/../../x", "{..,a}/x", "\\.\\./*", "..", ""])("refuses %j", async (pattern) => {
    expect(await prepare(glob, { pattern }, contextOf(dir))).toMatchObject({
      isError: true,
      display: [{ type: "brief", text: "Invalid pattern" }],
    });
  });

  it("refuses what is no folder", async () => {
    expect(await prepare(glob, { pattern: "*", directory: "nope" }, contextOf(dir))).toMatchObject({
      message: "`nope` does not exist.",
    });
    expect(await prepare(glob, { pattern: "*", directory: "readme.md" }, contextOf(dir))).toMatchObject({
      message: "`readme.md` is not a directory.",
    });
  });

  it("asks for a folder outside, named by its real path", async () => {
    const outside = await folder("outside");
    await fill(outside, "secret.txt");
    await symlink(outside, join(dir, "link"));
    for (const directory of [outside, join(dir, "link")]) {
      const call = await prepared(glob, { pattern: "*", directory }, contextOf(dir));
      expect(call.ask).toEqual({
        action: "read file outside of working directory",
        description: `Search in \`${outside}\``,
        display: [],
        subject: { kind: "read_outside", path: outside },
      });
      expect((await execute(call)).output).toBe("secret.txt");
    }
    expect((await prepared(glob, { pattern: "*" }, contextOf(dir))).ask).toBeNull();
    const extra = contextOf(dir, { additionalDirs: [outside] });
    expect((await prepared(glob, { pattern: "*", directory: outside }, extra)).ask).toBeNull();
  });

  it("never shows what lies behind a link that leads out", async () => {
    const outside = await folder("outside");
    await fill(outside, "secret.txt", "sub/secret.txt");
    await symlink(outside, join(dir, "src", "link"));
    for (const pattern of ["src/link/*", "src/**/*.txt", "src/*/*.txt", "src/link/sub/*"]) {
      expect((await find({ pattern })).output).toBe("");
    }
  });

  it("sees that the folder was swapped after the question", async () => {
    const outside = await folder("outside");
    const call = await prepared(glob, { pattern: "*", directory: "src" }, contextOf(dir));
    await rename(join(dir, "src"), join(dir, "old"));
    await symlink(outside, join(dir, "src"));
    expect(await execute(call)).toMatchObject({ isError: true, display: [{ type: "brief", text: "File changed" }] });
  });

  it("rejects with the reason when it is cancelled, also in the middle", async () => {
    const call = await prepared(glob, { pattern: "src/**" }, contextOf(dir));
    await expect(execute(call, AbortSignal.abort(new Error("early")))).rejects.toThrow("early");
    const cancel = new AbortController();
    const running = execute(
      await prepared(glob, { pattern: "*/**/nothing", directory: "/usr" }, contextOf(dir)),
      cancel.signal,
    );
    setImmediate(() => cancel.abort(new Error("late")));
    await expect(running).rejects.toThrow("late");
  });

  it("is listed the same, byte for byte", () => {
    expect(JSON.stringify(toolDefinition(glob).parameters)).toBe(
      '{"type":"object","properties":{"pattern":{"type":"string"},"directory":{"type":"string"}},"required":["pattern"]}',
    );
  });
});
