import { describe, expect, it } from "vitest";
import { diffBlocks } from "./text-diff.js";

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `line ${i + 1}\n`).join("");

describe("diffBlocks", () => {
  it("gives no block for identical texts", async () => {
    expect(await diffBlocks("/f", "a\nb\n", "a\nb\n")).toEqual([]);
  });

  it("shows a new file without its final newline, starts at 1", async () => {
    expect(await diffBlocks("/f", "", "x\n")).toEqual([
      { type: "diff", path: "/f", old_text: "", new_text: "x", old_start: 1, new_start: 1, is_summary: false },
    ]);
  });

  it("gives one block per hunk with three lines of context", async () => {
    const old = numbered(40);
    const blocks = await diffBlocks("/f", old, old.replace("line 5\n", "five\n").replace("line 30\n", ""));
    expect(blocks).toHaveLength(2);
    expect(blocks[0]).toMatchObject({
      old_text: "line 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8",
      new_text: "line 2\nline 3\nline 4\nfive\nline 6\nline 7\nline 8",
      old_start: 2,
      new_start: 2,
    });
    expect(blocks[1]).toMatchObject({ old_start: 27, new_start: 27 });
    expect(blocks[1]?.new_text).not.toContain("line 30");
  });

  it("shows a line that itself begins with a sign, and a change of the final newline only", async () => {
    const [block] = await diffBlocks("/f", "- a\n", "- a\n+ b\n");
    expect(block).toMatchObject({ old_text: "- a", new_text: "- a\n+ b" });
    expect(await diffBlocks("/f", "x", "x\n")).toMatchObject([{ old_text: "x", new_text: "x" }]);
  });

  it("keeps carriage returns", async () => {
    expect(await diffBlocks("/f", "a\r\nb\r\n", "a\r\nc\r\n")).toMatchObject([
      { old_text: "a\r\nb\r", new_text: "a\r\nc\r" },
    ]);
  });

  it("gives one summary above 10,000 lines, with and without a changed count", async () => {
    const old = numbered(10_001);
    expect(await diffBlocks("/f", old, `${old}more\n`)).toEqual([
      {
        type: "diff",
        path: "/f",
        old_text: "(10001 lines)",
        new_text: "(10002 lines)",
        old_start: 1,
        new_start: 1,
        is_summary: true,
      },
    ]);
    expect(await diffBlocks("/f", old, old.replace("line 7\n", "seven\n"))).toMatchObject([
      { new_text: "(10001 lines, modified)" },
    ]);
    expect(await diffBlocks("/f", numbered(10_000), `x\n${numbered(9_999)}`)).toMatchObject([
      { is_summary: false },
      { is_summary: false },
    ]);
  });

  it("gives a summary for one huge line", async () => {
    expect(await diffBlocks("/f", "a", "b".repeat(2 ** 20 + 1))).toMatchObject([
      { is_summary: true, old_text: "(1 lines)", new_text: "(1 lines, modified)" },
    ]);
  });

  it("stays quick and complete when everything changed", async () => {
    const head = "same 1\nsame 2\nsame 3\nsame 4\n";
    const old = head + Array.from({ length: 9_000 }, (_, i) => `old ${i}\n`).join("");
    const next = head + Array.from({ length: 9_000 }, (_, i) => `new ${i}\n`).join("");
    const began = performance.now();
    const [block, ...others] = await diffBlocks("/f", old, next);
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(others).toEqual([]);
    expect(block).toMatchObject({ old_start: 2, new_start: 2, is_summary: false });
    expect(block?.old_text.split("\n")).toHaveLength(9_003);
    expect(block?.new_text.endsWith("new 8999")).toBe(true);
  });
});
