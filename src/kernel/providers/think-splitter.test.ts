import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ThinkSplitter } from "./think-splitter.js";

function split(pieces: readonly string[], assumeThinking = false) {
  const out = { text: "", think: "", missedOpener: false };
  const splitter = new ThinkSplitter(
    { text: (text) => (out.text += text), think: (text) => (out.think += text) },
    assumeThinking,
  );
  for (const piece of pieces) splitter.feed(piece);
  splitter.end();
  out.missedOpener = splitter.missedOpener;
  return out;
}

describe("ThinkSplitter", () => {
  it.each([
    ["plain text", "hello", { text: "hello", think: "" }],
    ["leading white space", "\n hello", { text: "\n hello", think: "" }],
    ["thinking first", "<think>\nhmm</think>\n\nhello", { text: "hello", think: "hmm" }],
    ["the long tag", " <thinking>hmm</thinking>hello", { text: "hello", think: "hmm" }],
    ["two blocks", "<think>a</think>\n<think>b</think>c", { text: "c", think: "ab" }],
    ["empty thinking", "<think>\n\n</think>\n\nhello", { text: "hello", think: "" }],
    ["a closing tag first", "</think>hello", { text: "hello", think: "" }],
    ["a tag inside an answer", "use <think> tags", { text: "use <think> tags", think: "" }],
    ["a closing tag in backticks", "the `</think>` tag", { text: "the `</think>` tag", think: "" }],
    ["no end of thinking", "<think>hm", { text: "", think: "hm" }],
    ["a tag that never completes", "<thi", { text: "<thi", think: "" }],
    ["less-than signs", "a < b <t> c", { text: "a < b <t> c", think: "" }],
  ])("%s", (_, text, expected) => {
    expect(split([text])).toMatchObject(expected);
    expect(split([...text])).toMatchObject(expected);
  });

  it("removes one closing tag without opener and reports it", () => {
    expect(split(["hmm", "</thi", "nk>\n", "hello"])).toEqual({ text: "hmmhello", think: "", missedOpener: true });
  });

  it("takes a reply for thinking when told so", () => {
    expect(split(["hmm", "</think>", "hello"], true)).toEqual({ text: "hello", think: "hmm", missedOpener: true });
  });

  it("gives the assumed thinking as the answer when it never closes", () => {
    expect(split(["hel", "lo"], true)).toEqual({ text: "hello", think: "hello", missedOpener: false });
  });

  it("does not depend on how the text is cut", () => {
    const token = fc.constantFrom("<think>", "</think>", "<", "</", "think", ">", "a", "\n", " ", "`");
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), fc.boolean(), (tokens, assume) => {
        expect(split([...tokens.join("")], assume)).toEqual(split([tokens.join("")], assume));
      }),
    );
  });
});
