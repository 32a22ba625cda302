import * as fs from "node:fs";
import { dirname } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLogger } from "../logger.js";
import { nodeFileOperations } from "./file-operations.js";
import { recoveredBytes } from "./recovered-bytes.js";
import { StateFile } from "./state-file.js";
import { shimmedOperations } from "./testing/shimmed-operations.js";
import { type TempShare, tempShare } from "./testing/temp-share.js";

let share: TempShare;

beforeEach(() => {
  share = tempShare();
});

afterEach(() => share.remove());

function stateFile(ops = nodeFileOperations): StateFile {
  const { state, legacyMetadata, recovered } = share.paths();
  return new StateFile({
    ops,
    path: state,
    legacyPath: legacyMetadata,
    recovered: recoveredBytes(ops, recovered, "S1", () => 1),
    logger: silentLogger,
  });
}

function write(path: string, text: string): void {
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.writeFileSync(path, text);
}

const onDisk = () => JSON.parse(fs.readFileSync(share.paths().state, "utf8"));

test("without a file: the defaults, and nothing is written before the first change", () => {
  const state = stateFile();
  expect(state.data).toEqual({
    version: 1,
    approval: { yolo: false, afk: false, auto_approve_actions: [] },
    grants: [],
    additional_dirs: [],
    custom_title: null,
    title_generated: false,
    title_generate_attempts: 0,
    plan_mode: false,
    plan_session_id: null,
    plan_slug: null,
    wire_mtime: null,
    archived: false,
    archived_at: null,
    auto_archive_exempt: false,
    todos: [],
  });
  state.migrate();
  expect(fs.existsSync(share.paths().dir)).toBe(false);
  state.update({ plan_mode: true, grants: [{ program: "git" }] });
  expect(fs.readFileSync(share.paths().state, "utf8")).toMatch(
    /^\{\n {2}"version": 1,\n {2}"approval": \{\n {4}"yolo"/,
  );
  expect(fs.statSync(share.paths().state).mode & 0o777).toBe(0o600);
  expect(stateFile().data).toMatchObject({ plan_mode: true, grants: [{ program: "git" }] });
});

test("what other programs write stays: titles, unknown keys, coarse approvals", () => {
  const approval = { yolo: true, afk: false, auto_approve_actions: ["run command"], theirs: 1 };
  write(share.paths().state, JSON.stringify({ version: 1, approval, custom_title: "old", future: { a: 1 } }));
  const state = stateFile();
  write(
    share.paths().state,
    JSON.stringify({ approval, custom_title: "new", archived: true, future: { a: 2 }, plan_mode: true }),
  );
  state.update({ todos: [{ title: "t", status: "done" }] });
  expect(onDisk()).toMatchObject({ approval, custom_title: "new", archived: true, future: { a: 2 }, plan_mode: false });
  expect(onDisk().todos).toEqual([{ title: "t", status: "done" }]);
  state.update({ custom_title: "ours" });
  expect(onDisk().custom_title).toBe("ours");
});

test("a damaged file gives the defaults and a notice, and is kept aside when it is replaced", () => {
  write(share.paths().state, "{damaged");
  const state = stateFile();
  expect(state.data.plan_mode).toBe(false);
  expect(state.notices).toEqual(["state.json of the session could not be read; the defaults are used."]);
  state.update({ plan_mode: true });
  expect(onDisk().plan_mode).toBe(true);
  const [kept = ""] = fs.readdirSync(share.paths().recovered);
  expect(fs.readFileSync(`${share.paths().recovered}/${kept}`, "utf8")).toBe("{damaged");
});

test("wrong types count as missing", () => {
  write(
    share.paths().state,
    JSON.stringify({
      approval: [],
      todos: [{ title: 1 }, { title: "a", status: "x" }],
      additional_dirs: [1, "/a"],
      archived_at: "no",
    }),
  );
  expect(stateFile().data).toMatchObject({
    todos: [{ title: "a", status: "pending" }],
    additional_dirs: ["/a"],
    archived_at: null,
  });
});

test("a legacy metadata.json is merged, then removed", () => {
  write(share.paths().legacyMetadata, JSON.stringify({ title: "Old title", archived: true }));
  const state = stateFile();
  expect(state.data.custom_title).toBe("Old title");
  expect(fs.existsSync(share.paths().legacyMetadata)).toBe(true);
  state.migrate();
  expect(onDisk()).toMatchObject({ custom_title: "Old title", archived: true });
  expect(fs.existsSync(share.paths().legacyMetadata)).toBe(false);
});

test("a failed write leaves the old file, and nothing beside it", () => {
  write(share.paths().state, JSON.stringify({ plan_mode: true }));
  const state = stateFile(shimmedOperations((operation) => (operation.name === "write" ? "short" : null)));
  expect(() => state.update({ plan_mode: false })).toThrow(expect.objectContaining({ code: "storage_full" }));
  expect(onDisk()).toEqual({ plan_mode: true });
  expect(fs.readdirSync(share.paths().dir)).toEqual(["state.json"]);
});
