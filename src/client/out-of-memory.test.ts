import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { memoryLimit, nearLimit, oomKills, ranOutOfMemory } from "./out-of-memory.js";

describe("a process ran out of memory", () => {
  const quiet = {
    code: null,
    signal: null,
    saysNoMemory: false,
    killedByUs: false,
    oomKillsBefore: 2,
    oomKillsAfter: 2,
  };

  test.each([
    ["V8's words and an abort", { signal: "SIGABRT", saysNoMemory: true }, true],
    ["the same through a shell", { code: 134, saysNoMemory: true }, true],
    ["an abort without them", { signal: "SIGABRT" }, false],
    ["the words and an ordinary end", { code: 1, saysNoMemory: true }, false],
    ["SIGKILL and a kill counted", { signal: "SIGKILL", oomKillsAfter: 3 }, true],
    ["SIGKILL alone", { signal: "SIGKILL" }, false],
    ["SIGKILL that was ours", { signal: "SIGKILL", oomKillsAfter: 3, killedByUs: true }, false],
    ["SIGKILL where nothing is counted", { signal: "SIGKILL", oomKillsBefore: null, oomKillsAfter: null }, false],
    ["another's kill counted", { code: 0, oomKillsAfter: 3 }, false],
  ])("%s", (_what, seen, verdict) => {
    expect(ranOutOfMemory({ ...quiet, ...seen })).toBe(verdict);
  });
});

test.each<[string, Record<string, string>, number | null]>([
  ["unified", { "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.events": "oom 9\noom_kill 4\n" }, 4],
  ["unified, in a container", { "proc/self/cgroup": "0::/x\n", "sys/fs/cgroup/memory.events": "oom_kill 5\n" }, 5],
  [
    "the older kind",
    {
      "proc/self/cgroup": "8:pids:/\n4:cpu,memory:/j\n0::/\n",
      "sys/fs/cgroup/memory/j/memory.oom_control": "oom_kill 6\n",
    },
    6,
  ],
  ["not there", {}, null],
])("kills are counted in cgroups: %s", (_what, files, count) => {
  expect(oomKills(rootWith(files))).toBe(count);
});

test.each<[string, Record<string, string>, number]>([
  ["unified", { "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "4096\n" }, 4_096],
  ["unified, without one", { "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n" }, totalmem()],
  [
    "the older kind, in a container",
    { "proc/self/cgroup": "4:memory:/j\n0::/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "8192\n" },
    8_192,
  ],
  [
    "the older kind, without one",
    { "proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n" },
    totalmem(),
  ],
  ["not there", {}, totalmem()],
])("the limit of memory is that of the cgroup, or the machine's: %s", (_what, files, limit) => {
  expect(memoryLimit(rootWith(files))).toBe(limit);
});

test("nine tenths of the limit are near it", () => {
  expect([899, 900, 1_000].map((bytes) => nearLimit(bytes, 1_000))).toEqual([false, true, true]);
  expect(nearLimit(0, totalmem())).toBe(false);
});

/** A folder that holds these files; it is removed when the test ends. */
function rootWith(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "cgroup-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}
