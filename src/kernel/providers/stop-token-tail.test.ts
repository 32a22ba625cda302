import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StopTokenTail } from "./stop-token-tail.js";

function strip(pieces: readonly string[]): string {
  let out = "";
  const tail = new StopTokenTail((text) => {
    out += text;
  });
  for (const piece of pieces) tail.feed(piece);
  tail.end();
  return out;
}

describe("StopTokenTail", () => {
  it.each([
    ["hello<|im_end|>", "hello"],
    ["hello</s>\n", "hello"],
    ["hello<|im_end|>\n<|endoftext|>", "hello"],
    ["a </s> b", "a </s> b"],
    ["a </s>", "a "],
    ["a <", "a <"],
    ["a <|im_e", "a <|im_e"],
    ["</s><|im_e", "</s><|im_e"],
    ["<div></div>", "<div></div>"],
    ["<|im_end|>", ""],
  ])("%j becomes %j", (text, expected) => {
    expect(strip([text])).toBe(expected);
    expect(strip([...text])).toBe(expected);
  });

  it("does not depend on how the text is cut", () => {
    const token = fc.constantFrom("</s>", "<|im_end|>", "<", "</", "s>", "a", "\n", " ", "<|", "|>");
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        expect(strip([...tokens.join("")])).toBe(strip([tokens.join("")]));
      }),
    );
  });
});
