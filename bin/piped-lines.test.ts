import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { readPipedLines } from "./piped-lines.js";

async function linesOf(...chunks: (string | Buffer)[]): Promise<string[]> {
  const input = new PassThrough();
  const lines: string[] = [];
  const ended = new Promise<void>((resolve) => {
    readPipedLines(input, { onLine: (line) => void lines.push(line), onEnd: resolve });
  });
  for (const chunk of chunks) {
    input.write(chunk);
    await new Promise(setImmediate);
  }
  input.end();
  await ended;
  return lines;
}

const euro = Buffer.from("€");

test.each<[string, (string | Buffer)[], string[]]>([
  ["nothing", [], []],
  ["an end without a line end", ["a\nb"], ["a", "b"]],
  ["an empty line", ["a\n\nb\n"], ["a", "", "b"]],
  ["line ends of Windows, cut in two", ["a\r", "\nb\r\n"], ["a", "b"]],
  ["a carriage return alone", ["a\rb\n"], ["a\rb"]],
  ["separators of Unicode", ["a\u2028b\u2029c\u0085d\n"], ["a\u2028b\u2029c\u0085d"]],
  ["a character that is cut in two", [euro.subarray(0, 1), euro.subarray(1), "\n"], ["€"]],
])("%s", async (_what, chunks, lines) => {
  expect(await linesOf(...chunks)).toEqual(lines);
});

test("a reading that is stopped ends at once, once, and leaves the input alone", async () => {
  const input = new PassThrough();
  const seen: string[] = [];
  const stop = readPipedLines(input, { onLine: (line) => void seen.push(line), onEnd: () => void seen.push("end") });
  stop();
  stop();
  input.end("late\n");
  await new Promise(setImmediate);
  expect(seen).toEqual(["end"]);
});
