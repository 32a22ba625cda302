import { expect, test } from "vitest";
import { titleFrom } from "./title.js";

const word = (length: number) => "w".repeat(length);

test.each([
  ["", ""],
  [" \n\t ", ""],
  ["  Fix \n\n the\tbug  ", "Fix the bug"],
  [word(50), word(50)],
  [word(51), `${word(49)}…`],
  [`${word(20)} ${word(29)}`, `${word(20)} ${word(29)}`],
  [`${word(20)} ${word(30)}`, `${word(20)}…`],
  [`${word(20)} ${word(28)} x`, `${word(20)} ${word(28)}…`],
  [`${word(20)} ${word(29)} x`, `${word(20)}…`],
  ["😀".repeat(60), `${"😀".repeat(49)}…`],
])("%j", (text, title) => {
  expect(titleFrom(text)).toBe(title);
  expect([...titleFrom(text)].length).toBeLessThanOrEqual(50);
});
