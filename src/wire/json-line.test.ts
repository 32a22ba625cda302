import { describe, expect, it } from "vitest";
import { escapeLine, jsonLine } from "./json-line.js";

describe("jsonLine", () => {
  it.each([
    ["U+2028", "a\u2028b", "a\\u2028b"],
    ["U+2029", "\u2029", "\\u2029"],
    ["U+0085", "\u0085", "\\u0085"],
    ["a lone high surrogate", "\ud800", "\\ud800"],
    ["a lone low surrogate", "x\udc00y", "x\\udc00y"],
  ])("escapes %s", (_name, value, inside) => {
    const line = jsonLine({ value });
    expect(line).toBe(`{"value":"${inside}"}`);
    expect(JSON.parse(line)).toEqual({ value });
    expect(Buffer.from(line).toString()).toBe(line);
  });

  it("leaves whole surrogate pairs and other text raw", () => {
    expect(jsonLine("é 漢 😀")).toBe('"é 漢 😀"');
  });

  it.each([[undefined], [() => {}], [Symbol("x")]])("throws for %s", (value) => {
    expect(() => jsonLine(value)).toThrow(TypeError);
  });
});

describe("escapeLine", () => {
  it("gives the same text when there is nothing to do", () => {
    expect(escapeLine('{"a":"b"}')).toBe('{"a":"b"}');
  });

  it("makes one line of pretty-printed JSON", () => {
    const line = escapeLine(JSON.stringify({ a: [1, "x\ny"] }, null, 2).replaceAll("\n", "\r\n"));
    expect(line).not.toMatch(/[\r\n]/);
    expect(JSON.parse(line)).toEqual({ a: [1, "x\ny"] });
  });

  it("escapes raw surrogates that have lost their other half", () => {
    expect(escapeLine('"\ud83d"')).toBe('"\\ud83d"');
    expect(escapeLine('"😀\u2028"')).toBe('"😀\\u2028"');
  });
});
