import { expect, it } from "vitest";
import { PastedLines } from "./pasted-lines.js";

it("lines that are pasted wait for the one that somebody ends", () => {
  const pasted = new PastedLines();
  expect(pasted.take("typed")).toBe(false);
  expect(pasted.end("typed")).toBe("typed");
  pasted.key("paste-start");
  expect(pasted.isEmpty).toBe(false);
  expect([pasted.take("one"), pasted.take("two")]).toEqual([true, true]);
  pasted.key("x");
  pasted.key("paste-end");
  expect(pasted.take("three")).toBe(false);
  expect(pasted.end("three")).toBe("one\ntwo\nthree");
  expect(pasted.isEmpty).toBe(true);
});

it("a line end behind the last pasted line adds nothing; what is thrown away is gone", () => {
  const pasted = new PastedLines();
  pasted.key("paste-start");
  pasted.take("one");
  pasted.key("paste-end");
  expect(pasted.end("")).toBe("one");
  pasted.key("paste-start");
  pasted.take("two");
  pasted.key("paste-end");
  pasted.drop();
  expect(pasted.end("")).toBe("");
});
