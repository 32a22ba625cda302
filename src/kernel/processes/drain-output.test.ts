import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { drainOutput } from "./drain-output.js";

let child: ChildProcess | null = null;

afterEach(() => {
  child?.kill("SIGKILL");
});

function start(script: string) {
  const started = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "pipe"] });
  child = started;
  const seen = { bytes: 0 };
  started.stdout.on("data", (chunk: Buffer) => {
    seen.bytes += chunk.length;
  });
  started.stderr.resume();
  return { started, seen };
}

describe("drainOutput", () => {
  it("reads what came while the loop was busy, from a pipe that never ends, and closes it", async () => {
    const { started, seen } = start("head -c 100000 /dev/zero; exec sleep 30");
    const draining = drainOutput([started.stdout, started.stderr]);
    const end = performance.now() + 200;
    while (performance.now() < end);
    await draining;
    expect(seen.bytes).toBe(100_000);
    expect([started.stdout.destroyed, started.stderr.destroyed]).toEqual([true, true]);
  });

  it("is done at the end of the pipes, and with pipes that had ended before", async () => {
    const { started, seen } = start("head -c 100000 /dev/zero");
    await once(started, "close");
    const before = performance.now();
    await drainOutput([started.stdout, null]);
    expect(performance.now() - before).toBeLessThan(40);
    expect(seen.bytes).toBe(100_000);
  });
});
