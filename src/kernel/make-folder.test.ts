import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeFolder } from "./make-folder.js";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "make-folder-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it("makes all that is missing, private, and is content with what is there", () => {
  const deep = join(root, "a", "b", "c");
  makeFolder(deep);
  makeFolder(deep);
  for (const folder of [join(root, "a"), deep]) expect(statSync(folder).mode & 0o777).toBe(0o700);
});

it("throws when a file is in the way", () => {
  writeFileSync(join(root, "file"), "");
  expect(() => makeFolder(join(root, "file"))).toThrow(expect.objectContaining({ code: "EEXIST" }));
  expect(() => makeFolder(join(root, "file", "below"))).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
});

it("returns where the parent exists and can hold nothing", () => {
  // /proc answers ENOENT to every mkdir; Node's own recursive mode loops for ever there.
  if (!existsSync("/proc/self")) return;
  expect(() => makeFolder("/proc/no-such-folder")).toThrow(expect.objectContaining({ code: "ENOENT" }));
});
