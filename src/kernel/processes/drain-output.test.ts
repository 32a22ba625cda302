import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
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
    const folder = mkdtempSync(join(tmpdir(), "drain-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const written = join(folder, "written");
    const { started, seen } = start(`head -c 100000 /dev/zero; : > '${written}'; exec sleep 30`);
    const draining = drainOutput([started.stdout, started.stderr]);
    const [least, most] = [performance.now() + 200, performance.now() + 8_000];
    while (performance.now() < least || (!existsSync(written) && performance.now() < most));
    await draining;
    expect(seen.bytes).toBe(100_000);
    expect([started.stdout.destroyed, started.stderr.destroyed]).toEqual([true, true]);
  });

  it("is done at the end of the pipes, and with pipes that had ended before", async () => {
    const { started, seen } = start("head -c 100000 /dev/zero");
    await once(started, "close");
    // No time passes here.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    await drainOutput([started.stdout, null]);
    expect(seen.bytes).toBe(100_000);
  });
});
