import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { strReplaceFile } from "./str-replace-file.js";
import { call, contextOf, prepare, prepared, temporaryFolders } from "./testing/call-tool.js";
import type { ToolContext } from "./tool.js";

const NOT_FOUND = "No replacements were made. The old string was not found in the file.";
const folder = temporaryFolders();
let work: string;
let context: ToolContext;
beforeEach(async () => {
  work = await folder("replace");
  context = contextOf(work);
});
const put = (content: string | Buffer) => writeFile(join(work, "f"), content);
const bytes = () => readFile(join(work, "f"));
const edit = (edit: unknown) => call(strReplaceFile, { path: "f", edit }, context);

describe("StrReplaceFile", () => {
  it("asks with a diff and replaces the first match", async () => {
    await put("one\ntwo\none\n");
    const path = join(work, "f");
    const planned = await prepared(strReplaceFile, { path: "f", edit: { old: "one", new: "1" } }, context);
    expect(planned.ask).toMatchObject({
      action: "edit file",
      description: `Edit file \`${path}\``,
      display: [{ type: "diff", path, old_text: "one\ntwo\none", new_text: "1\ntwo\none" }],
      subject: { kind: "edit", path, insideWorkspace: true },
    });
    const result = await edit({ old: "one", new: "1" });
    expect(result.message).toBe("File successfully edited. Applied 1 edit(s) with 1 total replacement(s).");
    expect(result.output).toBe("");
    expect(result.display).toHaveLength(1);
    expect((await bytes()).toString()).toBe("1\ntwo\none\n");
  });

  it("applies a list in order and all matches on request; $ is nothing special", async () => {
    await put("a b a b");
    const result = await edit([
      { old: "a", new: "$&$1", replace_all: true },
      { old: "$&$1 b", new: "c" },
    ]);
    expect(result.message).toBe("File successfully edited. Applied 2 edit(s) with 3 total replacement(s).");
    expect((await bytes()).toString()).toBe("c $&$1 b");
  });

  it("keeps CRLF, the BOM, a missing final newline and bytes that are no UTF-8", async () => {
    await put("\ufeffa\r\nb\r\nc");
    await edit({ old: "a\nb", new: "x\ny\nz" });
    expect((await bytes()).toString()).toBe("\ufeffx\r\ny\r\nz\r\nc");
    await put(Buffer.from([0xff, 0x61, 0xfe, 0x0a]));
    await edit({ old: "a", new: "é" });
    expect(await bytes()).toEqual(Buffer.from([0xff, 0xc3, 0xa9, 0xfe, 0x0a]));
    await put("mixed\r\nends\n");
    await edit({ old: "mixed", new: "m\nn" });
    expect((await bytes()).toString()).toBe("m\nn\r\nends\n");
  });

  it("never matches inside of a character", async () => {
    await put("é");
    expect(await edit({ old: "Ã", new: "x" })).toMatchObject({ isError: true, message: NOT_FOUND });
  });

  it("says exactly that nothing matched, with a hint in the output, before any question", async () => {
    await put("function add(a, b) {\n    return a + b;\n}\n");
    const wanted = { old: "function add(a, b) {\n  return a + b;\n}", new: "x" };
    expect(await prepare(strReplaceFile, { path: "f", edit: wanted }, context)).toEqual({
      isError: true,
      output: "Lines 1-3 differ from the old string in white space only:\nfunction add(a, b) {\n    return a + b;\n}",
      message: NOT_FOUND,
      display: [{ type: "brief", text: "No replacements made" }],
    });
    expect(await edit({ old: "return a + c;", new: "x" })).toMatchObject({
      message: NOT_FOUND,
      output: "Nearest text, line 2:\n    return a + b;",
    });
    expect(await edit({ old: "nothing like it at all", new: "x" })).toMatchObject({ message: NOT_FOUND, output: "" });
  });

  it("applies all edits of a list or none, and names the one that failed", async () => {
    await put("a\n");
    const result = await edit([
      { old: "a", new: "b" },
      { old: "zzz", new: "c" },
    ]);
    expect(result).toMatchObject({ isError: true, message: NOT_FOUND, output: "Edit 2: not found" });
    expect((await bytes()).toString()).toBe("a\n");
  });

  it.each([
    [{ old: "", new: "x" }, "No replacements were made. The old string is empty."],
    [{ old: "a", new: "a" }, "No replacements were made. The new text equals the old text."],
  ])("refuses %j", async (change, message) => {
    await put("a");
    expect(await edit(change)).toMatchObject({ isError: true, message });
  });

  it("refuses a result above the limit without building it", async () => {
    await put("a".repeat(1_000_000));
    const result = await edit({ old: "a", new: "b".repeat(1_000), replace_all: true });
    expect(result).toMatchObject({ isError: true, display: [{ type: "brief", text: "File too large" }] });
  });

  it.each([
    ["missing", "`missing` does not exist."],
    ["no/such/file", "`no/such/file` does not exist."],
    [".", "`.` is not a file."],
  ])("%j", async (path, message) => {
    expect(await call(strReplaceFile, { path, edit: { old: "a", new: "b" } }, context)).toMatchObject({ message });
  });

  it.each([{ path: "f" }, { path: "f", edit: [] }, { path: "f", edit: { old: "a" } }])("refuses %j", (args) => {
    expect(strReplaceFile.parameters.safeParse(args).success).toBe(false);
  });
});
