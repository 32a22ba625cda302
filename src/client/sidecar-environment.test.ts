import { homedir } from "node:os";
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
  expect(sidecarEnvironment({ ...env, ...kept }, "/k")).toMatchObject({ PATH: "/bin", ...kept });
  expect(Object.keys(sidecarEnvironment(env, "/k"))).toEqual(["PATH", "KERNEL_SHARE_DIR", "KIMI_SHARE_DIR"]);
});

test.each([
  [{}, `${homedir()}/.kernel`, `${homedir()}/.kernel`],
  [{ HOME: "/h", KERNEL_SHARE_DIR: "" }, "/h/.kernel", "/h/.kernel"],
  [{ KERNEL_SHARE_DIR: "/a" }, "/a", "/a"],
  [{ KIMI_SHARE_DIR: "/b", KERNEL_SHARE_DIR: "" }, "/b", "/b"],
  [{ KERNEL_SHARE_DIR: "/a", KIMI_SHARE_DIR: "/b" }, "/a", "/b"],
])("both share variables are set, whatever is: %j", (env, own, foreign) => {
  expect(sidecarEnvironment(env, "/k")).toMatchObject({ KERNEL_SHARE_DIR: own, KIMI_SHARE_DIR: foreign });
});
