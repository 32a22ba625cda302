import { expect, test } from "vitest";
import { withHint } from "./usage-hint.js";

test.each([
  ["No such option: --modle", "No such option: --modle. Did you mean --model?"],
  ["No such option: --yol", "No such option: --yol. Did you mean --yolo?"],
  ["No such option: --no-thinkin", "No such option: --no-thinkin. Did you mean --no-thinking?"],
  ["No such option: --max-steps", "No such option: --max-steps. Did you mean --max-steps-per-turn?"],
  ["No such option: --bogus", "No such option: --bogus"],
  ["No such option: -x", "No such option: -x"],
  ["Cannot combine --print, --wire.", "Cannot combine --print, --wire."],
])("%s", (sentence, shown) => {
  expect(withHint(sentence)).toBe(shown);
});
