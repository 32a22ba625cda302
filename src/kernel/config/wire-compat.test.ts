import { expect, test } from "vitest";
import { resolveWireCompat } from "./wire-compat.js";

test.each([
  [null, undefined, null],
  [null, "", null],
  [null, "off", null],
  [null, "1.2", "1.2"],
  ["1.2", undefined, "1.2"],
  ["off", "1.2", null],
  ["1.2", "nonsense", "1.2"],
] as const)("flag %j and environment %j: %j", (flag, variable, expected) => {
  expect(resolveWireCompat(flag, { KERNEL_WIRE_COMPAT: variable })).toBe(expected);
});

test.each(["1.10", "1.1", "yes"])("%j in the environment is refused by name", (word) => {
  expect(() => resolveWireCompat(null, { KERNEL_WIRE_COMPAT: word })).toThrow(
    expect.objectContaining({ code: "usage", message: expect.stringContaining("KERNEL_WIRE_COMPAT") }),
  );
});
