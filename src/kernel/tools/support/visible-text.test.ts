import { describe, expect, it } from "vitest";
import { visibleText } from "./visible-text.js";

describe("visibleText", () => {
  it.each([
    ["plain/path with space.txt", "plain/path with space.txt"],
    ["naïve/日本語/🙂.txt", "naïve/日本語/🙂.txt"],
    ["a\nb\tc\r", "a\\nb\\tc\\r"],
    ["\u001b[2Jx\u0007", "\\x1b[2Jx\\x07"],
    ["\u009b31m\u007f", "\\x9b31m\\x7f"],
    ["evil\u202etxt.exe", "evil\\u{202e}txt.exe"],
    ["a\u200bb\ufeffc", "a\\u{200b}b\\u{feff}c"],
    ["a\u2028b\u2029c", "a\\u{2028}b\\u{2029}c"],
    ["tag\u{e0041}", "tag\\u{e0041}"],
    ["half \ud800 pair", "half \\u{d800} pair"],
  ])("%j", (text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });

  it("leaves no control, format or separator character of the basic plane unescaped", () => {
    const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
    const left: string[] = [];
    for (let code = 0; code <= 0xffff; code++) {
      if (hidden.test(visibleText(String.fromCharCode(code)))) left.push(code.toString(16));
    }
    expect(left).toEqual([]);
  });
});
