import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeFileOperations } from "./file-operations.js";
import { recoveredBytes } from "./recovered-bytes.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";
import { lastSessionId, rememberSession } from "./work-dirs.js";

let share: TempShare;

beforeEach(() => {
  share = tempShare();
});

afterEach(() => share.remove());

const file = () => join(share.shareDir, "kimi.json");
const onDisk = () => JSON.parse(fs.readFileSync(file(), "utf8"));

function remember(workDir: string, id: string | null): void {
  const recovered = recoveredBytes(nodeFileOperations, share.paths().recovered, "S1", () => 1);
  rememberSession({ ops: nodeFileOperations, shareDir: share.shareDir, recovered }, workDir, id);
}

test("entries are added and updated, others stay as they are", () => {
  fs.writeFileSync(file(), '{"work_dirs":[{"path":"/x","kaos":"ssh","last_session_id":"far","k":1}],"other":2}');
  remember("/x", null);
  expect(lastSessionId(share.shareDir, "/x")).toBeNull();
  remember("/x/", "A");
  remember("/y", "B");
  remember("/x", null);
  expect(onDisk()).toEqual({
    other: 2,
    work_dirs: [
      { path: "/x", kaos: "ssh", last_session_id: "far", k: 1 },
      { path: "/x", kaos: "local", last_session_id: "A" },
      { path: "/y", kaos: "local", last_session_id: "B" },
    ],
  });
  expect(lastSessionId(share.shareDir, "/x")).toBe("A");
  expect(fs.readdirSync(share.shareDir)).toEqual(["kimi.json"]);
});

test("what is stored already is not written again", () => {
  remember("/x", "A");
  const { mtimeMs, ino } = fs.statSync(file());
  remember("/x", "A");
  expect(fs.statSync(file())).toMatchObject({ mtimeMs, ino });
});

test("one session after the other: what others wrote in between is seen", () => {
  const recovered = recoveredBytes(nodeFileOperations, share.paths().recovered, "S1", () => 1);
  const mine = () => rememberSession({ ops: nodeFileOperations, shareDir: share.shareDir, recovered }, "/x", "A");
  for (let turn = 0; turn < 3; turn++) mine();
  remember("/x", "B");
  mine();
  expect(lastSessionId(share.shareDir, "/x")).toBe("A");
  mine();
  fs.rmSync(file());
  mine();
  expect(lastSessionId(share.shareDir, "/x")).toBe("A");
  mine();
  const { mtimeMs, ino } = fs.statSync(file());
  mine();
  expect(fs.statSync(file())).toMatchObject({ mtimeMs, ino });
});

test.each(["{damaged", "[]", '{"work_dirs":7}', '{"work_dirs":[7,{"path":3}]}', ""])("a damaged file: %j", (text) => {
  fs.writeFileSync(file(), text);
  expect(lastSessionId(share.shareDir, "/x")).toBeNull();
  remember("/x", "A");
  expect(lastSessionId(share.shareDir, "/x")).toBe("A");
});

test("a lock that a dead process left is taken away, a young one delays only", () => {
  fs.writeFileSync(`${file()}.lock`, "");
  fs.utimesSync(`${file()}.lock`, 1, 1);
  remember("/x", "A");
  expect(fs.existsSync(`${file()}.lock`)).toBe(false);
  fs.writeFileSync(`${file()}.lock`, "");
  remember("/x", "B");
  expect(lastSessionId(share.shareDir, "/x")).toBe("B");
  expect(fs.existsSync(`${file()}.lock`)).toBe(true);
});
