import { describe, expect, test } from "vitest";
import { chooseKernel } from "./kernel-choice.js";

describe("the kernel is chosen", () => {
  test("by the default when nobody says anything; empty and null are nothing", () => {
    expect(chooseKernel({ env: {} })).toEqual({ ok: true, choice: "auto", from: "default" });
    const nothing = chooseKernel({ flag: null, env: { KERNEL_MODE: "" }, config: null });
    expect(nothing).toEqual({ ok: true, choice: "auto", from: "default" });
  });

  test("by the flag before the variable before the configuration", () => {
    const env = { KERNEL_MODE: "sidecar" };
    expect(chooseKernel({ env: {}, config: "in-process" })).toMatchObject({ choice: "in-process", from: "config" });
    expect(chooseKernel({ env, config: "in-process" })).toMatchObject({ choice: "sidecar", from: "KERNEL_MODE" });
    expect(chooseKernel({ flag: "auto", env, config: "in-process" })).toMatchObject({
      choice: "auto",
      from: "--kernel",
    });
  });

  test("and a wrong value further down does not matter", () => {
    const result = chooseKernel({ flag: "sidecar", env: { KERNEL_MODE: "nonsense" }, config: 7 });
    expect(result).toEqual({ ok: true, choice: "sidecar", from: "--kernel" });
  });

  test.each([
    [{ flag: "", env: {} }, '--kernel is ""; it must be auto, sidecar or in-process.'],
    [
      { env: { KERNEL_MODE: "Sidecar" }, config: "auto" },
      'KERNEL_MODE is "Sidecar"; it must be auto, sidecar or in-process.',
    ],
    [{ env: {}, config: 7 }, "runtime.kernel in the configuration is 7; it must be auto, sidecar or in-process."],
  ])("not by a wrong value: %j", (sources, message) => {
    expect(chooseKernel(sources)).toEqual({ ok: false, message });
  });
});
