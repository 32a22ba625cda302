import { expect, test } from "vitest";
import { sidecarEnvironment } from "./sidecar-environment.js";

test("what changes how Node runs is left out; coverage and the compile cache stay", () => {
  const env = {
    NODE_OPTIONS: "--inspect",
    NODE_REPL_EXTERNAL_MODULE: "/x",
    NODE_CHANNEL_FD: "3",
    PATH: "/bin",
    GONE: undefined,
  };
  const kept = { NODE_V8_COVERAGE: "/c", NODE_COMPILE_CACHE: "/d" };
  expect(sidecarEnvironment({ ...env, ...kept }, "/k")).toEqual({ PATH: "/bin", ...kept });
});

test.each([
  [{ KERNEL_SHARE_DIR: "/a" }, "/a", "/a"],
  [{ KIMI_SHARE_DIR: "/b", KERNEL_SHARE_DIR: "" }, "/b", "/b"],
  [{ KERNEL_SHARE_DIR: "/a", KIMI_SHARE_DIR: "/b" }, "/a", "/b"],
])("both share variables are set when one is: %j", (env, own, foreign) => {
  expect(sidecarEnvironment(env, "/k")).toEqual({ KERNEL_SHARE_DIR: own, KIMI_SHARE_DIR: foreign });
});
