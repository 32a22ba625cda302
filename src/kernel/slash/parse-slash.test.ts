import { describe, expect, test } from "vitest";
import { parseSlash } from "./parse-slash.js";

describe("commands", () => {
  test.each([
    ["/clear", "clear", ""],
    ["/clear ", "clear", ""],
    ["/compact keep the port", "compact", "keep the port"],
    ["/compact\n\nkeep\nboth lines ", "compact", "keep\nboth lines"],
    ["/skill:review src", "skill:review", "src"],
    ["/flow:a:b-c_1", "flow:a:b-c_1", ""],
    ["/1", "1", ""],
    ["/add-dir /tmp/x", "add-dir", "/tmp/x"],
    ["/Clear", "Clear", ""],
  ])("%j", (text, name, args) => {
    expect(parseSlash(text)).toEqual({ name, args });
  });
});

describe("ordinary prompts", () => {
  test.each([
    ...["", "clear", "/", "/ clear", "//", "/a/b", "/path/like/this", "/usr/bin is a folder", "/a.b", "/skill:", "/:x"],
    ...["/skill::x", "/ä", "/clear!", "hello /clear", "/clear:/tmp"],
  ])("%j", (text) => {
    expect(parseSlash(text)).toBeNull();
  });
});
