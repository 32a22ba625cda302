import { describe, expect, test } from "vitest";
import { HttpHeaders } from "./http-headers.js";

/** What the SDK does to headers, call by call; fetch's own class is the measure. */
const STEPS: [string, ...["set" | "append" | "delete", string, string?][]][] = [
  ["nothing"],
  ["any case of a name", ["set", "X-One", "1"]],
  ["fields in another order", ["set", "b", "1"], ["set", "a-b", "2"], ["set", "a", "3"], ["append", "c", "4"]],
  ["two of one name", ["append", "A", "1"], ["append", "a", "2"]],
  ["one instead of two", ["append", "a", "1"], ["append", "a", "2"], ["set", "A", "3"]],
  ["one that was deleted", ["append", "a", "1"], ["delete", "A"]],
  ["one behind one that was deleted", ["append", "a", "1"], ["delete", "a"], ["append", "a", "2"]],
  ["space around a value", ["set", "a", " \t1 2\r\n"], ["append", "b", "\n"]],
  ["bytes above ASCII", ["set", "a", "caf\u00e9"]],
];

test.each(STEPS)("%s", (_, ...steps) => {
  const [own, real] = [new HttpHeaders(), new Headers()];
  for (const [method, name, value = ""] of steps) for (const headers of [own, real]) headers[method](name, value);
  expect([...own]).toEqual([...real]);
  expect([...own.entries()]).toEqual([...real.entries()]);
  for (const name of ["a", "A", "b", "x-one", "X-ONE"]) expect(own.get(name)).toBe(real.get(name));
});

describe.each(["two\nlines", "nul\0", "\u0100"])("the value %j", (value) => {
  test.each(["set", "append"] as const)("is refused by %s without being told", (method) => {
    const headers = new HttpHeaders();
    expect(() => headers[method]("authorization", value)).toThrow(
      new TypeError("The header authorization has a value that cannot be sent."),
    );
    expect(() => new Headers()[method]("authorization", value)).toThrow(TypeError);
    expect([...headers]).toEqual([]);
  });
});
