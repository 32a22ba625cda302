import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OutputLog, readTail } from "./output-log.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "output-log-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("keeps bytes up to the ceiling and says once that it kept no more", () => {
  const path = join(dir, "log");
  const log = new OutputLog(path, 5);
  for (const chunk of ["abc", Buffer.from("defg"), "hij"]) log.append(chunk);
  log.close();
  log.append("late");
  log.close();
  expect(readFileSync(path, "utf8")).toBe("abcde\n[... the rest of the output was not kept ...]\n");
});

test("reads the end from a whole line on, all of a short file, and nothing of none", () => {
  const path = join(dir, "log");
  const log = new OutputLog(path);
  log.append("one\ntwo\nthree\n");
  log.close();
  expect(readTail(path, 100)).toEqual({ text: "one\ntwo\nthree\n", truncated: false });
  expect(readTail(path, 8)).toEqual({ text: "three\n", truncated: true });
  expect(readTail(path, 3)).toEqual({ text: "", truncated: true });
  expect(readTail(join(dir, "none"), 8)).toEqual({ text: "", truncated: false });
});
