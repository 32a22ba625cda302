import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { resolveShareDir } from "../config/share-dir.js";
import { checkSessionId, sessionPaths, workDirSessionsFolder } from "./share-folder.js";

describe("the share folder", () => {
  test.each([
    [{ KERNEL_SHARE_DIR: "/a", KIMI_SHARE_DIR: "/b" }, "/home/x", "/a"],
    [{ KIMI_SHARE_DIR: "/b" }, "/home/x", "/b"],
    [{ KERNEL_SHARE_DIR: "", KIMI_SHARE_DIR: "/b/" }, undefined, "/b"],
    [{}, "/home/with space/ünï", "/home/with space/ünï/.kernel"],
  ])("%j, home %s: %s", (env, home, folder) => {
    expect(resolveShareDir(env, home)).toBe(folder);
  });

  test.each([undefined, ""])("without anything to go by it says so: home %j", (home) => {
    expect(() => resolveShareDir({}, home)).toThrow(expect.objectContaining({ code: "start_failed" }));
  });
});

test("paths of a session", () => {
  const paths = sessionPaths("/share", "/tmp/", "RS");
  expect(paths.dir).toBe("/share/sessions/d42b9c57d24cf5db3bd8d332dc35437f/RS");
  expect(paths.journal).toBe("/share/journal/RS.jsonl");
  expect(paths.lock).toBe("/share/locks/RS");
  expect(paths.recovered).toBe("/share/recovered");
  expect(workDirSessionsFolder("/share", "/tmp")).toBe(join(paths.dir, ".."));
});

describe("a session id", () => {
  test.each(["RS", "b79b654b-489c-4213-9563-6dfd07877c6c", "a.b", "ünï 1", "x".repeat(200)])("%s", (id) => {
    expect(checkSessionId(id)).toBe(id);
  });

  test.each(["", ".", "..", ".hidden", "../x", "a/b", "a\\b", "a\0b", "a\nb", "x".repeat(201), "é".repeat(101)])(
    "%j is refused",
    (id) => {
      expect(() => sessionPaths("/share", "/tmp", id)).toThrow(expect.objectContaining({ code: "usage" }));
    },
  );
});
