import { describe, expect, it } from "vitest";
import { nearestText } from "./nearest-text.js";

describe("nearestText", () => {
  it("finds lines that differ in white space only, CRLF and empty lines at the ends included", () => {
    expect(nearestText("x\r\n\tif (a) {\r\n\t  b();\r\n", "\n  if (a)  {\n b();\n\n")).toBe(
      "Lines 2-3 differ from the old string in white space only:\n\tif (a) {\n\t  b();",
    );
  });

  it("falls back to the line most like the longest one", () => {
    expect(nearestText("alpha\nconst total = sum(list);\nomega", "a\nconst totals = sum(lists);")).toBe(
      "Nearest text, line 2:\nconst total = sum(list);",
    );
  });

  it.each([
    ["some text", "entirely other words"],
    ["some text", "\n \n"],
    ["", "x"],
    ["x\n".repeat(600), "x\n".repeat(501)],
  ])("gives nothing for %j", (text, wanted) => {
    expect(nearestText(text, wanted)).toBe("");
  });

  it("stays quick on repetitive and huge input, and cuts what it shows", () => {
    const began = performance.now();
    nearestText("same line\n".repeat(200_000), `${"same line\n".repeat(499)}other`);
    const shown = nearestText("ab".repeat(5_000_000), "ab".repeat(1_000_000));
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(shown.length).toBeLessThan(400);
  });
});
