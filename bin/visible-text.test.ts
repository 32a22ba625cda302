import { describe, expect, it } from "vitest";
import { strictText, visibleJson, visibleText } from "./visible-text.js";

describe("visibleText", () => {
  it.each([
    ["plain\ttext\nover lines", "plain\ttext\nover lines"],
    ["a\r\nb", "a\nb"],
    ["over\rwritten", "over\\rwritten"],
    ["\u001b[2J\u001b]52;c;x\u0007", "\\u{1b}[2J\\u{1b}]52;c;x\\u{7}"],
    ["\u009b31m\u007f", "\\u{9b}31m\\u{7f}"],
    ["\u202eabc\u2066\u200f\u2028", "\\u{202e}abc\\u{2066}\\u{200f}\\u{2028}"],
    ["👩\u200d💻 é 漢", "👩\u200d💻 é 漢"],
  ])("%j", (text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });
});

describe("strictText", () => {
  it.each([
    ["rm -rf x\u200b", "rm -rf x\\u{200b}"],
    ["a\u00a0b\u3000c d", "a\\u{a0}b\\u{3000}c d"],
    ["\u{e0041}\ufe0f\u3164\ufeff\u00ad", "\\u{e0041}\\u{fe0f}\\u{3164}\\u{feff}\\u{ad}"],
    ["line\n\u001b", "line\n\\u{1b}"],
    ["é 漢 ok", "é 漢 ok"],
  ])("%j", (text, shown) => {
    expect(strictText(text)).toBe(shown);
  });
});

it("visibleJson stays the same JSON without a control character", () => {
  const value = { text: "\u009b\u202e\u007f\u001b\r\n\u2028" };
  const shown = visibleJson(JSON.stringify(value));
  expect(JSON.parse(shown)).toEqual(value);
  expect(shown).toMatch(/^[ -~]+$/);
});
