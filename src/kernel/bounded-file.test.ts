import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readBounded, readWhole } from "./bounded-file.js";
import { temporaryFolders } from "./tools/testing/call-tool.js";

const folder = temporaryFolders();

test("gives the text, its head, and says when there is more", async () => {
  const file = join(await folder("bounded"), "f");
  writeFileSync(file, "\u{feff}abc");
  expect(readBounded(file, 100)).toEqual({ text: "abc", cut: false });
  expect(readBounded(file, 6)).toEqual({ text: "abc", cut: false });
  expect(readBounded(file, 5)).toEqual({ text: "ab", cut: true });
  expect(readWhole(file, 6)).toBe("abc");
  expect(() => readWhole(file, 5)).toThrow("is larger than 5 bytes");
});

test("nothing but a file is read, and nothing is waited for", async () => {
  const dir = await folder("bounded");
  const at = (name: string) => join(dir, name);
  mkdirSync(at("folder"));
  execFileSync("mkfifo", [at("pipe")]);
  symlinkSync("circle", at("circle"));
  symlinkSync("nowhere", at("dangling"));
  writeFileSync(at("file"), "x");
  symlinkSync("file", at("link"));
  const reasons = ["folder", "pipe", "circle", "dangling", "missing", "file/x"].map((name) => {
    try {
      return readWhole(at(name), 10);
    } catch (error) {
      return (error as Error).message;
    }
  });
  expect(reasons).toEqual([
    ...["is not a file", "is not a file", "is a link that leads back to itself"],
    ...["does not exist", "does not exist", "does not exist"],
  ]);
  expect(readWhole(at("link"), 10)).toBe("x");
});
