import { expect, it } from "vitest";
import { kernelArgs } from "./kernel-args.js";

it("hands on what is the kernel's, and keeps what is the host's", () => {
  const argv = ["-p", "do it", "--output-format", "json", "--approve=all", "--kernel", "sidecar", "-C", "--quiet"];
  expect(kernelArgs([...argv, "-yw", "dir", "--no-thinking", "--add-dir=a", "--add-dir", "--b", "-m", "x=y"])).toEqual({
    args: ["--yolo", "--no-thinking", "--work-dir=dir", "--add-dir=a", "--add-dir=--b", "--model=x=y"],
    firstArgs: [],
  });
});

it("begins plan mode once only", () => {
  expect(kernelArgs(["--plan", "--afk", "--session", "s"])).toEqual({ args: ["--afk"], firstArgs: ["--plan"] });
});
