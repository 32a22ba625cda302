import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KernelError } from "./errors.js";
import { parseFailPoints } from "./fail-point-plan.js";
import { FailPoints, type FailPointsOptions } from "./fail-points.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kernel-points-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Ends that only say that they were reached, as throws: nothing may run behind them. */
const ends = {
  pid: 42,
  kill: () => {
    throw new Error("killed");
  },
  exit: () => {
    throw new Error("exited");
  },
};

function points(text: string, options: Partial<FailPointsOptions> = {}): FailPoints {
  return new FailPoints({ planned: parseFailPoints(text), markerFile: null, ends, epoch: () => 1, ...options });
}

describe("a plan", () => {
  test("holds each item with its number and its epoch", () => {
    expect(parseFailPoints(" model_stream#3:kill@2, idle:hang")).toEqual([
      { text: "model_stream#3:kill@2", name: "model_stream", action: "kill", epoch: 2, time: 3 },
      { text: "idle:hang", name: "idle", action: "hang", epoch: null, time: 1 },
    ]);
  });

  test.each([
    "",
    ",",
    "idle:kill,",
    "idle:kill@",
    "idle#:kill",
    "idle:kill@-1",
    "idle kill",
    "IDLE:kill",
    "__proto__:kill",
  ])("%j is refused", (text) => {
    expect(() => parseFailPoints(text)).toThrow(KernelError);
  });
});

describe("a place", () => {
  test("fails at its time and not again; others do not", () => {
    const at = points("idle#2:kill");
    at.hit("replay");
    at.hit("idle");
    expect(() => at.hit("idle")).toThrow("killed");
    at.hit("idle");
  });

  test("throws, exits", () => {
    expect(() => points("idle:throw").hit("idle")).toThrow("Fail point idle");
    expect(() => points("idle:exit").hit("idle")).toThrow("exited");
  });

  test("loses a promise and nothing else", async () => {
    const at = points("model_stream:lost");
    const lost = at.reach("model_stream");
    const next = new Promise((resolve) => setImmediate(resolve, "next"));
    expect(await Promise.race([lost, next])).toBe("next");
    await at.reach("model_stream");
  });

  test("of another epoch is passed, and that was its time", () => {
    let epoch = 1;
    const at = points("idle:kill@2", { epoch: () => epoch });
    at.hit("idle");
    epoch = 2;
    at.hit("idle");
    expect(() => points("idle:kill@2", { epoch: () => epoch }).hit("idle")).toThrow("killed");
  });
});

describe("a marker file", () => {
  test("gets its line before the failure; what it holds does not fail again, in nobody", () => {
    const markerFile = join(folder, "marker");
    let before = "";
    const kill = (): never => {
      before = readFileSync(markerFile, "utf8");
      throw new Error("killed");
    };
    const options = { markerFile, ends: { ...ends, kill } };
    expect(() => points("idle:kill@1,replay:exit", options).hit("idle")).toThrow("killed");
    expect(before).toBe("idle 1 42 idle:kill@1\n");
    const next = points("idle:kill@1,replay:exit", options);
    next.hit("idle");
    expect(() => next.hit("replay")).toThrow("exited");
    expect(readFileSync(markerFile, "utf8")).toBe("idle 1 42 idle:kill@1\nreplay 1 42 replay:exit\n");
  });

  test("that cannot be written is a failure of its own, not a silent pass", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => points("idle:kill", { markerFile: join(folder, "file", "marker") }).hit("idle")).toThrow("ENOTDIR");
  });
});
