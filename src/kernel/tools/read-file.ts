import type { FileHandle } from "node:fs/promises";
import * as z from "zod/mini";
import { type ReadWindow, readLineWindow } from "./support/line-window.js";
import { MEDIA_HEAD_BYTES, mediaType } from "./support/media-type.js";
import { planRead } from "./support/readable-target.js";
import { visibleText } from "./support/visible-text.js";
import { defineTool, type ToolReturn, toolError, toolOk } from "./tool.js";

const MAX_LINES = 1000;
const MAX_LINE_CHARS = 2000;
const MAX_BYTES = 100 * 1024;
/** Lines are counted up to here; a longer file is read, but its total stays open. 2 GiB, one or two seconds. */
const MAX_SCAN_BYTES = 2 * 1024 ** 3;
const BINARY_HEAD_BYTES = 8 * 1024;

const parameters = z.object({
  path: z.string(),
  line_offset: z._default(z.int(), 1).check(z.describe("Negative: from the end")),
  n_lines: z._default(z.int().check(z.refine((n) => n > 0, "must be positive")), MAX_LINES),
});

/** Reads text files line by line, with line numbers; asks for files outside of the workspace. */
export const readFile = defineTool({
  name: "ReadFile",
  description: "Read a text file, with line numbers.",
  parameters,
  listed: ["path", "line_offset", "n_lines"],
  prepare: (args, context) =>
    planRead(args.path, context, async (file, signal) => {
      const refusal = await refuseBinary(file, args.path);
      if (refusal !== null) return refusal;
      return args.line_offset < 0
        ? readTail(file, -args.line_offset, args.n_lines, args.path, signal)
        : readFrom(file, Math.max(1, args.line_offset), args.n_lines, signal);
    }),
});

async function refuseBinary(file: FileHandle, path: string): Promise<ToolReturn | null> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(BINARY_HEAD_BYTES), 0, BINARY_HEAD_BYTES, 0);
  const head = buffer.subarray(0, bytesRead);
  if (!head.includes(0)) return null;
  const shown = `\`${visibleText(path)}\``;
  const media = mediaType(head.subarray(0, MEDIA_HEAD_BYTES));
  return media === null
    ? toolError(`${shown} is a binary file, not text.`, "Binary file")
    : toolError(`${shown} is ${media}, not text. Use ReadMediaFile.`, "Binary file");
}

async function readFrom(file: FileHandle, from: number, count: number, signal: AbortSignal): Promise<ToolReturn> {
  return describe(await readLineWindow(file, windowOf(from, count, "tail"), signal));
}

/** The last lines are found by counting first: memory stays bounded and the numbers are right. */
async function readTail(
  file: FileHandle,
  fromEnd: number,
  count: number,
  path: string,
  signal: AbortSignal,
): Promise<ToolReturn> {
  const counted = await readLineWindow(file, windowOf(1, 0, "tail"), signal);
  if (counted.stopped) {
    const limit = `${MAX_SCAN_BYTES} bytes`;
    return toolError(
      `\`${visibleText(path)}\` is larger than ${limit}: give a positive line_offset.`,
      "File too large",
    );
  }
  const from = Math.max(1, counted.total - fromEnd + 1);
  const reachesEnd = from + Math.min(count, MAX_LINES) > counted.total;
  return describe(await readLineWindow(file, windowOf(from, count, reachesEnd ? "head" : "tail"), signal));
}

function windowOf(from: number, count: number, drop: "head" | "tail") {
  return {
    from,
    maxLines: Math.min(count, MAX_LINES),
    maxLineChars: MAX_LINE_CHARS,
    maxBytes: MAX_BYTES,
    drop,
    maxScanBytes: MAX_SCAN_BYTES,
  };
}

function describe(read: ReadWindow): ToolReturn {
  const first = read.lines[0];
  const last = read.lines.at(-1);
  const sentences: string[] = [];
  if (first === undefined) sentences.push("No lines read from file.");
  else sentences.push(`${read.lines.length} lines read from file starting from line ${first.number}.`);
  sentences.push(`Total lines in file: ${read.stopped ? `more than ${read.total}` : read.total}.`);
  const atEnd = !read.stopped && (last === undefined || last.number === read.total);
  if (read.bytesReached) sentences.push(`Max ${MAX_BYTES} bytes reached.`);
  else if (!atEnd && read.lines.length === MAX_LINES) sentences.push(`Max ${MAX_LINES} lines reached.`);
  if (atEnd) sentences.push("End of file reached.");
  const cut = read.lines.filter((line) => line.cut).map((line) => line.number);
  if (cut.length > 0) sentences.push(`Lines ${cut.join(", ")} were truncated to ${MAX_LINE_CHARS} characters.`);
  if (read.crlf) sentences.push("Lines end in CRLF.");
  const output = read.lines.map((line) => `${String(line.number).padStart(6)}\t${line.text}${line.ended ? "\n" : ""}`);
  return toolOk(output.join(""), sentences.join(" "));
}
