import * as fs from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { journalOf } from "./journal-memo.js";
import type { SessionLog } from "./session-log.js";
import { turnSteps } from "./testing/scripted-turn.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";

let share: TempShare;
let log: SessionLog;

beforeEach(async () => {
  share = tempShare();
  log = share.open();
  await log.acquire();
  for (const [, step] of turnSteps("go")) step(log);
});

afterEach(() => {
  log.close({ clean: false });
  share.remove();
});

test("is read once while the file stays as it is", () => {
  const paths = share.paths();
  const first = journalOf(paths);
  expect(first.records.length).toBeGreaterThan(3);
  expect(journalOf(paths)).toBe(first);
  expect(journalOf({ ...paths })).not.toBe(first);
});

test("is read again when something was appended, cut off, replaced by as much, or removed", () => {
  const paths = share.paths();
  const { length } = journalOf(paths).records;
  log.note({ kind: "notice", code: "continued", data: {} });
  expect(journalOf(paths).records).toHaveLength(length + 1);
  const bytes = fs.readFileSync(paths.journal);
  fs.truncateSync(paths.journal, bytes.length - 1);
  expect(journalOf(paths).records).toHaveLength(length);
  const lines = bytes.toString("utf8").split("\n");
  fs.writeFileSync(`${paths.journal}.new`, [lines[0], ...lines.slice(2), "x".repeat(lines[1]?.length ?? 0)].join("\n"));
  fs.renameSync(`${paths.journal}.new`, paths.journal);
  expect(journalOf(paths).damaged).toBe(true);
  fs.rmSync(paths.journal);
  expect(journalOf(paths).status).toBe("absent");
});
