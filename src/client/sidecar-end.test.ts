import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { ExitInfo } from "./launcher.js";
import { groupMembers, launchScript, nodeKernel, outputUntil, shellKernel } from "./testing/kernel-scripts.js";

/** The exit, and how many milliseconds it took. */
async function timed(end: () => Promise<ExitInfo>): Promise<ExitInfo & { ms: number }> {
  const begin = performance.now();
  return { ...(await end()), ms: performance.now() - begin };
}

const DEAF = "trap '' TERM; echo up; while :; do sleep 60 & wait; done";

describe("stop", () => {
  test("closes the input and waits for the end", async () => {
    const launched = await launchScript(shellKernel("echo up; cat; exit 5"));
    await outputUntil(launched, "up");
    const { ms, ...exit } = await timed(launched.stop);
    expect(exit).toEqual({ code: 5, signal: null, stderrTail: "", outOfMemory: false });
    expect(ms).toBeLessThan(1_000);
  });

  test("sends SIGTERM two seconds later", async () => {
    const launched = await launchScript(shellKernel("trap 'exit 7' TERM; echo up; while :; do sleep 60 & wait; done"));
    await outputUntil(launched, "up");
    const { ms, code } = await timed(launched.stop);
    expect(code).toBe(7);
    expect(ms).toBeGreaterThan(1_900);
    expect(ms).toBeLessThan(2_900);
  });

  test("and SIGKILL to the whole group a second after that; a second stop is the same stop", async () => {
    const launched = await launchScript(shellKernel(DEAF));
    await outputUntil(launched, "up");
    const again = launched.stop();
    const { ms, signal } = await timed(launched.stop);
    expect(signal).toBe("SIGKILL");
    expect(ms).toBeGreaterThan(2_900);
    expect(ms).toBeLessThan(3_900);
    expect(await again).toMatchObject({ signal: "SIGKILL" });
    expect(groupMembers(launched.pid ?? 0)).toEqual([]);
  });

  test("gives way to kill, in either order", async () => {
    for (const first of ["stop", "kill"] as const) {
      const launched = await launchScript(shellKernel(DEAF));
      await outputUntil(launched, "up");
      const begin = performance.now();
      const exits = await Promise.all([launched[first](), launched.kill(), launched.stop(), launched.exited]);
      expect(exits.map(({ signal }) => signal)).toEqual(["SIGKILL", "SIGKILL", "SIGKILL", "SIGKILL"]);
      expect(performance.now() - begin).toBeLessThan(1_000);
    }
  });
});

describe("nothing of the group is left", () => {
  test("after kill of a stopped kernel with children", async () => {
    const launched = await launchScript(shellKernel("sleep 61 & sleep 62 & echo up; kill -STOP $$; wait"));
    await outputUntil(launched, "up");
    const { ms, signal } = await timed(launched.kill);
    expect(signal).toBe("SIGKILL");
    expect(ms).toBeLessThan(400);
    expect(groupMembers(launched.pid ?? 0)).toEqual([]);
  });

  test("after an ordinary end that leaves a child behind, with the pipes in its hands", async () => {
    const launched = await launchScript(shellKernel("(trap '' TERM HUP; sleep 63; sleep 64) & echo up; exit 0"));
    const output = outputUntil(launched, "up");
    const ended = new Promise((resolve) => launched.transport.readable.once("end", resolve));
    expect(await launched.exited).toMatchObject({ code: 0 });
    expect(groupMembers(launched.pid ?? 0)).toEqual([]);
    await output;
    await ended;
  });

  test("and one that escaped does not hold up the news or the end of the output", async () => {
    const script = `
      const { spawn } = require("node:child_process");
      const escaped = spawn("sleep", ["65"], { detached: true, stdio: "inherit" });
      console.log("escaped " + escaped.pid + ".");
      process.exit(4);`;
    const launched = await launchScript(nodeKernel(script));
    const begin = performance.now();
    const output = outputUntil(launched, ".");
    const ended = new Promise((resolve) => launched.transport.readable.once("end", resolve));
    expect(await launched.exited).toMatchObject({ code: 4 });
    expect(performance.now() - begin).toBeLessThan(2_000);
    await ended;
    expect(performance.now() - begin).toBeLessThan(4_000);
    process.kill(Number(/escaped (\d+)/.exec(await output)?.[1]), "SIGKILL");
  });
});

describe("the output", () => {
  test("is whole for a reader that comes after the exit", async () => {
    const launched = await launchScript(shellKernel("head -c 40000 /dev/zero; echo; echo last words"));
    await launched.exited;
    expect(await outputUntil(launched, "last words\n")).toHaveLength(40_000 + 1 + 11);
  });

  test("waits for a reader that pauses after the exit", async () => {
    vi.useFakeTimers({ toFake: ["setInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const launched = await launchScript(shellKernel("head -c 100000 /dev/zero; echo the end"));
    await launched.exited;
    for (let round = 0; round < 10; round += 1) {
      vi.advanceTimersByTime(1_000);
      await new Promise(setImmediate);
    }
    expect(await outputUntil(launched, "the end\n")).toHaveLength(100_000 + 8);
  });

  test("is not taken from a kernel that floods a host that does not read", async () => {
    const launched = await launchScript(shellKernel("exec yes 'a line of a kernel that does not stop' >&1"));
    const written = () => Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${launched.pid}/io`, "utf8"))?.[1]);
    const blocked = () => /^State:\s+S/m.test(readFileSync(`/proc/${launched.pid}/status`, "utf8"));
    // It sleeps when the pipe is full: a kernel that is drained never stays so.
    let still = 0;
    for (let last = -1; still < 20; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      still = blocked() && written() > 0 && written() === last ? still + 1 : 0;
      last = written();
      if (last > 50_000_000) break;
    }
    expect(written()).toBeLessThan(1_000_000);
    await outputUntil(launched, "does not stop\n");
    expect(await launched.kill()).toMatchObject({ signal: "SIGKILL" });
  });

  test("that is closed by the host ends a kernel that writes on", async () => {
    const launched = await launchScript(shellKernel("exec yes"));
    await launched.transport.close();
    expect((await launched.exited).code).not.toBe(0);
  });
});

test("a flood of stderr is drained and its end kept", async () => {
  const launched = await launchScript(shellKernel("head -c 3000000 /dev/zero | tr '\\0' 'x' >&2; echo ' the end' >&2"));
  expect((await launched.exited).stderrTail).toBe(" the end\n");
});
