import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProcessGroups } from "../processes/posix-process-groups.js";
import type { ProcessGroups } from "../processes/process-groups.js";
import { toolEnvironment } from "../processes/tool-environment.js";
import { glob } from "./glob.js";
import { grep } from "./grep.js";
import { shell } from "./shell.js";
import { toolDefinition } from "./support/tool-schema.js";
import { contextOf, execute, prepare, prepared, temporaryFolders } from "./testing/call-tool.js";
import type { ToolContext, ToolReturn } from "./tool.js";

const folder = temporaryFolders();
let dir: string;
let processes: ProcessGroups;
let context: ToolContext;

beforeEach(async () => {
  dir = await folder("grep");
  processes = createProcessGroups();
  context = contextOf(dir, { processes, env: toolEnvironment({ PATH: process.env.PATH }) });
  await mkdir(join(dir, "src"));
  await mkdir(join(dir, ".git"));
  await writeFile(join(dir, "src", "a.ts"), "one\nfoo bar\nthree\nfoo foo\nfive\n");
  await writeFile(join(dir, "src", "b.md"), "Foo\n-x --pre=evil\n");
  await writeFile(join(dir, ".hidden"), "foo\n");
  await writeFile(join(dir, ".git", "config"), "foo\n");
  await writeFile(join(dir, ".ignore"), "skipped.txt\n");
  await writeFile(join(dir, "skipped.txt"), "foo\n");
});

afterEach(() => processes.close());

async function search(args: Record<string, unknown>): Promise<ToolReturn> {
  return execute(await prepared(grep, args, context));
}

const content = { output_mode: "content" };

describe("Grep", () => {
  it.each([
    ["files by default", { pattern: "foo" }, ".hidden\nsrc/a.ts\n", "2 files."],
    ["any case", { pattern: "foo", "-i": true }, ".hidden\nsrc/a.ts\nsrc/b.md\n", "3 files."],
    ["in ignored files", { pattern: "foo", include_ignored: true }, ".hidden\nskipped.txt\nsrc/a.ts\n", "3 files."],
    ["in a folder", { pattern: "foo", path: "src" }, "src/a.ts\n", "1 files."],
    ["in one file", { pattern: "five", path: "src/a.ts", ...content }, "src/a.ts:5:five\n", "1 lines."],
    ["in .git when named", { pattern: "foo", path: ".git" }, ".git/config\n", "1 files."],
    ["by glob", { pattern: "foo", glob: "*.md", "-i": true }, "src/b.md\n", "1 files."],
    ["by type", { pattern: "foo", type: "ts" }, "src/a.ts\n", "1 files."],
    ["counts", { pattern: "foo", path: "src", output_mode: "count_matches" }, "src/a.ts:3\n", "1 files."],
    ["without numbers", { pattern: "fiv", path: "src", ...content, "-n": false }, "src/a.ts:five\n", "1 lines."],
    [
      "before",
      { pattern: "five", path: "src", ...content, "-B": 1 },
      "src/a.ts-4-foo foo\nsrc/a.ts:5:five\n",
      "2 lines.",
    ],
    ["after", { pattern: "one", path: "src", ...content, "-A": 1 }, "src/a.ts:1:one\nsrc/a.ts-2-foo bar\n", "2 lines."],
    ["over lines", { pattern: "bar.three", multiline: true }, "src/a.ts\n", "1 files."],
    ["a pattern like a flag", { pattern: "-x --pre=evil", ...content }, "src/b.md:2:-x --pre=evil\n", "1 lines."],
    ["nothing", { pattern: "no such text" }, "", "No matches found"],
  ])("finds %s", async (_name, args, output, message) => {
    expect(await search(args)).toEqual({ isError: false, output, message, display: [] });
  });

  it("gives a window of the lines and tells how to go on", async () => {
    await writeFile(join(dir, "many.txt"), Array.from({ length: 100_000 }, (_, i) => `line ${i}\n`).join(""));
    const args = { pattern: "line", path: "many.txt", ...content, head_limit: 2 };
    expect(await search({ ...args, offset: 3 })).toMatchObject({
      output: "many.txt:4:line 3\nmany.txt:5:line 4\n",
      message: "2 lines. There are more: use offset 5.",
    });
    expect(await search({ ...args, offset: 99_999 })).toMatchObject({ message: "1 lines." });
    expect(await search({ ...args, offset: 100_000 })).toMatchObject({ message: "No lines after offset 100000" });
    const all = await search({ ...args, head_limit: 0 });
    expect(all.message).toBe("100000 lines. Output is truncated to fit in the message.");
    expect(String(all.output)).toMatch(/many.txt:100000:line 99999\n$/);
  });

  it("cuts long lines", async () => {
    await writeFile(join(dir, "long.txt"), `foo${"x".repeat(5_000_000)}\n`);
    const result = await search({ pattern: "foo", path: "long.txt", ...content });
    expect(String(result.output)).toMatch(/^long.txt:1:foox+\[\.\.\.truncated\]\n$/);
    expect(result.output.length).toBe(2001);
  });

  it.each([
    ["a bad pattern", { pattern: "(" }, "regex parse error"],
    ["a bad glob", { pattern: "x", glob: "{" }, "error parsing glob"],
    ["an unknown type", { pattern: "x", type: "no-such" }, "unrecognized file type"],
    ["a glob like a flag", { pattern: "x", glob: "{--pre=evil" }, "error parsing glob"],
  ])("reports %s with ripgrep's own words", async (_name, args, text) => {
    const result = await search(args);
    expect(result).toMatchObject({ isError: true, display: [{ type: "brief", text: "Search failed" }] });
    expect(result.message).toContain(text);
  });

  it("keeps what it found when one file cannot be read", async () => {
    await chmod(join(dir, "src", "b.md"), 0);
    const isRoot = process.getuid?.() === 0;
    const message = isRoot ? "1 files." : "1 files. Some files could not be read.";
    expect(await search({ pattern: "foo", path: "src" })).toMatchObject({ output: "src/a.ts\n", message });
  });

  it("searches a path that looks like a flag", async () => {
    await mkdir(join(dir, "--pre=evil"));
    await writeFile(join(dir, "--pre=evil", "x"), "foo\n");
    expect((await search({ pattern: "foo", path: "--pre=evil" })).output).toBe("--pre=evil/x\n");
  });

  it("asks outside of the workspace by the real path, and follows no link on the way", async () => {
    const outside = await folder("outside");
    await writeFile(join(outside, "secret.txt"), "foo\n");
    await symlink(outside, join(dir, "src", "link"));
    expect((await search({ pattern: "foo", path: "src" })).output).toBe("src/a.ts\n");
    const call = await prepared(grep, { pattern: "foo", path: join(dir, "src", "link") }, context);
    expect(call).toMatchObject({ effect: "read", ask: { subject: { kind: "read_outside", path: outside } } });
    expect((await execute(call)).output).toBe(`${join(outside, "secret.txt")}\n`);
    expect(await prepare(grep, { pattern: "foo", path: "../" }, context)).toMatchObject({
      isError: true,
      message: "`../` leads outside of the working directory: use its absolute path.",
    });
    expect(await prepare(grep, { pattern: "foo", path: "nope" }, context)).toMatchObject({
      message: "`nope` does not exist.",
    });
  });

  it("works in a work folder that is a link", async () => {
    const link = join(await folder("outside"), "work");
    await symlink(dir, link);
    context = { ...context, workDir: link };
    expect((await search({ pattern: "five" })).output).toBe("src/a.ts\n");
    expect((await search({ pattern: "five", path: join(link, "src") })).output).toBe("src/a.ts\n");
  });

  it("rejects with the reason when it is cancelled", async () => {
    const cancel = new AbortController();
    const call = await prepared(grep, { pattern: "foo" }, context);
    const running = execute(call, cancel.signal);
    cancel.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
  });
});

describe("the listing", () => {
  it("of Grep is stable, byte for byte", () => {
    expect(JSON.stringify(toolDefinition(grep).parameters)).toMatchInlineSnapshot(
      `"{"type":"object","properties":{"pattern":{"type":"string"},"path":{"type":"string"},"glob":{"type":"string"},"output_mode":{"type":"string","enum":["content","files_with_matches","count_matches"]},"-i":{"type":"boolean"},"-C":{"type":"integer"}},"required":["pattern"]}"`,
    );
  });

  it("of Shell, Glob and Grep costs at most 75 tokens each on average", () => {
    const tokens = [shell, glob, grep].map((tool) => countTokens(JSON.stringify(toolDefinition(tool))));
    expect(tokens.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(3 * 75);
  });
});
