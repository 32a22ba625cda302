import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { groupExists, signalGroup } from "./group-signals.js";
import { createProcessGroups } from "./posix-process-groups.js";
import type { ProcessGroups } from "./process-groups.js";

const env = { PATH: process.env.PATH ?? "/usr/bin:/bin" };

let dir: string;
let groups: ProcessGroups;
const left: number[] = [];

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "outliving-")));
  groups = createProcessGroups();
});
afterEach(async () => {
  for (const pgid of left.splice(0)) signalGroup(pgid, "SIGKILL");
  await groups.close();
  rmSync(dir, { recursive: true, force: true });
});

async function until(check: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!check()) {
    if (performance.now() > deadline) throw new Error("not within 5 s");
    await delay(5);
  }
}

describe("a process that may outlive the kernel", () => {
  it("is spared by close, and its output, both streams, goes to its file", async () => {
    const outputFile = join(dir, "out");
    const running = await groups.spawn({
      argv: ["bash", "-c", "echo a; echo b >&2; until [ -e go ]; do sleep 0.02; done"],
      cwd: dir,
      env,
      onOutput: () => {
        throw new Error("nobody reads it");
      },
      outlive: { outputFile },
    });
    left.push(running.pgid);
    await until(() => existsSync(outputFile) && readFileSync(outputFile, "utf8") === "a\nb\n");
    await groups.close();
    expect(groupExists(running.pgid)).toBe(true);
  });

  it("can be killed, and its exit is known while the kernel lives", async () => {
    const spawn = (script: string) =>
      groups.spawn({
        argv: ["bash", "-c", script],
        cwd: dir,
        env,
        onOutput: () => {},
        outlive: { outputFile: join(dir, "out") },
      });
    expect(await (await spawn("exit 3")).exited).toEqual({ code: 3, signal: null });
    const running = await spawn("sleep 60");
    await running.kill();
    expect(await running.exited).toEqual({ code: null, signal: "SIGTERM" });
  });
});

describe("kill with a grace", () => {
  const stubborn = "trap '' TERM; echo up; while :; do sleep 0.02; done";

  async function start(script: string) {
    let seen = "";
    const onOutput = (chunk: Buffer) => {
      seen += chunk;
    };
    const running = await groups.spawn({ argv: ["bash", "-c", script], cwd: dir, env, onOutput });
    await until(() => seen.includes("up"));
    return running;
  }

  it("waits that long for a group that ends by itself", async () => {
    const running = await start("trap 'sleep 0.2; exit 7' TERM; echo up; while :; do sleep 0.02; done");
    await running.kill(5_000);
    expect(await running.exited).toEqual({ code: 7, signal: null });
  });

  it("kills a stubborn one after it, and a later call with a shorter one cuts it short", async () => {
    const running = await start(stubborn);
    const from = performance.now();
    const slow = running.kill(60_000);
    await running.kill(30);
    await slow;
    expect(performance.now() - from).toBeLessThan(5_000);
    expect(await running.exited).toEqual({ code: null, signal: "SIGKILL" });
  });
});
