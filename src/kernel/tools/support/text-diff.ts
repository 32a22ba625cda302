/** Differences of two texts as the diff blocks that approvals and results show. */
import type { DisplayBlock } from "../tool.js";

type DiffBlock = Extract<DisplayBlock, { type: "diff" }>;

const CONTEXT_LINES = 3;
const MAX_LINES = 10_000;
/** Above this many characters of one text (1 Mi) a diff is as little use to a person as above 10,000 lines. */
const MAX_CHARACTERS = 1024 * 1024;
/** Where the search for the shortest edit gives up and everything between the first and last change is one hunk. */
const MAX_EDIT_LENGTH = 2_000;

/**
 * Gives one block per hunk with 3 lines of context and 1-based starts; none for identical texts; one summary block
 * with line counts for texts above 10,000 lines or 1 Mi characters. `path` is shown as given. The final newline is
 * not shown; a `\r` before a newline is.
 */
export async function diffBlocks(path: string, oldText: string, newText: string): Promise<DiffBlock[]> {
  if (oldText === newText) return [];
  const oldLines = splitLines(oldText);
  const newLines = splitLines(newText);
  const longest = Math.max(oldText.length, newText.length);
  if (Math.max(oldLines.length, newLines.length) > MAX_LINES || longest > MAX_CHARACTERS) {
    return [summary(path, oldLines.length, newLines.length)];
  }
  const { structuredPatch } = await import("diff");
  const patch = structuredPatch(path, path, oldText, newText, undefined, undefined, {
    context: CONTEXT_LINES,
    maxEditLength: MAX_EDIT_LENGTH,
  });
  if (patch === undefined) return [wholeChange(path, oldLines, newLines)];
  return patch.hunks.map((hunk) =>
    block(path, side(hunk.lines, "-"), side(hunk.lines, "+"), Math.max(1, hunk.oldStart), Math.max(1, hunk.newStart)),
  );
}

function block(path: string, oldLines: string[], newLines: string[], oldStart: number, newStart: number): DiffBlock {
  return {
    type: "diff",
    path,
    old_text: oldLines.join("\n"),
    new_text: newLines.join("\n"),
    old_start: oldStart,
    new_start: newStart,
    is_summary: false,
  };
}

function summary(path: string, oldCount: number, newCount: number): DiffBlock {
  const newText = oldCount === newCount ? `(${newCount} lines, modified)` : `(${newCount} lines)`;
  return { ...block(path, [`(${oldCount} lines)`], [newText], 1, 1), is_summary: true };
}

/** Common lines at both ends but the context are left out; what lies between is one hunk. */
function wholeChange(path: string, oldLines: string[], newLines: string[]): DiffBlock {
  const shortest = Math.min(oldLines.length, newLines.length);
  let head = 0;
  while (head < shortest && oldLines[head] === newLines[head]) head++;
  let tail = 0;
  while (tail < shortest - head && oldLines.at(-1 - tail) === newLines.at(-1 - tail)) tail++;
  const start = Math.max(0, head - CONTEXT_LINES);
  const left = Math.max(0, tail - CONTEXT_LINES);
  const cut = (lines: string[]) => lines.slice(start, lines.length - left);
  return block(path, cut(oldLines), cut(newLines), start + 1, start + 1);
}

function side(lines: readonly string[], sign: "-" | "+"): string[] {
  return lines.filter((line) => line.startsWith(" ") || line.startsWith(sign)).map((line) => line.slice(1));
}

function splitLines(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
