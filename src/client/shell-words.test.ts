import { expect, test } from "vitest";
import { splitShellWords } from "./shell-words.js";

test.each<[string, string[] | null]>([
  ["", []],
  ["  a\t b\n", ["a", "b"]],
  ["'/my place/kernel' --x", ["/my place/kernel", "--x"]],
  ['"/my place/kernel" "say \\"hi\\" \\n"', ["/my place/kernel", 'say "hi" \\n']],
  ["/my\\ place/kernel '' \"\"", ["/my place/kernel", "", ""]],
  ["a'b'\"c\"d 'it\\s'", ["abcd", "it\\s"]],
  ["$HOME ~ *.js `x`", ["$HOME", "~", "*.js", "`x`"]],
  ["'open", null],
  ['"open\\"', null],
  ["end\\", null],
])("%j", (line, words) => {
  expect(splitShellWords(line)).toEqual(words);
});
